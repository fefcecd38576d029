/** What writes ONNX graphs, as it is handed in: `traceOnnx` of `@cambium/backend-onnx`. */
import type { Tensor } from "@tensorflow/tfjs-core";

/** A tensor that an ONNX graph reads. */
export interface OnnxGraphInput {
  /** Sizes, names of those that may be any, and sums of such names, `past + seq`. */
  readonly shape: readonly (number | string)[];
  /** Element type in the graph; the function gets `int64` as int32. */
  readonly type: "float32" | "int32" | "int64";
  /** Elements to check the graph with. */
  readonly sample?: (shape: readonly number[]) => ArrayLike<number>;
}

/** Tensors by name. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** Sizes of the dimensions that may have any: the smallest, the longest that is checked, and the smallest that is recorded. */
export type OnnxDimensions = Readonly<
  Record<string, { readonly least?: number; readonly longest?: number; readonly recordFrom?: number }>
>;

/** Lengths that a graph is recorded and checked for. */
export interface Lengths {
  /** Tokens of the longest text. */
  readonly longest: number;
  /** Tokens that attention looks back over at most: below them a model computes as if there were no such limit. */
  readonly window: number | undefined;
}

/** Turns a function of named tensors into an ONNX graph, and checks it beside the function. */
export type TraceOnnx = (
  run: (inputs: NamedTensors) => NamedTensors,
  inputs: Readonly<Record<string, OnnxGraphInput>>,
  options: {
    readonly dynamic: OnnxDimensions;
    readonly names?: ReadonlyMap<string, Tensor>;
  },
) => { readonly model: Uint8Array };

/** One graph of a folder. */
export interface OnnxPart {
  /** Its file's name, without `onnx/` and `.onnx`. */
  readonly name: string;
  readonly run: (inputs: NamedTensors) => NamedTensors;
  readonly inputs: Readonly<Record<string, OnnxGraphInput>>;
  readonly dynamic: OnnxDimensions;
}

/** The names of dimensions by which transformers.js tells the batch, and Python's exporters the rest. */
export const BATCH = "batch_size";
export const SEQUENCE = "sequence_length";

/** Ids to check with: every word in turn. */
export const sampleIds =
  (vocab: number) =>
  ([batch = 1, seq = 1]: readonly number[]): Int32Array =>
    Int32Array.from({ length: batch * seq }, (_, i) => (i * 7 + 3) % vocab);

/** A mask to check with: all rows but the first have padding at their ends. */
export const sampleMask = ([batch = 1, seq = 1]: readonly number[]): Int32Array =>
  Int32Array.from({ length: batch * seq }, (_, i) => {
    const [row, column] = [Math.floor(i / seq), i % seq];
    return column < Math.max(1, seq - (row % 3)) ? 1 : 0;
  });
