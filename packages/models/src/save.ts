import { ConfigError, checkOptions, type Files, openFiles } from "@cambium/base";
import { saveSafetensors } from "@cambium/core";
import { eightBitOf } from "./frozen.ts";
import type { HeadConfig } from "./head-config.ts";
import type { LanguageModel } from "./language-model.ts";

/** Settings of `saveModel`. */
export interface SaveModelOptions {
  /** How weights are stored; all are read back as float32. @default "F32" */
  readonly dtype?: "F32" | "F16" | "BF16";
}

/** What of a model is written. */
export type SavedModel = Pick<LanguageModel, "config" | "parameters" | "fileName" | "head" | "architecture">;

const dtypes = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

/**
 * Writes a model as a folder that `loadModel` and Python's transformers read: `model.safetensors`, then `config.json`.
 *
 * @param target - The folder: a path, or any `Files`.
 * @throws {ConfigError} When layers are in 8 bits: what they were rounded from is the model to keep.
 * @throws {FileError} When a file cannot be written; the former one is still there.
 */
export async function saveModel(
  model: SavedModel,
  target: string | Files,
  options: SaveModelOptions = {},
): Promise<void> {
  checkOptions("saveModel", options, ["dtype"]);
  const { dtype = "F32" } = options;
  const rounded = eightBitOf(model.parameters);
  if (rounded.length > 0) {
    throw new ConfigError({
      message: `saveModel: ${rounded.length} weights, such as "${rounded[0]}", are in 8 bits; save the adapter, or load the model in float32 and save that`,
      rounded,
    });
  }
  const files = openFiles(target);
  const names = [...model.parameters].map(([name, tensor]) => [model.fileName(name), tensor] as const);
  await saveSafetensors(files, "model.safetensors", new Map(names), { metadata: { format: "pt" }, dtype });
  await files.write("config.json", `${JSON.stringify(configFile(model, dtypes[dtype]), null, 2)}\n`);
}

/** The config with what transformers wants to know of the head. */
function configFile({ config, head, architecture }: SavedModel, dtype: string): Record<string, unknown> {
  const { dtype: _, ...kept } = config as SavedModel["config"] & { readonly dtype?: unknown };
  const names = architecture.classNames(config);
  return {
    ...kept,
    architectures: [head === undefined ? names.base : names[head.kind]],
    torch_dtype: dtype,
    ...labelKeys(head),
  };
}

function labelKeys(head: HeadConfig | undefined): Record<string, unknown> {
  if (head === undefined || !(head.kind === "regression" || "labels" in head)) return {};
  const labels = head.kind === "regression" ? ["LABEL_0"] : head.labels;
  return {
    id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    problem_type: head.kind === "regression" ? "regression" : "single_label_classification",
  };
}
