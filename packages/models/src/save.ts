import { ConfigError, checkOptions, type Files, hasFile, openFiles } from "@cambium/base";
import { describeQuantised, quantisedNames, saveSafetensors } from "@cambium/core";
import { modulesOf } from "./embedding/save-modules.ts";
import { type HeadConfig, hasTaskModel, poolOf } from "./head-config.ts";
import type { LanguageModel } from "./language-model.ts";
import { headKeys } from "./stored-head.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { companionNames } from "./tokenizer-files.ts";
import { checkWhole } from "./view.ts";

/** Settings of `saveModel`. */
export interface SaveModelOptions {
  /** How weights are stored; all are read back as float32. @default "F32" */
  readonly dtype?: "F32" | "F16" | "BF16";
  /**
   * What the model reads its texts with: its files are written as they were loaded, byte for byte, those of a sentence
   * embedding model and `generation_config.json` included. A decoder's config that does not say which tokens begin, end and fill
   * up a text says it as the tokenizer does. @default none: what lies in the folder stays
   */
  readonly tokenizer?: Pick<Tokenizer, "files" | "special" | "vocabularySize">;
  /**
   * Who is to read the folder. A head whose `pool` transformers does not know is written for `"cambium"` alone: other readers
   * would compute something else from it. @default "transformers"
   */
  readonly reader?: "transformers" | "cambium";
}

/** What of a model is written. */
export type SavedModel = Pick<
  LanguageModel,
  "config" | "parameters" | "fileName" | "head" | "architecture" | "sites" | "isView"
>;

/** What of a model its config is made of. */
export type ConfiguredModel = Pick<LanguageModel, "config" | "architecture"> & { readonly head?: HeadConfig };

const CONFIG = "config.json";

const dtypes = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

/**
 * Writes a model as a folder that `loadModel` and Python's transformers read: `model.safetensors`, the tokenizer's files, and
 * `config.json` last. A folder of another model is without a `config.json` while it is overwritten, so that what a crash leaves
 * loads as neither.
 *
 * @param target - The folder: a path, or any `Files`.
 * @throws {ConfigError} When layers are in 8 or 4 bits: what they were rounded from is the model to keep; when the tokenizer is
 *   another model's; when the folder is an adapter's; when transformers would take the head for another; when an option does not exist.
 * @throws {FileError} When a file cannot be written. If it is the weights, the folder is as it was; otherwise save again.
 * @example
 * await saveModel(merge(trained), "models/spam", { tokenizer });
 */
export async function saveModel(
  model: SavedModel,
  target: string | Files,
  options: SaveModelOptions = {},
): Promise<void> {
  checkOptions("saveModel", options, ["dtype", "tokenizer", "reader"]);
  checkWhole("saveModel", model);
  const { dtype = "F32", tokenizer, reader = "transformers" } = options;
  if (!Object.hasOwn(dtypes, dtype)) {
    throw new ConfigError({
      message: `saveModel: dtype must be ${Object.keys(dtypes).join(", ")}, got ${JSON.stringify(dtype)}`,
      dtype,
    });
  }
  checkReader(model, reader);
  checkTokenizer("saveModel", model, tokenizer);
  const rounded = quantisedNames(model.parameters);
  if (rounded.length > 0) {
    throw new ConfigError({
      message: `saveModel: ${describeQuantised(model.parameters, rounded)}; save the adapter, or load the model in float32 and save that`,
      rounded,
    });
  }
  const files = openFiles(target);
  await checkNoAdapter(files);
  const names = [...model.parameters].map(([name, tensor]) => [model.fileName(name), tensor] as const);
  await withoutConfig(files, () =>
    saveSafetensors(files, "model.safetensors", new Map(names), { metadata: { format: "pt" }, dtype }),
  );
  await saveCompanions(model, tokenizer, files);
  await files.write(CONFIG, writtenConfig(model, dtypes[dtype], tokenizer));
}

/** Throws for an adapter's folder: transformers would put the adapter on whatever model lies beside it. */
async function checkNoAdapter(files: Files): Promise<void> {
  if (!(await hasFile(files, "adapter_config.json"))) return;
  throw new ConfigError({
    message: `saveModel: ${files.location} holds an adapter (adapter_config.json), which transformers would put on the model; save to another folder`,
    location: files.location,
  });
}

/** The config as text. JSON knows no floats, Python does: a whole number that is one gets a fraction. */
export function writtenConfig(model: ConfiguredModel, dtype: string, tokenizer: SaveModelOptions["tokenizer"]): string {
  const { floatKeys = [] } = model.architecture;
  const json = JSON.stringify(configFile(model, dtype, tokenizer), null, 2);
  const whole = new RegExp(`^( *"(?:${floatKeys.join("|")})": -?\\d+)(?=,?$)`, "gm");
  return `${floatKeys.length === 0 ? json : json.replace(whole, "$1.0")}\n`;
}

/** Throws for a head that the reader would take for another. */
function checkReader({ head }: SavedModel, reader: NonNullable<SaveModelOptions["reader"]>): void {
  if (reader !== "transformers" && reader !== "cambium") {
    throw new ConfigError({
      message: `saveModel: reader must be "transformers" or "cambium", got ${JSON.stringify(reader)}`,
      reader,
    });
  }
  const pool = head === undefined ? undefined : poolOf(head);
  if (pool === undefined || reader === "cambium") return;
  throw new ConfigError({
    message: `saveModel: the head reads "${pool}" (pool), and transformers would take it for one that reads another row; save it with reader: "cambium" for loadModel alone`,
    pool,
  });
}

/** Throws for a tokenizer that cannot be the model's. */
export function checkTokenizer(
  caller: string,
  { config }: ConfiguredModel,
  tokenizer: SaveModelOptions["tokenizer"],
): void {
  if (tokenizer === undefined) return;
  if (!(tokenizer.files instanceof Map) || !tokenizer.files.has("tokenizer.json")) {
    throw new ConfigError({ message: `${caller}: tokenizer must be what loadTokenizer or createTokenizer gave` });
  }
  const { vocabularySize } = tokenizer;
  if (vocabularySize <= config.vocab_size) return;
  throw new ConfigError({
    message: `${caller}: the tokenizer has ${vocabularySize} tokens, the model embeds ${config.vocab_size}; pass the tokenizer that the model was trained with`,
    vocabularySize,
  });
}

/** Takes the former model's config away while its weights are replaced, and puts it back if they could not be. */
export async function withoutConfig(files: Files, writeWeights: () => Promise<void>): Promise<void> {
  const former = (await hasFile(files, CONFIG)) ? await files.read(CONFIG) : undefined;
  if (former !== undefined) await files.remove(CONFIG);
  try {
    await writeWeights();
  } catch (error) {
    if (former !== undefined) await files.write(CONFIG, former);
    throw error;
  }
}

/** Writes what a model is used with: the tokenizer's files, and what makes vectors of an embedding head's rows. */
export async function saveCompanions(
  { head, sites }: ConfiguredModel & Pick<LanguageModel, "sites">,
  tokenizer: SaveModelOptions["tokenizer"],
  files: Files,
): Promise<void> {
  if (tokenizer !== undefined) await saveTokenizer(tokenizer.files, files);
  if (head?.kind !== "embedding") return;
  const width = sites().find(({ kind }) => kind === "embed")!.width;
  for (const [name, text] of modulesOf(head, tokenizer?.files ?? new Map(), width)) await files.write(name, text);
}

/** Writes a tokenizer's files, and removes those of a former one that it does not have. */
async function saveTokenizer(own: Tokenizer["files"], files: Files): Promise<void> {
  for (const name of companionNames) if (!own.has(name)) await files.remove(name);
  for (const [name, bytes] of own) await files.write(name, bytes);
}

/**
 * Ids of the tokens that begin, end and fill up a text, where the config of a model that writes is silent. Others take what they
 * find there for the model's: without it a text would end at an id of another vocabulary, or never.
 */
function tokenIds(
  { config, architecture }: ConfiguredModel,
  special: Tokenizer["special"] | undefined,
): Record<string, number> {
  const writes = "causal-lm" in architecture.heads || "sequence-to-sequence" in architecture.heads;
  const found = (["bos", "eos", "pad"] as const).flatMap((purpose) => {
    const [key, id] = [`${purpose}_token_id`, special?.[purpose]];
    return writes && id !== undefined && !Object.hasOwn(config, key) ? [[key, id] as const] : [];
  });
  return Object.fromEntries(found);
}

/** The config with what transformers wants to know of the head and of the tokenizer. */
function configFile(
  model: ConfiguredModel,
  dtype: string,
  tokenizer: SaveModelOptions["tokenizer"],
): Record<string, unknown> {
  const { config, head, architecture } = model;
  const { dtype: _, ...kept } = config as ConfiguredModel["config"] & { readonly dtype?: unknown };
  const names = architecture.classNames(config);
  return {
    ...kept,
    ...tokenIds(model, tokenizer?.special),
    architectures: [hasTaskModel(head) ? names[head!.kind] : names.base],
    torch_dtype: dtype,
    ...headKeys(head),
  };
}
