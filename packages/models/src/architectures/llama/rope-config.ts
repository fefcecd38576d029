/**
 * The rotary positions of a config, in both spellings: `rope_parameters` of transformers 5, and `rope_theta` beside
 * `rope_scaling` of the versions before.
 *
 * A file's own keys stay in the config as they are, so that it is written back for the version that wrote it; what is computed
 * with is always `rope_parameters`.
 */
import { ConfigError, canonicalJson, parseConfig } from "@cambium/base";
import * as z from "zod";

/**
 * How positions turn queries and keys: by the frequencies `θ^(−2i / dHead)`, as they are (`default`), all divided by `factor`
 * (`linear`), or the low ones divided, the high ones kept, and a line between the two (`llama3`, of LLaMA 3.1).
 */
export type RopeParameters = {
  /** θ, the base of the frequencies. @default 10000 */
  readonly rope_theta: number;
} & (
  | { readonly rope_type: "default" }
  | { readonly rope_type: "linear"; readonly factor: number }
  | {
      readonly rope_type: "llama3";
      readonly factor: number;
      /** Frequencies that turn less often than this within the original positions are divided. */
      readonly low_freq_factor: number;
      /** Those that turn more often than this are kept. */
      readonly high_freq_factor: number;
      /** Positions that the model had been trained for before. @default max_position_embeddings */
      readonly original_max_position_embeddings: number;
    }
);

const positive = z.number().positive();

const common = { rope_theta: positive, partial_rotary_factor: z.literal(1).exactOptional() };

const schema = z.discriminatedUnion("rope_type", [
  z.strictObject({ ...common, rope_type: z.literal("default") }),
  z.strictObject({ ...common, rope_type: z.literal("linear"), factor: positive }),
  z.strictObject({
    ...common,
    rope_type: z.literal("llama3"),
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: z.int().positive(),
  }),
]);

/** What of a config the rotary positions are read from. */
interface RopeSource {
  readonly max_position_embeddings: number;
  readonly rope_parameters?: Readonly<Record<string, unknown>>;
  readonly rope_theta?: number;
  readonly rope_scaling?: Readonly<Record<string, unknown>>;
  readonly original_max_position_embeddings?: number;
}

/**
 * The rotary positions of a config in either spelling.
 *
 * @throws {ConfigError} For another type, a key that the type does not have, a value out of range, and spellings that disagree.
 */
export function parseRope(caller: string, config: RopeSource): RopeParameters {
  const spelling = config.rope_parameters === undefined ? "rope_scaling" : "rope_parameters";
  const rope = parseSpelling(caller, spelling, config);
  const { rope_theta, rope_scaling, original_max_position_embeddings } = config;
  const others: Record<string, readonly [given: unknown, used: unknown]> = {
    rope_theta: [rope_theta, rope.rope_theta],
    rope_scaling: [rope_scaling && parseSpelling(caller, "rope_scaling", config), rope],
    ...(rope.rope_type === "llama3" && {
      original_max_position_embeddings: [original_max_position_embeddings, rope.original_max_position_embeddings],
    }),
  };
  for (const [key, [given, used]] of Object.entries(others)) {
    if (given === undefined || canonicalJson(given) === canonicalJson(used)) continue;
    throw new ConfigError({
      message: `${caller}: "${key}" and "${spelling}" disagree; say it in one of them, and leave the other out`,
      key,
    });
  }
  return rope;
}

/** Where a config may have them. */
type Spelling = "rope_parameters" | "rope_scaling";

function parseSpelling(caller: string, key: Spelling, config: RopeSource): RopeParameters {
  const { type, rope_type = type ?? "default", ...given } = config[key] ?? {};
  if (type !== undefined && type !== rope_type) {
    throw new ConfigError({
      message: `${caller}: "${key}" says type ${JSON.stringify(type)} and rope_type ${JSON.stringify(rope_type)}; which one is it?`,
    });
  }
  const withDefaults = {
    rope_theta: config.rope_theta ?? 10000,
    ...(rope_type === "llama3" && {
      original_max_position_embeddings: config.original_max_position_embeddings ?? config.max_position_embeddings,
    }),
    ...given,
    rope_type,
  };
  const { partial_rotary_factor: _, ...rope } = parseConfig(`${caller}: ${key}`, schema, withDefaults);
  if (rope.rope_type === "llama3" && rope.low_freq_factor >= rope.high_freq_factor) {
    throw new ConfigError({
      message: `${caller}: ${key}: low_freq_factor must be less than high_freq_factor, got ${rope.low_freq_factor} and ${rope.high_freq_factor}`,
    });
  }
  return rope;
}
