/** Pieces of computation that architectures share. */
import { ConfigError, ShapeError } from "@cambium/base";
import { dropout, type Flow, gelu, layerNorm, lookUp, MASKED, rmsNorm, type Scope, silu } from "@cambium/core";
import {
  add,
  cast,
  concat,
  cumsum,
  equal,
  greaterEqual,
  maximum,
  mul,
  ones,
  range,
  relu,
  reshape,
  scalar,
  slice,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tanh,
  tile,
  transpose,
} from "@tensorflow/tfjs-core";

/** Feed-forward activations by transformers' names; `gelu_new`, `gelu_fast` and `gelu_pytorch_tanh` are one function. */
export type HiddenActivation =
  | "gelu"
  | "gelu_new"
  | "gelu_fast"
  | "gelu_pytorch_tanh"
  | "relu"
  | "silu"
  | "swish"
  | "tanh";

/** The functions behind transformers' names. */
export const activations: Readonly<Record<HiddenActivation, (x: Tensor) => Tensor>> = {
  gelu: (x) => gelu(x, "none"),
  gelu_new: (x) => gelu(x, "tanh"),
  gelu_fast: (x) => gelu(x, "tanh"),
  gelu_pytorch_tanh: (x) => gelu(x, "tanh"),
  relu: (x) => relu(x),
  silu, // itself: a gated part knows it, and keeps less for its gradient
  swish: silu,
  tanh: (x) => tanh(x),
};

/** The names of the activations, for configs. */
export const activationNames = Object.keys(activations) as [HiddenActivation, ...HiddenActivation[]];

/**
 * Visits the words' site at `name`: their rows of the table that it names, and what hooks put in front of them.
 *
 * @throws {ShapeError} When a hook gives masks or positions for another number of rows.
 */
export function embedWords(scope: Scope, name: string, input: Flow["embed"]["input"]): Flow["embed"]["output"] {
  const table = scope.site("embed", name).weight!.name;
  const words = scope.call("embed", name, input, ({ ids, mask, positions }) => ({
    x: lookUp(scope.read(table), ids) as Tensor3D, // [batch, seq, dModel]
    mask,
    positions,
    extra: 0,
  }));
  const rows = words.x.shape[1];
  if (words.mask.shape[1] !== rows || words.positions.shape[1] !== rows || rows !== words.extra + input.ids.shape[1]) {
    throw new ShapeError({
      message: `forward: a hook on the embeddings gave ${rows} rows with a mask of [${words.mask.shape}], positions of [${words.positions.shape}] and extra ${words.extra}, for ids of [${input.ids.shape}]; each must fit the rows`,
      rows,
    });
  }
  return words;
}

/** Visits the layer norm at `name`. */
export function norm(scope: Scope, name: string, x: Tensor3D, epsilon: number): Tensor3D {
  const here = scope.at(name);
  return here.call("norm", "", x, (input) =>
    layerNorm(input, here.parameter("weight"), here.parameter("bias"), epsilon),
  );
}

/** Visits the RMS norm at `name`. */
export function rootMeanSquareNorm(scope: Scope, name: string, x: Tensor3D, epsilon: number): Tensor3D {
  const here = scope.at(name);
  return here.call("norm", "", x, (input) => rmsNorm(input, here.parameter("weight"), epsilon));
}

/** Dropout while training, from the randomness of this place; several dropouts at one place differ by their `label`. */
export function drop<T extends Tensor>(scope: Scope, x: T, rate: number, label = "dropout"): T {
  return scope.training && rate > 0 ? dropout(x, rate, scope.random.at(label)) : x;
}

/** `[batch, seq, heads · dHead]` to `[batch, heads, seq, dHead]`. */
export function splitHeads(x: Tensor, heads: number): Tensor4D {
  const [batch, seq, width] = x.shape as [number, number, number];
  return transpose(reshape(x, [batch, seq, heads, width / heads]), [0, 2, 1, 3]) as Tensor4D;
}

/** `[batch, heads, seq, dHead]` to `[batch, seq, heads · dHead]`. */
export function joinHeads(x: Tensor4D): Tensor3D {
  const [batch, heads, seq, dHead] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, seq, heads * dHead]) as Tensor3D;
}

/** What attention adds to the scores of padding, `[batch, 1, 1, keys]`, from a mask `[batch, keys]`. */
export function paddingBias(mask: Tensor2D): Tensor4D {
  return reshape(mul(sub(scalar(1), mask), scalar(MASKED)), [mask.shape[0], 1, 1, mask.shape[1]]) as Tensor4D;
}

/** Positions 0, 1, 2, … of every row, whatever is padding, int32 `[batch, seq]`: as encoders count that have a table of them. */
export function rowPositions([batch, seq]: readonly [batch: number, seq: number]): Tensor2D {
  return tile(reshape(range(0, seq, 1, "int32"), [1, seq]), [batch, 1]) as Tensor2D;
}

/**
 * Positions of tokens in their sequences, int32 `[batch, seq]`: real ones count from 0 wherever the padding is, and padding
 * has the position of the real token before it, or −1 in front of all.
 */
export function countPositions(mask: Tensor2D): Tensor2D {
  return sub(cumsum(cast(mask, "int32"), 1), scalar(1, "int32")) as Tensor2D;
}

/** 1 where two tokens of a batch are of one packed row, float32 `[batch, seq, seq]`. */
function together(sequences: Tensor2D): Tensor3D {
  const [batch, seq] = sequences.shape;
  return cast(equal(reshape(sequences, [batch, seq, 1]), reshape(sequences, [batch, 1, seq])), "float32") as Tensor3D;
}

/** Positions of tokens in their own packed rows, int32 `[batch, seq]`: each row's tokens lie side by side. */
function packedPositions(mask: Tensor2D, sequences: Tensor2D): Tensor2D {
  const seq = mask.shape[1];
  const columns = range(0, seq, 1, "int32");
  const before = cast(greaterEqual(reshape(columns, [seq, 1]), reshape(columns, [1, seq])), "float32"); // [seq, seq]
  const own = mul(mul(together(sequences), before), reshape(mask, [mask.shape[0], 1, seq]));
  return sub(cast(sum(own, 2), "int32"), scalar(1, "int32")) as Tensor2D;
}

/**
 * Positions of a decoder's rows, int32 `[batch, seq]`: real tokens count from 0, or behind those in the cache, wherever the
 * padding is. Padding in front has position 0.
 *
 * @param sequences - Which packed row each token belongs to, int32 `[batch, seq]`. @default rows are whole
 * @throws {ConfigError} For packed rows and a cache.
 */
export function decoderPositions(scope: Scope, mask: Tensor2D, sequences?: Tensor2D): Tensor2D {
  if (sequences !== undefined) {
    if (scope.cache !== undefined) {
      throw new ConfigError({
        message: "forward: packed rows are for training and scoring; a cache takes each row by itself",
      });
    }
    return maximum(packedPositions(mask, sequences), scalar(0, "int32")) as Tensor2D;
  }
  const counted = countPositions(mask);
  const before = scope.cache?.position;
  return maximum(before === undefined ? counted : add(counted, before), scalar(0, "int32")) as Tensor2D;
}

/**
 * What attention adds to the scores of padding, `[batch, 1, 1, keys]`, over the keys in the cache and those of `mask`; and of
 * other packed rows, `[batch, 1, seq, seq]`.
 *
 * @param sequences - As for `decoderPositions`.
 */
export function decoderBias(scope: Scope, mask: Tensor2D, sequences?: Tensor2D): Tensor4D {
  const before = scope.cache?.mask;
  const padding = paddingBias(before === undefined ? mask : concat([before, mask], 1));
  return sequences === undefined ? padding : (add(padding, otherRows(mask, sequences)) as Tensor4D);
}

/** What attention adds to the scores of other packed rows, `[batch, 1, seq, seq]`. */
function otherRows(mask: Tensor2D, sequences: Tensor2D): Tensor4D {
  const [batch, rows] = mask.shape;
  const seq = sequences.shape[1];
  if (rows !== seq) {
    throw new ConfigError({
      message: `forward: ${rows - seq} rows of a prompt stand in front of packed rows, of which only the first would see them; give each row its own`,
    });
  }
  return reshape(mul(sub(scalar(1), together(sequences)), scalar(MASKED)), [batch, 1, seq, seq]) as Tensor4D;
}

/** Settings of `windowBias`. */
export interface WindowOptions {
  /** How many rows a row sees, itself among them. */
  readonly window: number;
  /** Keys that hooks will put in front of every attention's, as `embedWords` returns them. @default 0 */
  readonly keys?: number;
  /** As for `decoderPositions`. */
  readonly sequences?: Tensor2D | undefined;
}

/**
 * What attention adds to the scores of padding and of keys that are too far behind, `[batch, 1, seq, keys]`, or
 * `[batch, 1, 1, keys]` while none is; over the keys in the cache, those that hooks put in front, and those of `mask`.
 *
 * Distances count real rows, as positions do: padding takes no room in a window, wherever it stands, and prompts do.
 */
export function windowBias(scope: Scope, mask: Tensor2D, { window, keys = 0, sequences }: WindowOptions): Tensor4D {
  if (sequences !== undefined && keys > 0) {
    throw new ConfigError({
      message:
        "forward: a window counts the keys of a prefix once, and packed rows have it once each; give each row its own",
    });
  }
  const [batch, seq] = mask.shape;
  const before = scope.cache?.mask ?? (keys > 0 ? (ones([batch, keys]) as Tensor2D) : undefined);
  const seen = before === undefined ? mask : concat([before, mask], 1);
  const all = seen.shape[1];
  const hidden = paddingBias(seen);
  const padding = sequences === undefined ? hidden : (add(hidden, otherRows(mask, sequences)) as Tensor4D);
  if (all <= window) return padding;
  const places = cumsum(seen, 1); // [batch, keys]: the number of each real row, the last one's at padding
  const ofRows = reshape(slice(places, [0, all - seq], [batch, seq]), [batch, 1, seq, 1]);
  const distances = sub(ofRows, reshape(places, [batch, 1, 1, all]));
  return add(padding, mul(cast(greaterEqual(distances, window), "float32"), scalar(MASKED))) as Tensor4D;
}

/**
 * Throws where a model with a table of positions has none for all rows.
 *
 * @param rows - Of the longest sequence: with what the cache holds, and with what hooks put in front or moved on.
 */
export function checkLength(most: number, rows: number): void {
  if (rows <= most) return;
  throw new ShapeError({
    message: `forward: the model has positions for ${most} rows, got ${rows}; shorten the texts or the prompt`,
    rows,
  });
}
