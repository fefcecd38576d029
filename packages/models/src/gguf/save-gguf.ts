import { ConfigError, checkOptions, type Files } from "@cambium/base";
import { describeQuantised, quantisedNames } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LanguageModel } from "../language-model.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { checkWhole } from "../view.ts";
import { ROPE_FACTORS } from "./checkpoint.ts";
import type { GgufEntry, GgufFormat } from "./format.ts";
import { splitPath } from "./locate.ts";
import { moduleOf, toGguf } from "./names.ts";
import { inPairs, turned } from "./order.ts";
import { encodings, type GgufDtype, largest } from "./quantise.ts";
import { writeTokenizer } from "./tokenizer/write-tokenizer.ts";
import { type WrittenTensor, writeGguf } from "./write.ts";

/** Settings of `saveGguf`. */
export interface SaveGgufOptions {
  /**
   * How matrices are stored; norms, biases and positions stay float32. `"q8_0"` takes 8.5 bits for each number, `"q4_0"` 4.5, with
   * the word embeddings and the head in `q8_0`. @default "float16"
   */
  readonly dtype?: GgufDtype;
  /** What the model reads its texts with. llama.cpp loads no model without. @default none */
  readonly tokenizer?: Pick<Tokenizer, "files" | "special" | "vocabularySize">;
}

/** `general.file_type`, as llama.cpp numbers them. */
const fileTypes: Readonly<Record<GgufDtype, number>> = { float32: 0, float16: 1, q4_0: 2, q8_0: 7, bfloat16: 32 };

/**
 * Writes a language model as a GGUF file, which llama.cpp and what is built on it run, and which `loadModel` reads.
 *
 * @param target - The file, by a path that ends in `.gguf`, or a folder as `Files`, in which it is called `model.gguf`.
 * @throws {ConfigError} When the model has no head of words, its family has no such files or they cannot say what its config says,
 *   layers are in 8 or 4 bits, rows are no whole blocks or a number is beyond the type; when the tokenizer cannot be said in such a file or
 *   is another model's; when an option does not exist.
 * @throws {FileError} When the file cannot be written; a former one is as it was.
 * @example
 * await saveGguf(merge(trained), "models/spam.gguf", { tokenizer, dtype: "q8_0" });
 */
export async function saveGguf(
  model: Pick<LanguageModel, "architecture" | "config" | "head" | "parameters" | "isView">,
  target: string | Files,
  options: SaveGgufOptions = {},
): Promise<void> {
  checkOptions("saveGguf", options, ["dtype", "tokenizer"]);
  checkWhole("saveGguf", model);
  const { dtype = "float16", tokenizer } = options;
  if (!Object.hasOwn(encodings, dtype)) {
    throw new ConfigError({
      message: `saveGguf: dtype must be ${Object.keys(encodings).join(", ")}, got ${JSON.stringify(dtype)}`,
      dtype,
    });
  }
  const { folder, name } = placeOf("saveGguf", target, "model.gguf");
  const format = formatOf(model);
  const { architecture } = format;
  const { entries, ropeFactors } = format.writeConfig(model.config);
  const all: GgufEntry[] = [
    ["general.architecture", "STRING", architecture],
    ["general.type", "STRING", "model"],
    ["general.file_type", "UINT32", fileTypes[dtype]],
    ...(encodings[dtype].blockSize > 1 ? [["general.quantization_version", "UINT32", 2] as const] : []),
    ...entries.map(([key, ...value]) => [`${architecture}.${key}`, ...value] as GgufEntry),
    ...(tokenizer === undefined ? [] : writeTokenizer(tokenizer, model.config.vocab_size)),
  ];
  const tensors = [...model.parameters].map(([name, tensor]) => asWritten(format, model, name, tensor, dtype));
  if (ropeFactors !== undefined) {
    const values = Float32Array.from(ropeFactors);
    tensors.push({
      name: ROPE_FACTORS,
      shape: [values.length],
      encoding: encodings.float32,
      values: () => Promise.resolve(values),
    });
  }
  await writeGguf(folder, name, all, tensors);
}

/**
 * Where a file is written.
 *
 * @param usual - Its name where the target is a folder.
 * @throws {ConfigError} For a path that does not end in `.gguf`.
 */
export function placeOf(
  caller: string,
  target: string | Files,
  usual: string,
): { readonly folder: string | Files; readonly name: string } {
  if (typeof target !== "string") return { folder: target, name: usual };
  const path = splitPath(target);
  if (path !== undefined) return path;
  throw new ConfigError({ message: `${caller}: the path must end in .gguf, got ${JSON.stringify(target)}`, target });
}

function formatOf({ architecture, head, parameters, config }: Parameters<typeof saveGguf>[0]): GgufFormat {
  const refuse = (problem: string): ConfigError => new ConfigError({ message: `saveGguf: ${problem}` });
  if (architecture.gguf === undefined) throw refuse(`there is no GGUF file of a ${config.model_type} here`);
  if (head?.kind !== "causal-lm") {
    throw refuse('such files hold language models; load the model with head: { kind: "causal-lm" }');
  }
  const rounded = quantisedNames(parameters);
  if (rounded.length === 0) return architecture.gguf;
  throw refuse(`${describeQuantised(parameters, rounded)}; load the model in float32 and save that`);
}

/** Tables whose rows are looked up one at a time: in few bits they cost more than they save. */
const TABLES = ["token_embd", "output"];

function dtypeOf(module: string, shape: readonly number[], dtype: GgufDtype): GgufDtype {
  if (shape.length < 2 || module === "position_embd") return "float32";
  return dtype === "q4_0" && TABLES.includes(module) ? "q8_0" : dtype;
}

function asWritten(
  format: GgufFormat,
  { config }: Pick<LanguageModel, "config">,
  parameter: string,
  tensor: Tensor,
  dtype: GgufDtype,
): WrittenTensor {
  const name = toGguf(format, parameter);
  if (name === undefined) {
    throw new ConfigError({ message: `saveGguf: such files have no place for "${parameter}"`, parameter });
  }
  const module = moduleOf(name);
  const isTurned = tensor.shape.length === 2 && (format.turned ?? []).includes(module);
  const heads = format.pairedHeads?.(config)[module];
  const shape = isTurned ? [...tensor.shape].reverse() : tensor.shape;
  const own = dtypeOf(module, shape, dtype);
  const { blockSize } = encodings[own];
  if (shape.at(-1)! % blockSize !== 0) {
    throw new ConfigError({
      message: `saveGguf: rows of "${parameter}" have ${shape.at(-1)} numbers, no whole blocks of ${blockSize}; take float16`,
      parameter,
    });
  }
  const [rows, columns = 1] = tensor.shape as [number, number?];
  return {
    name,
    shape,
    encoding: encodings[own],
    async values() {
      const values = (await tensor.data()) as Float32Array;
      checkValues(parameter, values, own);
      if (isTurned) return turned(values, rows, columns);
      return heads === undefined ? values : inPairs(values, rows, columns, heads);
    },
  };
}

/** Throws for a number that the type cannot hold. */
function checkValues(name: string, values: Float32Array, dtype: GgufDtype): void {
  const at = values.findIndex((value) => !(Math.abs(value) <= largest[dtype]));
  if (at === -1 || dtype === "float32") return;
  throw new ConfigError({ message: `saveGguf: element ${at} of "${name}" is ${values[at]}, beyond ${dtype}`, name });
}
