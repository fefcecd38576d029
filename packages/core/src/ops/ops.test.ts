import {
  add,
  erf,
  grads,
  logSoftmax,
  matMul,
  mean,
  mul,
  ones,
  rsqrt,
  sigmoid,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor4D,
  tensor,
  tidy,
} from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { random } from "../random.ts";
import { gatedSilu, gelu, silu } from "./activation.ts";
import { scaledDotProductAttention } from "./attention.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { dropout } from "./dropout.ts";
import { layerNorm, rmsNorm } from "./norm.ts";

/** Directional derivative by central differences against the registered gradients, over all inputs at once. */
function checkGradients(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
  step = 1e-2,
): { numeric: number; analytic: number } {
  return tidy(() => {
    const weights = random(9).normal(f(...inputs).shape);
    const loss = (...points: Tensor[]): Tensor => sum(mul(f(...points), weights));
    const directions = inputs.map((input, i) => random(10).at(i).normal(input.shape));
    const moved = (t: number): number =>
      loss(...inputs.map((input, i) => add(input, mul(directions[i]!, t)))).dataSync()[0]!;
    const numeric = (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step);
    const gradients = grads((...points: Tensor[]) => loss(...points))(inputs);
    const analytic = gradients.reduce(
      (total, gradient, i) => total + sum(mul(gradient, directions[i]!)).dataSync()[0]!,
      0,
    );
    return { numeric, analytic };
  });
}

const draw = (shape: number[], label: string): Tensor => random(1).at(label).normal(shape);

describe("the fused operations have the gradients that finite differences show", () => {
  // Fourth-order differences in float32: rounding of about 1e-6 / step = 1e-4 per unit of loss.
  const cases: [string, (...inputs: Tensor[]) => Tensor, number[][]][] = [
    ["layerNorm", (x, gain, bias) => layerNorm(x!, gain!, bias!, 1e-5), [[2, 3, 7], [7], [7]]],
    ["rmsNorm", (x, gain) => rmsNorm(x!, gain!, 1e-6), [[2, 3, 7], [7]]],
    ["exact gelu", (x) => gelu(x!), [[4, 5]]],
    ["tanh gelu", (x) => gelu(x!, "tanh"), [[4, 5]]],
    ["silu", (x) => silu(x!), [[4, 5]]],
    [
      "gated silu",
      (gate, up) => gatedSilu(gate!, up!),
      [
        [4, 5],
        [4, 5],
      ],
    ],
    [
      "attention with a bias",
      (query, key, value, bias) =>
        scaledDotProductAttention({
          query: query as Tensor4D,
          key: key as Tensor4D,
          value: value as Tensor4D,
          bias: bias!,
        }),
      [
        [2, 3, 4, 5],
        [2, 3, 6, 5],
        [2, 3, 6, 5],
        [2, 1, 1, 6],
      ],
    ],
    [
      "attention with dropout",
      (query, key, value) =>
        scaledDotProductAttention({
          query: query as Tensor4D,
          key: key as Tensor4D,
          value: value as Tensor4D,
          dropout: { rate: 0.3, random: random(4) },
        }),
      [
        [2, 3, 4, 5],
        [2, 3, 4, 5],
        [2, 3, 4, 5],
      ],
    ],
    [
      "cross-entropy",
      (logits) => crossEntropy(logits!, tensor([1, -100, 0, 4], [4], "int32"), { labelSmoothing: 0.1 }),
      [[4, 5]],
    ],
    ["dropout", (x) => dropout(x!, 0.4, random(5)), [[6, 5]]],
  ];
  test.each(cases)("%s", (_, f, shapes) => {
    tidy(() => {
      const inputs = shapes.map((shape, i) => draw(shape, String(i)));
      const { numeric, analytic } = checkGradients(f, inputs);
      expect(Math.abs(numeric - analytic)).toBeLessThan(2e-3 * Math.max(1, Math.abs(numeric)));
    });
  });
});

describe("the fused operations equal their definitions", () => {
  test("layer norm", () => {
    tidy(() => {
      const [x, gain, bias] = [draw([3, 7], "x"), draw([7], "g"), draw([7], "b")];
      const centered = sub(x, mean(x, -1, true));
      const expected = add(mul(mul(centered, rsqrt(add(mean(square(centered), -1, true), 1e-5))), gain), bias);
      expect(layerNorm(x, gain, bias, 1e-5)).toBeAllClose(expected, { absolute: 1e-6 });
    });
  });
  test("gelu and silu", () => {
    tidy(() => {
      const x = draw([50], "x");
      expect(gelu(x)).toBeAllClose(mul(mul(x, 0.5), add(1, erf(mul(x, Math.SQRT1_2)))), { absolute: 1e-6 });
      expect(silu(x)).toBeAllClose(mul(x, sigmoid(x)), { absolute: 1e-6 });
      expect(gatedSilu(x, sub(x, 2))).toBeAllClose(mul(silu(x), sub(x, 2)), { absolute: 1e-6 });
      expect(gelu(x, "tanh")).toBeAllClose(gelu(x), { absolute: 5e-4 });
    });
  });
  test("attention", () => {
    tidy(() => {
      const [query, key, value] = ["q", "k", "v"].map((label) => draw([2, 3, 4, 5], label)) as [
        Tensor4D,
        Tensor4D,
        Tensor4D,
      ];
      const expected = matMul(softmax(mul(matMul(query, key, false, true), 0.7)), value);
      expect(scaledDotProductAttention({ query, key, value, scale: 0.7 })).toBeAllClose(expected, { absolute: 1e-6 });
    });
  });
  test("cross-entropy ignores rows and smooths labels", () => {
    tidy(() => {
      const logits = draw([3, 4], "l");
      const p = logSoftmax(logits).arraySync() as number[][];
      const smoothed = (row: number, label: number): number =>
        -(0.9 * p[row]![label]! + (0.1 * p[row]!.reduce((a, b) => a + b)) / 4);
      const loss = crossEntropy(logits, tensor([2, -100, 0], [3], "int32"), { labelSmoothing: 0.1 });
      expect(loss.dataSync()[0]).toBeCloseTo((smoothed(0, 2) + smoothed(2, 0)) / 2, 5);
    });
  });
  test("a batch of ignored labels has no loss", () => {
    tidy(() => {
      expect(crossEntropy(draw([2, 3], "l"), tensor([-100, -100], [2], "int32")).dataSync()[0]).toBe(0);
    });
  });
});

test("a dropout mask keeps the mean, drops the share it was asked for, and repeats with its key", () => {
  tidy(() => {
    const units = ones([200, 100]);
    const kept = dropout(units, 0.25, random(7)).dataSync();
    const zeros = kept.filter((value) => value === 0).length;
    expect(Math.abs(zeros / 20_000 - 0.25)).toBeLessThan(0.016); // five standard deviations: false failure below 1e-6
    expect(new Set(kept)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(dropout(units, 0.25, random(7)).dataSync()).toEqual(kept);
    expect(dropout(units, 0.25, random(8)).dataSync()).not.toEqual(kept);
  });
});
