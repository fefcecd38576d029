/**
 * What a method says of PEFT's files: its own words in the config, its own keys, and reasons where PEFT cannot say it. What is
 * common to all methods (targets, `modules_to_save`, the task, wrappers of keys) is in `peft-load.ts` and `peft-save.ts`.
 */
import type { FormatError } from "@cambium/base";
import type { Parameters, Role } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import type * as z from "zod";
import type { Delta } from "../delta.ts";
import type { GoesTo } from "../targets.ts";

/** A setting in a file under which the stored tensors mean something else, and why it is refused. */
export interface Refusal {
  readonly key: string;
  /** Whether a value of it is refused. */
  refuses(value: unknown): boolean;
  readonly reason: string;
}

/** The layers that a file is about. */
export interface PeftLayers {
  /** Our paths of them, by what the file's model calls them. */
  readonly byName: ReadonlyMap<string, string>;
  /** Targets that are no layer. */
  readonly problems: readonly string[];
  /** A predicate for `targets`, of linear layers alone. */
  isTarget(site: { readonly path: string }): boolean;
  /** Values of patterns for names in the file's model, by our paths. */
  resolve(patterns: Readonly<Record<string, number>>): Readonly<Record<string, number>>;
}

/** A PEFT config that is being read, and what helps to read it. */
export interface PeftSource {
  readonly base: LanguageModel;
  readonly json: Readonly<Record<string, unknown>>;
  /**
   * Some of its fields, checked.
   *
   * @throws {FormatError} For values that cannot be meant.
   */
  fields<Fields>(schema: z.ZodType<Fields>): Fields;
  /**
   * Checks for what is not understood.
   *
   * @throws {FormatError} Listing all settings that are refused, with the reasons.
   */
  refuse(refusals: readonly Refusal[]): void;
  /** What the file's model calls a path of ours. */
  theirName(path: string): string;
  /** Names of modules that are trained whole beside the method. */
  readonly modulesToSave: readonly string[];
  /**
   * The layers that the fields on targets mean; where they say nothing, those of `usual`.
   *
   * @param goesTo - Whether the method also goes to tables of word embeddings. @default "layers"
   */
  layers(usual: readonly Role[], goesTo?: GoesTo): PeftLayers;
  /** The error of a file that says what cannot be read, to be thrown. */
  fail(problem: string): FormatError;
}

/** The tensors of a file that is being read. */
export interface PeftTensors {
  /** The numbers of a key without its wrappers; undefined where there is none. */
  values(key: string): Promise<ArrayLike<number> | undefined>;
  /** Whether there is such a key. */
  has(key: string): boolean;
}

/** What a config means. */
export interface PeftReading<Options> {
  /** For the method; absent where it would go nowhere. */
  readonly options?: Options;
  readonly problems: readonly string[];
  /** The options, where tensors of the file say some of them, such as which entries are trained. */
  complete?(tensors: PeftTensors): Promise<Options>;
}

/** What a delta is in a config. */
export interface PeftWriting {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Tensors beside those that files of the method hold, under our names. The caller disposes of them. */
  readonly more?: Parameters;
  /** Whether `more` is all that PEFT's file holds, such as what a network makes, and not the network. @default false */
  readonly isInstead?: boolean;
}

/** Why PEFT has no words for something. */
export interface Inexpressible {
  readonly reason: string;
}

/** How PEFT calls a method's tensors. */
export interface PeftKeys {
  /** The key of one of the delta's tensors. `wrap` puts PEFT's and the task model's prefixes before a name. @default wrap(name) */
  write?(name: string, wrap: (name: string) => string, delta: Pick<Delta, "parameters">): string;
  /** Our name for a key that has its prefixes taken off; undefined for one that holds nothing of use. @default the same */
  read?(key: string, base: LanguageModel): string | undefined;
}

/** A method in PEFT's files. */
export interface PeftFormat<Options = unknown, Config = unknown> {
  /** `peft_type` */
  readonly type: string;
  /** Tells methods of one type apart. Where none claims a file, it is of the method without this. */
  is?(json: Readonly<Record<string, unknown>>): boolean;
  /** What a config means. */
  read(source: PeftSource): PeftReading<Options>;
  /** The config's fields, or why there are none. Only those that every version of PEFT knows; later ones fill in the rest. */
  write(delta: Delta<Config>, base: LanguageModel): PeftWriting | Inexpressible;
  readonly keys?: PeftKeys;
  /** Whether it stands before the model, and not in it: then keys of the model have fewer wrappers, and heads must be in the file. @default false */
  readonly isPrompt?: boolean;
}
