import { tensor2d, tidy, transpose } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { gatherWeight } from "./gather-weight.ts";
import { bitsOf, quantiseWeight, quantiseWeightInBlocks } from "./quantised-weight.ts";
import { random } from "./random.ts";

const channels = Int32Array.of(1, 4, 7);

test.each(["out,in", "in,out"] as const)(
  "channels of a weight that is stored %s are its rows or its columns",
  (layout) => {
    tidy(() => {
      const weight = tensor2d(
        Array.from({ length: 80 }, (_, i) => i),
        [8, 10],
      ); // [out, in]
      const stored = layout === "out,in" ? weight : transpose(weight);
      const turn = (x: typeof weight) => (layout === "out,in" ? x : transpose(x)).arraySync();
      expect(turn(gatherWeight("w", stored, { layout, along: "out", channels }))).toEqual(
        [1, 4, 7].map((row) => Array.from({ length: 10 }, (_, i) => row * 10 + i)),
      );
      expect(turn(gatherWeight("w", stored, { layout, along: "in", channels }))).toEqual(
        Array.from({ length: 8 }, (_, row) => [1, 4, 7].map((column) => row * 10 + column)),
      );
    });
  },
);

test.each([
  ["8 bits", 8, (values: Float32Array) => quantiseWeight("w", values, [8, 64])],
  ["blocks of 8 bits", 8, (values: Float32Array) => quantiseWeightInBlocks("w", values, [8, 64], { bits: 8 })],
  ["blocks of 4 bits", 4, (values: Float32Array) => quantiseWeightInBlocks("w", values, [8, 64], { bits: 4 })],
] as const)("a weight in %s stays so, at most a step of its own rounding away", (_, bits, quantise) => {
  tidy(() => {
    const values = random(1).normal([8, 64]).dataSync() as Float32Array;
    const weight = quantise(values);
    const part = gatherWeight("w", weight, { layout: "out,in", along: "in", channels });
    expect(bitsOf(part)).toBe(bits);
    const whole = weight.arraySync();
    // A step is the largest weight over 127 or 8, which a pair of neighbours can widen to twice that.
    expect(part).toBeAllClose(
      whole.map((row) => [...channels].map((i) => row[i]!)),
      { absolute: bits === 8 ? 0.03 : 0.4 },
    );
  });
});
