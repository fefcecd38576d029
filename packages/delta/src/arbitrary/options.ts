import { ConfigError, parseConfig } from "@cambium/base";
import type { Random } from "@cambium/core";
import * as z from "zod";
import type { Host } from "../host.ts";
import { type AdapterConfig, type AdapterOptions, adapter } from "../methods/adapter.ts";
import { type LoraConfig, type LoraOptions, lora } from "../methods/lora.ts";
import { type PrefixConfig, type PrefixOptions, prefix } from "../methods/prefix.ts";
import { type PromptConfig, type PromptOptions, prompt } from "../methods/prompt.ts";
import { type Manifest, manifestSchema } from "./manifest.ts";

/** What may be chosen: see `ArbitraryOptions.pool`. */
export type Pool = "weights" | "bias" | "lora" | "adapter" | "prompt" | "prefix";

/** How large the pieces are that are chosen: see `ArbitraryOptions.granularity`. */
export type Granularity = "scalar" | "row" | "tensor" | "group";

/** Where a choice may fall, of `arbitrary` and of the selections by score. */
export interface SelectionConstraints {
  /** Keep to these layers, counted from 0; what belongs to no layer is left out then. @default everything */
  readonly layers?: readonly number[] | undefined;
  /** Keep to weights of these roles, such as `["attn.q", "ff.up"]`. @default all */
  readonly roles?: readonly string[] | undefined;
  /** Leave out every table that is looked up: words, positions, types. @default false */
  readonly excludeEmbeddings?: boolean | undefined;
  /** Leave out vectors: biases, and gains of norms. @default false */
  readonly excludeVectors?: boolean | undefined;
  /** Leave out the head, which a new task trains as a whole: `head(model)`. @default true */
  readonly excludeHead?: boolean | undefined;
}

/** Settings of `arbitrary`. */
export interface ArbitraryOptions extends SelectionConstraints {
  /** Trainable scalars. Needed unless there is a `selection`. */
  readonly count?: number | undefined;
  /**
   * - `"scalar"`: single numbers, anywhere, each with equal probability;
   * - `"row"`: rows of matrices as they are stored; of a vector, all of it;
   * - `"tensor"`: whole tensors;
   * - `"group"`: tensors that make sense together: a layer's weight and bias, LoRA's A and B, an adapter.
   *
   * @default "scalar"
   */
  readonly granularity?: Granularity | undefined;
  /**
   * What may be chosen, one or several:
   *
   * - `"weights"`: increments on every weight of the model, of those in 8 or 4 bits as well;
   * - `"bias"`: increments on biases, and new ones where linear layers and norms have none;
   * - `"lora"`, `"adapter"`: those that `lora` and `adapter` below would make;
   * - `"prompt"`, `"prefix"`: rows of them, each of which stands for itself.
   *
   * @default "weights"
   */
  readonly pool?: Pool | readonly Pool[] | undefined;
  /** Shares of the count by pool. @default half for "weights" and half for the others together, as Su et al. */
  readonly split?: Readonly<Partial<Record<Pool, number>>> | undefined;
  /**
   * `"skip"`: pieces that no longer fit are passed over, so that fewer scalars than `count` may come out, as Su et al.
   * `"exact"`: what is left then is filled with single scalars, so that it is `count`. @default "exact"
   */
  readonly fit?: "skip" | "exact" | undefined;
  /** Scalars that every layer must have. @default 0 */
  readonly minPerLayer?: number | undefined;
  /** Scalars that no layer may have more of. @default no limit */
  readonly maxPerLayer?: number | undefined;
  /** Of the pool `"lora"`: A and B of linear layers, and nothing beside them. @default rank 8 and alpha 16 on queries and values */
  readonly lora?: LoraOptions | undefined;
  /** Of the pool `"adapter"`, without `phm` and `gate`. @default Houlsby's with a bottleneck of 24 and gelu_new */
  readonly adapter?: AdapterOptions | undefined;
  /** Of the pool `"prompt"`: its `length` is the number of rows to choose from. @default a length of 20 */
  readonly prompt?: PromptOptions | undefined;
  /** Of the pool `"prefix"`, likewise, without `network` and `gate`. @default a length of 20 */
  readonly prefix?: PrefixOptions | undefined;
  /** A choice that was made, such as `selectByMagnitude` gives, in place of all other options. */
  readonly selection?: Manifest | undefined;
  /** Where a random choice came from. A config has it, and options take it in place of the argument. */
  readonly random?: { readonly seed: number; readonly path: readonly (string | number)[] } | undefined;
  /** Of a choice that was made by the same recipe: making it again gives the same, or is an error. */
  readonly digest?: string | undefined;
}

/** A random choice as JSON: the whole recipe, however many scalars it chooses. */
export interface ArbitraryRecipe {
  readonly count: number;
  readonly granularity: Granularity;
  readonly pool: readonly Pool[];
  readonly split?: Readonly<Partial<Record<Pool, number>>>;
  readonly fit: "skip" | "exact";
  readonly layers?: readonly number[];
  readonly roles?: readonly string[];
  readonly excludeEmbeddings: boolean;
  readonly excludeVectors: boolean;
  readonly excludeHead: boolean;
  readonly minPerLayer: number;
  readonly maxPerLayer?: number;
  readonly lora?: LoraConfig;
  readonly adapter?: AdapterConfig;
  readonly prompt?: PromptConfig;
  readonly prefix?: PrefixConfig;
  readonly random: { readonly seed: number; readonly path: readonly (string | number)[] };
  /** Of all that is chosen, so that a file never means another choice than the one that was trained. */
  readonly digest: string;
}

/** An arbitrary delta as JSON: the recipe of its choice, or the choice. */
export type ArbitraryConfig = ArbitraryRecipe | ChosenConfig;

/** A choice as JSON, where nothing smaller says it. */
export interface ChosenConfig {
  readonly selection: Manifest;
}

const pools = ["weights", "bias", "lora", "adapter", "prompt", "prefix"] as const;
const pool = z.enum(pools);
const count = z.int().nonnegative();

/** The keys of `SelectionConstraints`. */
export const constraintKeys: {
  readonly layers: z.ZodExactOptional<z.ZodType<readonly number[]>>;
  readonly roles: z.ZodExactOptional<z.ZodType<readonly string[]>>;
  readonly excludeEmbeddings: z.ZodDefault<z.ZodBoolean>;
  readonly excludeVectors: z.ZodDefault<z.ZodBoolean>;
  readonly excludeHead: z.ZodDefault<z.ZodBoolean>;
} = {
  layers: z.array(count).min(1).readonly().exactOptional(),
  roles: z.array(z.string()).min(1).readonly().exactOptional(),
  excludeEmbeddings: z.boolean().default(false),
  excludeVectors: z.boolean().default(false),
  excludeHead: z.boolean().default(true),
};

const inner = z.custom<object>((value) => typeof value === "object" && value !== null, "must be options");
const recipe = z.strictObject({
  ...constraintKeys,
  count: count.min(1).exactOptional(),
  granularity: z.enum(["scalar", "row", "tensor", "group"]).default("scalar"),
  pool: z
    .union([pool, z.array(pool).min(1).readonly()])
    .default("weights")
    .transform((given): readonly Pool[] => pools.filter((each) => each === given || given.includes(each))),
  split: z.partialRecord(pool, z.number().positive()).exactOptional(),
  fit: z.enum(["skip", "exact"]).default("exact"),
  minPerLayer: count.default(0),
  maxPerLayer: count.exactOptional(),
  lora: inner.exactOptional(),
  adapter: inner.exactOptional(),
  prompt: inner.exactOptional(),
  prefix: inner.exactOptional(),
  random: z.strictObject({ seed: count, path: z.array(z.union([z.string(), z.int()])).readonly() }).exactOptional(),
  digest: z.string().exactOptional(),
});
const chosen = z.strictObject({ selection: manifestSchema });

/** What options of `undefined` say is nothing. */
const withoutUndefined = (options: object): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** A recipe before its choice is made. */
export type Unmade = Omit<ArbitraryRecipe, "digest"> & { readonly digest?: string };

/**
 * What options mean, checked.
 *
 * @throws {ConfigError} For settings that are out of range, do not go together, or lack randomness.
 */
export function parseOptions(options: ArbitraryOptions, shape: Host, given: Random | undefined): Unmade | ChosenConfig {
  const caller = "arbitrary";
  const stated = withoutUndefined(options ?? {});
  if ("selection" in stated) return parseConfig(caller, chosen, stated);
  const { random = given, count, ...others } = parseConfig(caller, recipe, stated);
  const fail = (message: string): ConfigError => new ConfigError({ message: `${caller}: ${message}` });
  if (count === undefined) throw fail('"count" is needed, the number of scalars to train, or a "selection"');
  const config = { count, ...others };
  if (random === undefined) throw fail("the choice is random; pass randomness, such as random(1)");
  const { minPerLayer, maxPerLayer, split } = config;
  if (maxPerLayer !== undefined && maxPerLayer < minPerLayer)
    throw fail(`"maxPerLayer" ${maxPerLayer} is below "minPerLayer" ${minPerLayer}`);
  const strange = Object.keys(split ?? {}).find((each) => !config.pool.includes(each as Pool));
  if (strange !== undefined) throw fail(`"split" has a share for "${strange}", which is not in "pool"`);
  const lacking = split === undefined ? undefined : config.pool.find((each) => split[each] === undefined);
  if (lacking !== undefined) throw fail(`"split" has no share for "${lacking}", which is in "pool"`);
  for (const each of ["lora", "adapter", "prompt", "prefix"] as const)
    if (each in config && !config.pool.includes(each)) throw fail(`"${each}" has options, and is not in "pool"`);
  const has = (each: Pool): boolean => config.pool.includes(each);
  return {
    ...(config as Omit<Unmade, "random">),
    ...(has("lora") && { lora: lora.parse({ rank: 8, alpha: 16, ...(config.lora as LoraOptions) }, shape) }),
    ...(has("adapter") && {
      adapter: adapter.parse({ bottleneck: 24, activation: "gelu_new", ...(config.adapter as AdapterOptions) }, shape),
    }),
    ...(has("prompt") && { prompt: prompt.parse({ ...(config.prompt as PromptOptions) }, shape) }),
    ...(has("prefix") && { prefix: prefix.parse({ ...(config.prefix as PrefixOptions) }, shape) }),
    random: { seed: random.seed, path: [...random.path] },
  };
}
