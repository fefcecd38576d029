/**
 * What a folder of sentence-transformers says of how texts become vectors. Read `readModules` first; everything that it does not
 * know is refused by its name, because it might change the vectors.
 *
 * Both forms of the files are read: those of the library's first versions, where every pooling has a flag, and today's.
 */
import { ConfigError, FormatError, nearest, parseConfig } from "@cambium/base";
import * as z from "zod";
import { type DenseModule, parseDense } from "./dense.ts";
import { type Pooling, poolingNames } from "./pooling.ts";

/** What happens to a pooled vector. */
export type VectorStep = { readonly kind: "normalise" } | ({ readonly kind: "dense" } & DenseModule);

/** How a folder makes vectors of texts. */
export interface EmbeddingModules {
  /** Several stand side by side. */
  readonly pooling: readonly Pooling[];
  /** Whether the tokens of a prompt are pooled with those of the text. */
  readonly includePrompt: boolean;
  readonly steps: readonly VectorStep[];
  /** Most tokens of a text, special ones included, where the folder says so. */
  readonly maxLength?: number;
  /** Whether texts are put into lower case before they are read. */
  readonly lowerCase: boolean;
  /** What is put in front of texts, by name. */
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPrompt?: string;
  /** Numbers of a vector that are kept, from its start. @default all */
  readonly dimensions?: number;
}

/** The files, by name. */
type FileBytes = ReadonlyMap<string, Uint8Array>;

/** Where the library kept the settings of the transformer, by version and family. */
export const transformerConfigNames: readonly string[] = [
  "sentence_bert_config.json",
  ...["roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"].map(
    (name) => `sentence_${name}_config.json`,
  ),
];

const nothing = z.union([z.null(), z.strictObject({})]).optional();

const transformerSchema = z.strictObject({
  max_seq_length: z.int().positive().nullish(),
  do_lower_case: z.boolean().nullish(),
  transformer_task: z.literal("feature-extraction").nullish(),
  modality_config: z
    .looseObject({
      text: z.strictObject({ method: z.literal("forward"), method_output_name: z.literal("last_hidden_state") }),
    })
    .nullish(),
  module_output_name: z.literal("token_embeddings").nullish(),
  unpad_inputs: z.boolean().nullish(), // how, not what
  query_length: z.null().optional(),
  document_length: z.null().optional(),
  query_expansion: nothing,
  processing_kwargs: nothing,
  model_args: nothing,
  tokenizer_args: nothing,
  config_args: nothing,
  model_kwargs: nothing,
  processor_kwargs: nothing,
  config_kwargs: nothing,
});

/** The names of poolings in today's files, in the order of `poolingNames`. */
const modes = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] as const;
const flags = [
  "cls_token",
  "max_tokens",
  "mean_tokens",
  "mean_sqrt_len_tokens",
  "weightedmean_tokens",
  "lasttoken",
].map((name) => `pooling_mode_${name}`);
const mode = z.enum(modes);

const poolingSchema = z.strictObject({
  word_embedding_dimension: z.int().positive().nullish(),
  embedding_dimension: z.int().positive().nullish(),
  pooling_mode: z.union([mode, z.array(mode).min(1)]).nullish(),
  include_prompt: z.boolean().nullish(),
  ...Object.fromEntries(flags.map((flag) => [flag, z.boolean().nullish()])),
});

const onVector = z.literal("sentence_embedding").nullish();
const normaliseSchema = z.strictObject({ module_input_name: onVector, module_output_name: onVector });

const generalSchema = z.strictObject({
  __version__: z.unknown().optional(),
  model_type: z.literal("SentenceTransformer").nullish(),
  prompts: z.record(z.string(), z.string().nullable()).nullish(),
  default_prompt_name: z.string().nullish(),
  similarity_fn_name: z.string().nullish(), // of vectors, which it does not change
  truncate_dim: z.int().positive().nullish(),
});

const moduleSchema = z.array(
  z.strictObject({
    idx: z.unknown().optional(),
    name: z.unknown().optional(),
    path: z.string(),
    type: z.string(),
    kwargs: z.union([z.null(), z.array(z.never())]).optional(),
  }),
);

function jsonOf(caller: string, files: FileBytes, name: string): unknown {
  const bytes = files.get(name);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new FormatError({ message: `${caller}: ${name} is no JSON: ${(cause as Error).message}`, name, cause });
  }
}

function readPooling(caller: string, name: string, json: unknown): Pick<EmbeddingModules, "pooling" | "includePrompt"> {
  const parsed = parseConfig(`${caller}: ${name}`, poolingSchema, json ?? {});
  const { pooling_mode: given, include_prompt: includePrompt } = parsed;
  const set = modes.filter((_, i) => (parsed as Record<string, unknown>)[flags[i]!] === true);
  const chosen = given == null ? (set.length === 0 ? (["mean"] as const) : set) : [given].flat();
  return {
    pooling: chosen.map((each) => poolingNames[modes.indexOf(each)]!),
    includePrompt: includePrompt ?? true,
  };
}

const kinds = ["Transformer", "Pooling", "Dense", "Normalize", "Dropout"];

/** What kind of module a Python class is. */
function kindOf(caller: string, type: string): string {
  const [, name] = /^sentence_transformers\.(?:\w+\.)+?(\w+)$/.exec(type) ?? [];
  if (name !== undefined && kinds.includes(name)) return name;
  throw new FormatError({
    message: `${caller}: modules.json names the module ${JSON.stringify(type)}, which is not known here and may change the vectors; known are ${kinds.join(", ")} of sentence_transformers`,
    type,
  });
}

/** Pooling and what follows it. */
function readChain(
  caller: string,
  files: FileBytes,
  json: unknown,
): Pick<EmbeddingModules, "pooling" | "includePrompt" | "steps"> {
  const listed = parseConfig(`${caller}: modules.json`, moduleSchema, json).map(({ path, type }) => ({
    path,
    kind: kindOf(caller, type),
  }));
  const order = listed.map(({ kind }) => kind);
  const isKnown = order[0] === "Transformer" && order[1] === "Pooling";
  if (
    !isKnown ||
    listed[0]!.path !== "" ||
    order.slice(2).some((kind) => kind === "Transformer" || kind === "Pooling")
  ) {
    throw new FormatError({
      message: `${caller}: modules.json lists ${listed.map(({ kind, path }) => `${kind} in "${path}"`).join(", ") || "nothing"}; read are a Transformer in the folder itself, a Pooling, and then any of Dense, Normalize and Dropout`,
      order,
    });
  }
  const read = (path: string): unknown => jsonOf(caller, files, `${path}/config.json`);
  const steps = listed.slice(2).flatMap(({ kind, path }): VectorStep[] => {
    if (kind === "Dropout") return []; // only while training
    if (kind === "Dense") return [{ kind: "dense", ...parseDense(caller, path, read(path)) }];
    parseConfig(`${caller}: ${path}/config.json`, normaliseSchema, read(path) ?? {});
    return [{ kind: "normalise" }];
  });
  const { path } = listed[1]!;
  return { ...readPooling(caller, `${path}/config.json`, read(path)), steps };
}

/** The longest text of `tokenizer_config.json`, which today's folders keep theirs in; it holds 1e30 for none. */
function tokenizerLength(caller: string, files: FileBytes): number | undefined {
  const { model_max_length: length } = (jsonOf(caller, files, "tokenizer_config.json") ?? {}) as {
    readonly model_max_length?: unknown;
  };
  return typeof length === "number" && Number.isInteger(length) && length > 0 && length < 2 ** 31 ? length : undefined;
}

/**
 * How a folder makes vectors: mean of the tokens where it does not say.
 *
 * @param caller - Function to name in messages.
 * @param files - `modules.json` and what it names, with `tokenizer_config.json`, by name.
 * @throws {ConfigError} For a setting that is not known, by its name.
 * @throws {FormatError} For a module that is not known, or an order of modules that is not read.
 */
export function readModules(caller: string, files: FileBytes): EmbeddingModules {
  const listed = jsonOf(caller, files, "modules.json");
  const chain =
    listed === undefined
      ? { pooling: ["mean"] as const, includePrompt: true, steps: [] }
      : readChain(caller, files, listed);
  const name = transformerConfigNames.find((each) => files.has(each)) ?? transformerConfigNames[0]!;
  const { max_seq_length: given, do_lower_case: lower } = parseConfig(
    `${caller}: ${name}`,
    transformerSchema,
    jsonOf(caller, files, name) ?? {},
  );
  const general = "config_sentence_transformers.json";
  const {
    prompts,
    default_prompt_name: defaultPrompt,
    truncate_dim: dimensions,
  } = parseConfig(`${caller}: ${general}`, generalSchema, jsonOf(caller, files, general) ?? {});
  const maxLength = given ?? tokenizerLength(caller, files);
  return {
    ...chain,
    lowerCase: lower ?? false,
    prompts: Object.fromEntries(Object.entries(prompts ?? {}).map(([key, text]) => [key, text ?? ""])),
    ...(maxLength !== undefined && { maxLength }),
    ...(defaultPrompt != null && { defaultPrompt }),
    ...(dimensions != null && { dimensions }),
  };
}

/**
 * The text of a prompt.
 *
 * @param name - Of one of the folder's prompts, or `false` for none. @default the folder's own choice
 * @throws {ConfigError} When there is none of this name; the nearest is named.
 */
export function promptText(
  caller: string,
  { prompts, defaultPrompt }: EmbeddingModules,
  name: string | false | undefined = defaultPrompt,
): string {
  if (name === undefined || name === false) return "";
  if (Object.hasOwn(prompts, name)) return prompts[name]!;
  const known = Object.keys(prompts);
  const near = typeof name === "string" ? nearest(name, known) : undefined;
  throw new ConfigError({
    message: `${caller}: the tokenizer's folder has no prompt ${JSON.stringify(name)}; ${near !== undefined ? `is "${near}" meant?` : known.length === 0 ? "it has none" : `it has ${known.join(", ")}`}`,
    prompt: name,
  });
}
