import { dequantiseBlocks } from "@cambium/kernels";
import { tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { quantiseBlocks } from "./block-matrix.ts";
import { BlockRoom } from "./block-room.ts";
import { random } from "./random.ts";

const drawn = (label: string, count: number): Float32Array =>
  tidy(() => random(1).at(label).normal([count]).dataSync() as Float32Array);

test("matrices of one room lie beside each other and hold what they hold alone", () => {
  const room = new BlockRoom();
  const shapes = [
    [6, 64],
    [3, 33],
    [5, 64],
  ] as const;
  const alone = shapes.map((shape, i) => quantiseBlocks("w", drawn(`${i}`, shape[0] * shape[1]), shape, 4));
  const together = shapes.map((shape, i) => quantiseBlocks("w", drawn(`${i}`, shape[0] * shape[1]), shape, 4, room));
  for (const [i, matrix] of together.entries()) {
    expect(dequantiseBlocks(matrix)).toEqual(dequantiseBlocks(alone[i]!));
    const before = together[i - 1];
    if (before === undefined) continue;
    for (const kind of ["codes", "scales"] as const) {
      expect(matrix[kind].buffer).toBe(before[kind].buffer);
      expect(matrix[kind].byteOffset).toBe(before[kind].byteOffset + before[kind].byteLength);
    }
  }
});

test("what fits no room gets one, and what lies in the one before stays", () => {
  const room = new BlockRoom();
  const small = room.take(3, 4, true);
  small.minima!.fill(2);
  const large = room.take(2 ** 22, 8);
  expect(large.codes.length).toBe(2 ** 27);
  expect(large.minima).toBeUndefined();
  expect(room.take(1, 4, true).minima!.byteOffset).toBe(12); // minima had room left
  expect([...small.minima!]).toEqual([2, 2, 2]);
});
