/** How element-wise operators are applied: broadcasting, and reshapes moved behind them. */
import { backend_util } from "@tensorflow/tfjs-core";
import { type ElementType, sameShape, type Value } from "../graph.ts";
import { type OperationOptions, operation, reshapeTo, sourceOf } from "../tracer.ts";

/** Shape of an element-wise result. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  return backend_util.assertAndGetBroadcastShape([...a], [...b]);
}

/**
 * An element-wise operator. Where all operands of the full shape are reshaped from one other shape, and the rest
 * broadcasts along the last axis only, the operator runs on what they were reshaped from: so that a bias, a residual or an
 * activation meets the matrix product it follows.
 */
export function elementwise(
  type: string,
  inputs: readonly Value[],
  elements: ElementType,
  options: OperationOptions = {},
): Value {
  let shape = inputs[0]!.shape;
  for (const input of inputs.slice(1)) if (!sameShape(shape, input.shape)) shape = broadcast(shape, input.shape);
  const full = inputs.filter((input) => sameShape(input.shape, shape));
  const sources = full.map(sourceOf);
  const [source] = sources;
  if (
    source !== undefined &&
    source !== full[0] &&
    sources.every((other, i) => other !== full[i] && sameShape(other.shape, source.shape))
  ) {
    const rowWise = source.shape.at(-1) === shape.at(-1);
    const fits = inputs.every(
      (input) => input.shape.length === 0 || sameShape(input.shape, shape) || (rowWise && input.shape.length === 1),
    );
    if (fits) {
      const moved = inputs.map((input) => (sameShape(input.shape, shape) ? sourceOf(input) : input));
      return reshapeTo(operation(type, moved, source.shape, elements, options), shape);
    }
  }
  return operation(type, inputs, shape, elements, options);
}
