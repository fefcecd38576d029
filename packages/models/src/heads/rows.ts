/** Which rows of the hidden states a head reads. */
import {
  add,
  cast,
  div,
  gather,
  max,
  maximum,
  mul,
  range,
  reshape,
  slice,
  sum,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
} from "@tensorflow/tfjs-core";
import type { Hidden } from "../architecture.ts";
import type { Pool } from "../head-config.ts";

/** The first row, `[batch, dModel]`: a prompt's, where one stands in front, as PEFT has it. */
export function firstRow(hidden: Tensor3D): Tensor2D {
  const [batch, , dModel] = hidden.shape;
  return reshape(slice(hidden, [0, 0, 0], [batch, 1, dModel]), [batch, dModel]) as Tensor2D;
}

/** The last real row of each sequence, `[batch, dModel]`, on whichever side the padding is. */
export function lastRow({ hidden, mask }: Pick<Hidden, "hidden" | "mask">): Tensor2D {
  const [batch, rows, dModel] = hidden.shape;
  const last = cast(max(mul(mask, range(0, rows, 1, "float32")), 1), "int32"); // [batch]
  const flat = add(last, range(0, batch * rows, rows, "int32")) as Tensor1D;
  return gather(reshape(hidden, [-1, dModel]), flat) as Tensor2D;
}

/** The mean of the words of each sequence, `[batch, dModel]`: padding and rows in front of the words are left out. */
export function meanRow(whole: Pick<Hidden, "hidden" | "mask" | "extra">): Tensor2D {
  const { mask, extra } = whole;
  const words = wordRows(whole);
  const real = extra === 0 ? mask : slice(mask, [0, extra], [-1, -1]);
  const weights = reshape(real, [...real.shape, 1]); // [batch, seq, 1]
  return div(sum(mul(words, weights), 1), maximum(sum(weights, 1), 1)) as Tensor2D;
}

/** What a head on whole sequences reads, `[batch, dModel]`. */
export function pooledRow(hidden: Hidden, pool: Pool): Tensor2D {
  if (pool === "mean") return meanRow(hidden);
  return pool === "last" ? lastRow(hidden) : firstRow(hidden.hidden);
}

/** The hidden states of words only, `[batch, seq, dModel]`. */
export function wordRows({ hidden, extra }: Pick<Hidden, "hidden" | "extra">): Tensor3D {
  return extra === 0 ? hidden : slice(hidden, [0, extra, 0], [-1, -1, -1]);
}
