import type { Tensor } from "@tensorflow/tfjs-core";
import { expect } from "vitest";

/** How far apart two elements may lie: `|received − expected| ≤ absolute + relative · |expected|`. */
export interface Closeness {
  /** @default 1e-4 */
  readonly relative?: number;
  /** @default 1e-5 */
  readonly absolute?: number;
}

/** Fails unless two tensors, or lists of numbers, are of one shape and near in every element; tells the worst. */
export function expectClose(
  received: Tensor | ArrayLike<number>,
  expected: Tensor | ArrayLike<number>,
  { relative = 1e-4, absolute = 1e-5 }: Closeness = {},
): void {
  const shapeOf = (x: Tensor | ArrayLike<number>): readonly number[] => ("dataSync" in x ? x.shape : [x.length]);
  const valuesOf = (x: Tensor | ArrayLike<number>): ArrayLike<number> => ("dataSync" in x ? x.dataSync() : x);
  const [got, wanted] = [valuesOf(received), valuesOf(expected)];
  expect(shapeOf(received)).toEqual(shapeOf(expected));
  let [worst, excess] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    if (Object.is(got[i], wanted[i])) continue;
    const ratio = Math.abs(got[i]! - wanted[i]!) / (absolute + relative * Math.abs(wanted[i]!));
    if (!(ratio <= excess)) [worst, excess] = [i, Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio];
  }
  const shown = `element ${worst}: received ${got[worst]}, expected ${wanted[worst]}`;
  expect(excess, `${shown}, times what is allowed`).toBeLessThanOrEqual(1);
}
