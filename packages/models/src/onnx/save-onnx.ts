import { ConfigError, checkOptions, type Files, openFiles } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { eightBitOf } from "../frozen.ts";
import type { RunnableModel } from "../runnable.ts";
import { checkTokenizer, type SaveModelOptions, saveTokenizer, withoutConfig, writtenConfig } from "../save.ts";
import { onePass } from "./one-pass.ts";
import type { OnnxPart, TraceOnnx } from "./trace.ts";
import { checkSteps, isDecoder, withCache } from "./with-cache.ts";

/** Settings of `saveOnnx`. */
export interface SaveOnnxOptions extends Pick<SaveModelOptions, "tokenizer"> {
  /** What writes the graph: `traceOnnx` of `@cambium/backend-onnx`. */
  readonly trace: TraceOnnx;
  /**
   * The longest text, in tokens, for which the graph is checked; the tokenizer's files say so too. At least 16.
   *
   * @default what the model has positions for, at most 2048
   */
  readonly maxLength?: number;
}

/** A model, with or without deltas on it. */
export type ExportedModel = RunnableModel & {
  readonly parameters: Parameters;
  readonly base?: { readonly parameters: Parameters };
};

/** Tokens up to which a model without a limit is checked. */
const USUAL = 2048;
const LEAST = 16;

/** Tokens that attention looks back over at most, where a config limits them. */
function windowOf(config: object): number | undefined {
  const { sliding_window: window } = config as { readonly sliding_window?: unknown };
  return typeof window === "number" ? window : undefined;
}

function lengthOf({ architecture, config }: ExportedModel, asked: number | undefined): number {
  const most = architecture.maximumLength(config);
  const window = windowOf(config);
  // Below its window a model computes as if it had none.
  const least = window === undefined || window >= most ? LEAST : window + LEAST;
  const length = asked ?? Math.min(most, Math.max(USUAL, least));
  if (Number.isSafeInteger(length) && length >= least && length <= most) return length;
  throw new ConfigError({
    message: `saveOnnx: maxLength must be a whole number from ${least} to ${most} for this ${config.model_type}, got ${length}`,
    maxLength: length,
  });
}

function partsOf(model: ExportedModel, length: number): OnnxPart[] {
  if (model.architecture.batch === "source+target") {
    throw new ConfigError({
      message: `saveOnnx: models of an encoder and a decoder, such as this ${model.config.model_type}, cannot be exported yet`,
    });
  }
  return [isDecoder(model) ? withCache(model, length) : onePass(model, length)];
}

/**
 * Writes a model as a folder that transformers.js loads: `onnx/model.onnx` in float32, the tokenizer's files, and `config.json`
 * last. A folder of another model is without a `config.json` while it is overwritten.
 *
 * The graph comes from recording the model's own forward pass, so that every architecture and whatever hooks compute is exported:
 * adapters and other deltas that cannot be merged as well. Before anything is written the graph was run beside the model, at sizes
 * that were not recorded. A decoder with a language-model head takes and gives keys and values, as transformers.js generates
 * with. The backend must be `onnx`.
 *
 * @param model - A model, or a tuned one.
 * @param target - The folder: a path, or any `Files`.
 * @throws {ConfigError} When layers are in 8 bits, the tokenizer is another model's, an option does not exist, or the model cannot
 *   be exported: one of an encoder and a decoder, or a language model on a prompt or prefix.
 * @throws {StateError} From `trace`, when the forward pass cannot be a graph; it names the operation.
 * @throws {FileError} When a file cannot be written.
 * @example
 * await saveOnnx(merge(trained), "models/spam-onnx", { tokenizer, trace: traceOnnx });
 */
export async function saveOnnx(model: ExportedModel, target: string | Files, options: SaveOnnxOptions): Promise<void> {
  checkOptions("saveOnnx", options, ["tokenizer", "trace", "maxLength"]);
  const { tokenizer, trace, maxLength } = options;
  if (typeof trace !== "function") {
    throw new ConfigError({ message: "saveOnnx: pass trace: traceOnnx, from @cambium/backend-onnx" });
  }
  checkTokenizer("saveOnnx", model, tokenizer);
  const weights = new Map([...(model.base?.parameters ?? []), ...model.parameters]);
  const rounded = eightBitOf(weights);
  if (rounded.length > 0) {
    throw new ConfigError({
      message: `saveOnnx: ${rounded.length} weights, such as "${rounded[0]}", are in 8 bits; load the model in float32, put the deltas on it, and export that`,
      rounded,
    });
  }
  const length = lengthOf(model, maxLength);
  const graphs: [string, Uint8Array][] = [];
  for (const part of partsOf(model, length)) {
    if (isDecoder(model)) await checkSteps(model, part);
    const { model: bytes } = trace(part.run, part.inputs, { dynamic: part.dynamic, names: weights });
    graphs.push([`onnx/${part.name}.onnx`, bytes]);
  }
  const files = openFiles(target);
  await withoutConfig(files, async () => {
    for (const [name, bytes] of graphs) await files.write(name, bytes);
  });
  if (tokenizer !== undefined) await saveTokenizer(tokenizer.files, files);
  await files.write("config.json", writtenConfig(model, "float32"));
}
