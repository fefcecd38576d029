/** How element-wise operators are applied: broadcasting, and reshapes moved behind them. */
import { backend_util } from "@tensorflow/tfjs-core";
import { type ElementType, sameShape, type Value } from "../graph.ts";
import { type OperationOptions, operation, reshapeTo, sourceOf } from "../tracer.ts";

/** Shape of an element-wise result. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  return backend_util.assertAndGetBroadcastShape([...a], [...b]);
}

/**
 * An element-wise operator. Where an operand is a reshaped matrix, and the rest broadcasts along the last axis only, the
 * operator runs on matrices and the result is reshaped: so that a bias, a residual or an activation meets the product
 * before it.
 */
export function elementwise(
  type: string,
  inputs: readonly Value[],
  elements: ElementType,
  options: OperationOptions = {},
): Value {
  let shape = inputs[0]!.shape;
  for (const input of inputs.slice(1)) if (!sameShape(shape, input.shape)) shape = broadcast(shape, input.shape);
  const matrix = inputs.find(
    (input) => sameShape(input.shape, shape) && sourceOf(input) !== input && isMatrixOf(sourceOf(input), shape),
  );
  if (matrix !== undefined && inputs.every((input) => input.shape.length <= 1 || sameShape(input.shape, shape))) {
    const rows = sourceOf(matrix).shape;
    const moved = inputs.map((input) => (sameShape(input.shape, shape) ? reshapeTo(input, rows) : input));
    return reshapeTo(operation(type, moved, rows, elements, options), shape);
  }
  return operation(type, inputs, shape, elements, options);
}

/** Whether a value is `shape` with all axes but the last in one. */
function isMatrixOf(value: Value, shape: readonly number[]): boolean {
  return value.shape.length === 2 && value.shape[1] === shape.at(-1);
}
