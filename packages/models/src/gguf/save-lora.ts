import { ConfigError, checkOptions, type Files } from "@cambium/base";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { LanguageModel } from "../language-model.ts";
import type { GgufEntry, GgufFormat } from "./format.ts";
import { moduleOf, toGguf } from "./names.ts";
import { inPairs } from "./order.ts";
import { type Encoding, encodings } from "./quantise.ts";
import { placeOf } from "./save-gguf.ts";
import { type WrittenTensor, writeGguf } from "./write.ts";

/** Low-rank updates of a model's matrices: `W + alpha / rank · B A`. */
export interface GgufLora {
  /** Numerator of the scale; the rank is each layer's own. */
  readonly alpha: number;
  /** By the name of the weight: A `[rank, in]` and B `[out, rank]`, whichever way the weight is stored. Not disposed. */
  readonly layers: ReadonlyMap<string, { readonly a: Tensor2D; readonly b: Tensor2D }>;
}

/** Settings of `saveGgufLora`. */
export interface SaveGgufLoraOptions {
  /** How numbers are stored. @default "float32" */
  readonly dtype?: "float32" | "float16";
}

const fileTypes = { float32: 0, float16: 1 } as const;

/**
 * Writes low-rank updates as a GGUF file that llama.cpp applies to the model's own (`--lora`).
 *
 * @param model - Whose matrices they are of.
 * @param target - The file, by a path that ends in `.gguf`, or a folder as `Files`, in which it is called `adapter.gguf`.
 * @throws {ConfigError} When there are no GGUF files of the model's family, or such files have no matrix of that name; when an option
 *   does not exist.
 * @throws {FileError} When the file cannot be written; a former one is as it was.
 */
export async function saveGgufLora(
  model: Pick<LanguageModel, "architecture" | "config">,
  target: string | Files,
  { alpha, layers }: GgufLora,
  options: SaveGgufLoraOptions = {},
): Promise<void> {
  checkOptions("saveGgufLora", options, ["dtype"]);
  const { dtype = "float32" } = options;
  if (!Object.hasOwn(fileTypes, dtype)) {
    throw new ConfigError({
      message: `saveGgufLora: dtype must be float32 or float16, got ${JSON.stringify(dtype)}`,
      dtype,
    });
  }
  const { gguf: format } = model.architecture;
  if (format === undefined) {
    throw new ConfigError({ message: `saveGgufLora: there is no GGUF file of a ${model.config.model_type} here` });
  }
  const { folder, name } = placeOf("saveGgufLora", target, "adapter.gguf");
  const entries: GgufEntry[] = [
    ["general.architecture", "STRING", format.architecture],
    ["general.type", "STRING", "adapter"],
    ["general.file_type", "UINT32", fileTypes[dtype]],
    ["adapter.type", "STRING", "lora"],
    ["adapter.lora.alpha", "FLOAT32", alpha],
  ];
  const tensors = [...layers].flatMap(([weight, factors]) =>
    factorsOf(format, model.config, weight, factors, encodings[dtype]),
  );
  await writeGguf(folder, name, entries, tensors);
}

function factorsOf(
  format: GgufFormat,
  config: LanguageModel["config"],
  weight: string,
  { a, b }: { readonly a: Tensor2D; readonly b: Tensor2D },
  encoding: Encoding,
): WrittenTensor[] {
  const name = toGguf(format, weight);
  if (name === undefined || name === "token_embd.weight") {
    throw new ConfigError({ message: `saveGgufLora: adapters in GGUF files have no update of "${weight}"`, weight });
  }
  const heads = format.pairedHeads?.(config)[moduleOf(name)];
  const valuesOf = async (tensor: Tensor2D): Promise<Float32Array> => (await tensor.data()) as Float32Array;
  const [rows, rank] = b.shape;
  return [
    { name: `${name}.lora_a`, shape: a.shape, encoding, values: () => valuesOf(a) },
    {
      name: `${name}.lora_b`,
      shape: b.shape,
      encoding,
      values: async () => (heads === undefined ? valuesOf(b) : inPairs(await valuesOf(b), rows, rank, heads)),
    },
  ];
}
