import { checkOptions } from "@cambium/base";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { gather, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { isBlockMatrix, matrixOf, quantiseWeight, quantiseWeightInBlocks } from "./quantised-weight.ts";
import type { SiteWeight } from "./site.ts";

/** Which part of a weight `gatherWeight` takes. */
export interface WeightPart {
  /** How the weight is stored: `[out, in]` or `[in, out]`. */
  readonly layout: SiteWeight["layout"];
  /** Whether channels are outputs or inputs of the layer. */
  readonly along: "out" | "in";
  /** Channels to keep, in the order that the result has them in. */
  readonly channels: Int32Array;
}

/**
 * Some channels of a linear layer's weight, held as the weight is: in float32 the values themselves. In 8 or 4 bits they are rounded anew
 * from those that the codes stand for, because a scale depends on the neighbours of a channel. The caller owns the result.
 *
 * A weight in few bits is read on the host at once.
 *
 * @param name - Of the weight, for messages.
 * @throws {FormatError} When a weight in few bits is not finite.
 */
export function gatherWeight(name: string, weight: Tensor2D, part: WeightPart): Tensor2D {
  checkOptions("gatherWeight", part, ["layout", "along", "channels"]);
  const { layout, along, channels } = part;
  const axis = (layout === "out,in") === (along === "out") ? 0 : 1;
  const matrix = matrixOf(weight);
  if (matrix === undefined) return tidy(() => gather(weight, tensor1d(channels, "int32"), axis) as Tensor2D);
  const values = tidy(() => gather(weight, tensor1d(channels, "int32"), axis).dataSync());
  const [out, input] = matrix.shape;
  const shape = along === "out" ? ([channels.length, input] as const) : ([out, channels.length] as const);
  return isBlockMatrix(matrix)
    ? quantiseWeightInBlocks(name, values, shape, { bits: matrix.bits, layout })
    : quantiseWeight(name, values, shape, layout);
}
