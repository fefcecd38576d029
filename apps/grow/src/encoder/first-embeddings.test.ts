import { random } from "@cambium/core";
import { tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { principalDirections } from "./first-embeddings.ts";

test("principal directions span the plane in which planted rows lie", () => {
  const [width, count] = [7, 200];
  const drawn = tidy(() => random(3).normal([count, 2]).dataSync());
  const plane = [
    Array.from({ length: width }, (_, i) => Math.sin(i + 1)),
    Array.from({ length: width }, (_, i) => i % 3),
  ];
  const rows = new Float32Array(count * width);
  for (let row = 0; row < count; row++)
    for (let i = 0; i < width; i++)
      rows[row * width + i] = 3 * drawn[2 * row]! * plane[0]![i]! + drawn[2 * row + 1]! * plane[1]![i]!;
  const basis = principalDirections(rows, width, 2);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
  expect(dot(basis[0]!, basis[1]!)).toBeCloseTo(0, 10);
  for (const vector of plane) {
    const inside = basis.reduce((sum, direction) => sum + dot(vector, direction) ** 2, 0);
    expect(inside).toBeCloseTo(dot(vector, vector), 4); // all of its length
  }
});
