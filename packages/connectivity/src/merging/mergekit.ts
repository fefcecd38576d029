/** Recipes in mergekit's YAML, where the method is the same. */
import { ConfigError, FormatError, nearest } from "@cambium/base";
import { parse } from "yaml";
import * as z from "zod";
import { type MergeMethod, type MergeRecipe, type Numbers, needsBase, planMerge } from "./recipe.ts";
import type { Setting } from "./settings.ts";

/** A recipe and what it is of. */
export interface ReadRecipe {
  readonly recipe: MergeRecipe;
  /** Names of the models in the order of the points. */
  readonly models: readonly string[];
  /** Name of the model that changes start from, where the method merges changes. */
  readonly base?: string;
}

/** mergekit's names of the methods that are ours, and whether changes are divided by the weights where nothing is said. */
const METHODS: Readonly<Record<string, MergeMethod>> = {
  linear: "linear",
  slerp: "slerp",
  karcher: "karcher",
  task_arithmetic: "task-arithmetic",
  ties: "ties",
  dare_linear: "dare-linear",
  dare_ties: "dare-ties",
  della_linear: "della-linear",
  della: "della",
  breadcrumbs: "breadcrumbs",
  breadcrumbs_ties: "breadcrumbs-ties",
  model_stock: "model-stock",
};

/** mergekit's names of the settings that methods read. */
const SETTINGS: Readonly<Record<string, Numbers | "lambda" | "t" | "normalise" | "iterations" | "tolerance">> = {
  weight: "weight",
  density: "density",
  gamma: "gamma",
  epsilon: "epsilon",
  lambda: "lambda",
  t: "t",
  normalize: "normalise",
  max_iter: "iterations",
  tol: "tolerance",
};

const gradient = z.union([z.number(), z.array(z.number()).min(1)]);
const value = z.union([
  z.boolean(),
  gradient,
  z.array(z.strictObject({ filter: z.string().nullish(), value: gradient })).min(1),
]);
const parameters = z.record(z.string(), value).nullish();
const model = z.strictObject({ model: z.string(), parameters });
const slice = z.strictObject({
  sources: z.array(z.strictObject({ model: z.string(), layer_range: z.tuple([z.int(), z.int()]), parameters })).min(1),
  parameters,
});
const schema = z.strictObject({
  merge_method: z.string(),
  models: z.array(model).min(1).nullish(),
  slices: z.array(slice).nullish(),
  base_model: z.string().nullish(),
  parameters,
  dtype: z.string().nullish(),
  out_dtype: z.string().nullish(),
  name: z.string().nullish(),
});

type Given = Readonly<Record<string, z.infer<typeof value>>>;

/**
 * Reads a recipe in mergekit's YAML, with its defaults for the method. What would make another merge here is an error: methods that
 * are not ours, slices of part of the layers, computing in 16 bits, tokenizers.
 *
 * @throws {FormatError} When the text is no YAML, or no such recipe.
 * @throws {ConfigError} For what is not read here; says what.
 * @example
 * const { recipe, models, base } = readMergekit(await readFile("merge.yml", "utf8"));
 */
export function readMergekit(text: string): ReadRecipe {
  const fail = (message: string): ConfigError => new ConfigError({ message: `readMergekit: ${message}` });
  let content: unknown;
  try {
    content = parse(text);
  } catch (cause) {
    throw new FormatError({ message: `readMergekit: this is no YAML: ${(cause as Error).message}`, cause });
  }
  for (const key of Object.keys(Object(content)))
    if (["tokenizer", "tokenizer_source", "chat_template"].includes(key))
      throw fail(`"${key}" is about tokenizers; points are merged here, and models must share theirs`);
  const { data, error } = schema.safeParse(content);
  if (data === undefined)
    throw new FormatError({
      message: `readMergekit: this is no recipe that is read here: ${z.prettifyError(error).replaceAll("\n", " ")}`,
    });
  for (const key of ["dtype", "out_dtype"] as const)
    if (data[key] != null && data[key] !== "float32") throw fail(`${key} ${data[key]}: merges are computed in float32`);
  const method = METHODS[data.merge_method];
  if (method === undefined) {
    const close = nearest(data.merge_method, Object.keys(METHODS));
    throw fail(
      `merge_method "${data.merge_method}" is not one of ours${close === undefined ? "" : `; is "${close}" meant?`} There are ${Object.keys(METHODS).join(", ")}`,
    );
  }
  const { entries, more } = entriesOf(data, fail);
  const base = data.base_model ?? undefined;
  if ((needsBase(method) || method === "slerp") && base === undefined)
    throw fail(`${data.merge_method} needs base_model`);
  const list = needsBase(method) ? entries.filter((entry) => entry.model !== base) : entries;
  if (list.length === 0) throw fail("there is no model beside the base");
  const ordered =
    method === "slerp" ? [...list].sort((a, b) => Number(b.model === base) - Number(a.model === base)) : list;
  const common: Given = { ...data.parameters, ...more };
  const recipe = recipeOf(
    method,
    ordered.map((entry) => ({ ...common, ...entry.parameters })),
    common,
    fail,
  );
  planMerge(recipe, ordered.length);
  return { recipe, models: ordered.map((entry) => entry.model), ...(needsBase(method) && { base: base! }) };
}

type Fail = (message: string) => ConfigError;

/** Models with their settings: from `models`, or from one slice over all layers. */
function entriesOf(data: z.infer<typeof schema>, fail: Fail) {
  if (data.models != null && data.slices != null) throw fail('give "models" or "slices", not both');
  if (data.models != null) return { entries: data.models, more: {} };
  const [only, ...others] = data.slices ?? [];
  if (only === undefined) throw fail('there are neither "models" nor "slices"');
  const ranges = new Set(only.sources.map(({ layer_range: [from, to] }) => `${from}-${to}`));
  if (others.length > 0 || ranges.size > 1 || !only.sources.every(({ layer_range: [from] }) => from === 0))
    throw fail("slices that put layers together in another way are no merge of points");
  return { entries: only.sources, more: only.parameters ?? {} };
}

function recipeOf(method: MergeMethod, perModel: readonly Given[], common: Given, fail: Fail): MergeRecipe {
  const recipe: Record<string, unknown> = { method };
  const keys = new Set([...Object.keys(common), ...perModel.flatMap((given) => Object.keys(given))]);
  for (const key of keys) {
    if (key === "int8_mask") continue; // how a mask is held, not what is in it
    const ours = SETTINGS[key];
    if (ours === undefined) {
      const close = nearest(key, Object.keys(SETTINGS));
      throw fail(`there is no parameter "${key}"${close === undefined ? "" : `; is "${close}" meant?`}`);
    }
    if (ours === "normalise") {
      if (typeof common[key] !== "boolean" && typeof common[key] !== "number")
        throw fail('"normalize" must be true or false, for all models');
      recipe[ours] = Boolean(common[key]);
    } else if (ours === "iterations" || ours === "tolerance") {
      if (typeof common[key] !== "number") throw fail(`"${key}" must be a number, for all models`);
      recipe[ours] = common[key];
    } else if (ours === "lambda" || ours === "t") recipe[ours] = settingOf(common[key], key, fail);
    else {
      const missing = perModel.findIndex((given) => given[key] === undefined);
      if (missing >= 0) throw fail(`model ${missing} has no "${key}", and others have one`);
      recipe[ours] = { each: perModel.map((given) => settingOf(given[key], key, fail)) };
    }
  }
  return recipe as MergeRecipe;
}

function settingOf(given: Given[string] | undefined, key: string, fail: Fail): Setting {
  if (given === undefined) throw fail(`"${key}" must be given for all models at once`);
  if (typeof given === "boolean") throw fail(`"${key}" must be a number`);
  if (typeof given === "number") return given;
  return given.map((each) =>
    typeof each === "number" ? each : { ...(each.filter != null && { filter: each.filter }), value: each.value },
  ) as Setting;
}
