import { ConfigError, checkOptions, type Files, openFiles } from "@cambium/base";
import { around, describeQuantised, type Parameters, quantisedNames } from "@cambium/core";
import { ones, type Tensor2D, tidy, zeros } from "@tensorflow/tfjs-core";
import type { ModelConfig } from "../architecture.ts";
import type { RunnableModel } from "../runnable.ts";
import { checkTokenizer, type SaveModelOptions, saveCompanions, withoutConfig, writtenConfig } from "../save.ts";
import { checkWhole } from "../view.ts";
import { windowOf } from "../window.ts";
import { checkSteps } from "./check-steps.ts";
import { decoder, isDecoder } from "./decoder.ts";
import { encoderDecoder } from "./encoder-decoder.ts";
import { onePass } from "./one-pass.ts";
import type { Lengths, OnnxPart, TraceOnnx } from "./trace.ts";

/** Settings of `saveOnnx`. */
export interface SaveOnnxOptions extends Pick<SaveModelOptions, "tokenizer"> {
  /** What writes the graph: `traceOnnx` of `@cambium/backend-onnx`. */
  readonly trace: TraceOnnx;
  /**
   * The longest text, in tokens, for which the graph is checked. At least 16.
   *
   * @default what the model has positions for, at most 2048
   */
  readonly maxLength?: number;
}

/** A model, with or without deltas on it. */
export type ExportedModel = RunnableModel & {
  readonly parameters: Parameters;
  readonly isView?: true;
  readonly base?: { readonly parameters: Parameters; readonly isView?: true };
  readonly deltas?: readonly { readonly name: string; readonly kind: string }[];
};

/** Tokens up to which a model without a limit is checked. */
const USUAL = 2048;
const LEAST = 16;

/** The longest window of a model that reads whole texts: recording takes a mask of its square for each layer. */
const WIDEST = 1024;

function lengthsOf(model: ExportedModel, asked: number | undefined): Lengths {
  const most = roomOf(model);
  const window = windowOf(model.config, most);
  if (window !== undefined && window > WIDEST && !isDecoder(model)) {
    throw new ConfigError({
      message: `saveOnnx: this ${model.config.model_type} looks back over ${window} tokens (sliding_window); without a language-model head, models of windows up to ${WIDEST} are exported`,
      window,
    });
  }
  // Below its window a model computes as if it had none.
  const least = window === undefined ? LEAST : window + LEAST;
  const longest = asked ?? Math.min(most, Math.max(USUAL, least));
  if (Number.isSafeInteger(longest) && longest >= least && longest <= most) return { longest, window };
  throw new ConfigError({
    message: `saveOnnx: maxLength must be a whole number from ${least} to ${most} for this ${model.config.model_type}, got ${longest}`,
    maxLength: longest,
  });
}

/** Whether a model has a decoder whose steps have to be the same as the whole. */
const hasSteps = (model: ExportedModel): boolean => model.architecture.batch === "source+target" || isDecoder(model);

function partsOf(model: ExportedModel, lengths: Lengths): readonly OnnxPart[] {
  if (model.architecture.batch !== "source+target") {
    return [isDecoder(model) ? decoder(model, lengths) : onePass(model, lengths)];
  }
  if (model.head?.kind === "sequence-to-sequence") return encoderDecoder(model, lengths);
  throw new ConfigError({
    message: `saveOnnx: transformers.js has no use for a ${model.config.model_type} without a head; load it with { head: { kind: "sequence-to-sequence" } }`,
  });
}

/** Tokens that the model has positions for, behind what hooks put in front or move on. */
function roomOf(model: ExportedModel): number {
  const most = model.architecture.maximumLength(model.config);
  let taken = 0;
  const look = around(
    "embed",
    () => true,
    ({ input, next }) => {
      const words = next(input);
      taken = Math.max(taken, words.extra + (words.offset ?? 0));
      return words;
    },
  );
  tidy(() => {
    const ids = zeros([1, 1], "int32") as Tensor2D;
    const target = model.architecture.batch === "source+target" ? { targetIds: ids } : {};
    model.forward({ ids, mask: ones([1, 1]), ...target }, { hooks: [look] });
  });
  return most - taken;
}

/** The config; transformers.js has to be told that there are two stacks, which for Python goes without saying. */
function configOf({ config, architecture }: ExportedModel): ModelConfig {
  return architecture.batch === "source+target" ? ({ ...config, is_encoder_decoder: true } as ModelConfig) : config;
}

/** Throws for deltas of which each row of a batch chooses one: no input of a graph says which. */
function checkRows({ deltas = [] }: ExportedModel): void {
  const mixed = deltas.find(({ kind }) => kind === "perRow");
  if (mixed === undefined) return;
  throw new ConfigError({
    message: `saveOnnx: delta "${mixed.name}" is another one for each row, which no input of the graph could say; export one of its parts`,
    delta: mixed.name,
  });
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
 * @throws {ConfigError} When layers are in 8 or 4 bits, the tokenizer is another model's, an option does not exist, or the model cannot
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
  checkWhole("saveOnnx", model.base ?? model);
  checkRows(model);
  checkTokenizer("saveOnnx", model, tokenizer);
  const weights = new Map([...(model.base?.parameters ?? []), ...model.parameters]);
  const rounded = quantisedNames(weights);
  if (rounded.length > 0) {
    throw new ConfigError({
      message: `saveOnnx: ${describeQuantised(weights, rounded)}; load the model in float32, put the deltas on it, and export that`,
      rounded,
    });
  }
  const graphs: [string, Uint8Array][] = [];
  const parts = partsOf(model, lengthsOf(model, maxLength));
  if (hasSteps(model)) await checkSteps(model, parts);
  for (const part of parts) {
    const { model: bytes } = trace(part.run, part.inputs, { dynamic: part.dynamic, names: weights });
    graphs.push([`onnx/${part.name}.onnx`, bytes]);
  }
  const files = openFiles(target);
  await withoutConfig(files, async () => {
    for (const [name, bytes] of graphs) await files.write(name, bytes);
  });
  await saveCompanions(model, tokenizer, files);
  await files.write("config.json", writtenConfig({ ...model, config: configOf(model) }, "float32", tokenizer));
}
