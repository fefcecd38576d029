/** What a family of models says of its GGUF files: `Architecture.gguf`. */
import type { ModelConfig } from "../architecture.ts";
import type { GgufFields } from "./fields.ts";

/** A value to be written, of a type of the format. */
export type GgufWritten =
  | readonly ["UINT32" | "INT32" | "FLOAT32", number | readonly number[]]
  | readonly ["BOOL", boolean]
  | readonly ["STRING", string | readonly string[]];

/** A key of the metadata, without the architecture's name, and its value. */
export type GgufEntry = readonly [key: string, ...value: GgufWritten];

/** What of a config a file says. */
export interface GgufConfig {
  readonly entries: readonly GgufEntry[];
  /** Numbers that divide the frequencies of rotary positions, for the tensor `rope_freqs.weight`. @default no such tensor */
  readonly ropeFactors?: readonly number[];
}

/** How the models of a family stand in GGUF files. */
export interface GgufFormat<Config extends ModelConfig = ModelConfig> {
  /** What `general.architecture` says, and the metadata's keys begin with. */
  readonly architecture: string;
  /** Whether a file of this `architecture` is of this family, where several share the word. @default where it is of no other */
  isMeant?(metadata: { has(key: string): boolean }): boolean;
  /**
   * The `config.json` that the metadata mean, in the spelling that the family's `parse` reads.
   *
   * @throws {FormatError} For what the family does not compute, by the key's name.
   */
  readConfig(fields: GgufFields): { readonly model_type: string };
  /**
   * The metadata of a config, without those of the vocabulary.
   *
   * @throws {ConfigError} For what no such file can say.
   */
  writeConfig(config: Config): GgufConfig;
  /**
   * Names of modules in the file and in ours, with `#` for the number of a layer: `blk.#.attn_q` is `model.layers.#.self_attn.q_proj`.
   * What follows, `.weight` or `.bias`, is the same in both.
   */
  readonly names: Readonly<Record<string, string>>;
  /** Names in the file of modules whose weights are `[out, in]` there and `[in, out]` here. @default none */
  readonly turned?: readonly string[];
  /**
   * Names in the file of modules whose rows stand in another order there, and the number of their heads: rows i and i + dHead / 2 of
   * a head are 2i and 2i + 1 in the file. @default none
   */
  pairedHeads?(config: Config): Readonly<Record<string, number>>;
}
