import { expect } from "vitest";

/** How far apart two numbers may lie: `|received − expected| ≤ absolute + relative · |expected|`. */
interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** Fails with the worst pair unless every number lies within the tolerance of its counterpart. */
export function expectClose(
  received: readonly number[],
  expected: readonly number[],
  { absolute, relative }: Tolerance,
): void {
  expect(received.length).toBe(expected.length);
  const excess = received.map(
    (value, i) => Math.abs(value - expected[i]!) / (absolute + relative * Math.abs(expected[i]!)),
  );
  // A NaN is close to nothing.
  const worst = excess.reduce((at, value, i) => (Number.isNaN(value) || value > excess[at]! ? i : at), 0);
  if (excess.length === 0 || excess[worst]! <= 1) return;
  expect.fail(
    `at ${worst}: received ${received[worst]}, expected ${expected[worst]} within ${absolute} + ${relative} of it`,
  );
}
