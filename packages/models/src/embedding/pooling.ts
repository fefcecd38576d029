/** How the rows of a text become one vector, as sentence-transformers' `Pooling` has it. */
import {
  add,
  argMax,
  cast,
  concat,
  cumsum,
  div,
  gather,
  greater,
  max,
  maximum,
  mul,
  norm,
  range,
  reshape,
  scalar,
  slice,
  sqrt,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
} from "@tensorflow/tfjs-core";
import type { Hidden } from "../architecture.ts";
import { lastRow } from "../heads/rows.ts";

/**
 * A vector of a text's tokens: the first of them (`"cls"`), the largest value in each dimension, their mean, their sum over the
 * root of their number, their mean weighted by 1, 2, 3, … from the first on (Muennighoff 2022, arXiv:2202.08904, equation 2), or
 * the last.
 */
export type Pooling = "cls" | "max" | "mean" | "mean-sqrt-length" | "weighted-mean" | "last";

/** Names of poolings, in the order in which several of them are joined where a file only says which. */
export const poolingNames = ["cls", "max", "mean", "mean-sqrt-length", "weighted-mean", "last"] as const;

/** Added to the rows that are not to be the largest. */
const HIDDEN = -1e9;

type Rows = Pick<Hidden, "hidden" | "mask">;

/** Sums of the rows, each times its weight: `[batch, dModel]` of weights `[batch, seq]`. */
const weightedSum = (hidden: Tensor3D, weights: Tensor): Tensor =>
  sum(mul(hidden, reshape(weights, [...weights.shape, 1])), 1);

/** Sums of weights, `[batch, 1]`, and never 0. */
const total = (weights: Tensor): Tensor => maximum(sum(weights, 1, true), scalar(1e-9));

/** The first counted row of each sequence. */
function firstCounted({ hidden, mask }: Rows): Tensor {
  const [batch, rows, dModel] = hidden.shape;
  const flat = add(cast(argMax(mask, 1), "int32"), range(0, batch * rows, rows, "int32")) as Tensor1D;
  return gather(reshape(hidden, [-1, dModel]), flat);
}

const poolers: Readonly<Record<Pooling, (rows: Rows, order: () => Tensor) => Tensor>> = {
  cls: firstCounted,
  max: ({ hidden, mask }) =>
    max(add(hidden, reshape(mul(sub(scalar(1), mask), scalar(HIDDEN)), [...mask.shape, 1])), 1),
  mean: ({ hidden, mask }) => div(weightedSum(hidden, mask), total(mask)),
  "mean-sqrt-length": ({ hidden, mask }) => div(weightedSum(hidden, mask), sqrt(total(mask))),
  "weighted-mean": ({ hidden, mask }, order) => {
    const weights = mul(mask, order());
    return div(weightedSum(hidden, weights), total(weights));
  },
  last: lastRow,
};

/**
 * One vector for each sequence, `[batch, dModel · poolings]`: several poolings stand side by side. Rows that hooks put in front
 * of the words are left out.
 *
 * @param skipped - Words at the beginning of each sequence that are left out as well. @default 0
 */
export function poolRows(
  { hidden, mask, extra }: Pick<Hidden, "hidden" | "mask" | "extra">,
  poolings: readonly Pooling[],
  skipped = 0,
): Tensor2D {
  const words = (extra === 0 ? hidden : slice(hidden, [0, extra, 0], [-1, -1, -1])) as Tensor3D;
  const real = extra === 0 ? mask : slice(mask, [0, extra], [-1, -1]);
  /** 1 for the first word, 2 for the second, … */
  const order = (): Tensor => cumsum(real, 1);
  const counted = skipped === 0 ? real : mul(real, cast(greater(order(), scalar(skipped)), "float32"));
  const rows = { hidden: words, mask: counted as Tensor2D };
  const vectors = poolings.map((pooling) => poolers[pooling](rows, order));
  return (vectors.length === 1 ? vectors[0]! : concat(vectors, 1)) as Tensor2D;
}

/** Vectors `[n, width]` at length 1; a vector of zeros stays one. */
export function unitRows(vectors: Tensor): Tensor2D {
  return div(vectors, maximum(norm(vectors, 2, 1, true), scalar(1e-12))) as Tensor2D;
}
