import { type QuantisedMatrix, quantisedLinearKernel, ROW_STEPS } from "@cambium/kernels";
import {
  add,
  dispose,
  getGradient,
  grad,
  matMul,
  mul,
  sum,
  type Tensor,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { applyLinear, applyWeight } from "./layers.ts";
import { quantiseMatrix } from "./quantised-matrix.ts";
import { isQuantised, quantiseWeight } from "./quantised-weight.ts";
import { random } from "./random.ts";

const draw = (shape: number[], label: string): Tensor => random(1).at(label).normal(shape);

/** Values, row by row. */
const drawValues = (shape: readonly [number, number], label: string): Float32Array => {
  const drawn = draw([...shape], label);
  const values = drawn.dataSync() as Float32Array;
  drawn.dispose();
  return values;
};

/** Codes by output and input. */
const codeAt = ({ codes, shape: [out] }: QuantisedMatrix, o: number, i: number): number => codes[i * out + o]!;

const norm = (tensor: Tensor): number => Math.sqrt(tidy(() => sum(mul(tensor, tensor))).dataSync()[0]!);

describe("a quantised matrix", () => {
  test.each([[[1, 1]], [[3, 5]], [[7, 2]], [[64, 48]]] as const)(
    "of %j is off by no more than half a step",
    ([out, input]) => {
      const values = drawValues([out, input], "w");
      const matrix = quantiseMatrix("w", values, [out, input]);
      for (let o = 0; o < out; o++)
        for (let i = 0; i < input; i++)
          // A part of 2^-20 for the scale, which is a float32.
          expect(Math.abs(values[o * input + i]! / matrix.scales[o]! - codeAt(matrix, o, i))).toBeLessThanOrEqual(
            0.5 + 2 ** -13,
          );
    },
  );

  test.each([
    ["bell-shaped", (o: number, i: number): number => Math.sin(o * 37 + i * 101) ** 3],
    ["all of one size", (): number => 0.3],
    ["of alternating rows", (o: number): number => (o % 2 === 0 ? 1 : -1)],
    ["of alternating columns", (_: number, i: number): number => (i % 2 === 0 ? 1 : -1)],
  ])("of weights %s has no neighbours whose sum is beyond 128", (_, weight) => {
    const [out, input] = [31, 42];
    const values = Float32Array.from({ length: out * input }, (_value, k) => weight(Math.floor(k / input), k % input));
    const matrix = quantiseMatrix("w", values, [out, input]);
    let most = 0;
    for (let o = 0; o < out; o++)
      for (let i = 0; i < input; i++) {
        const code = codeAt(matrix, o, i);
        expect(Math.abs(code)).toBeLessThanOrEqual(127);
        if (i % 2 === 0 && i + 1 < input) most = Math.max(most, Math.abs(code + codeAt(matrix, o, i + 1)));
        if (o % 2 === 0 && o + 1 < out) most = Math.max(most, Math.abs(code + codeAt(matrix, o + 1, i)));
      }
    expect(most).toBeLessThanOrEqual(128);
    expect(most).toBeGreaterThan(100); // no scale is larger than it must be
  });

  test("rounds channels of zeros, and of weights too small for a scale, to zeros", () => {
    const { codes, scales } = quantiseMatrix("w", [0, 0, 1e-44, 1e-44, 1, -1], [3, 2]);
    expect([...codes]).toEqual([0, 0, 127, 0, 0, -127]);
    expect([...scales].every((scale) => scale > 0)).toBe(true);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "refuses %s and names its channel",
    (value) => {
      expect(() => quantiseMatrix("layer.weight", [1, 2, 3, value], [2, 2])).toThrow(
        `"layer.weight" holds ${value} in output channel 1`,
      );
    },
  );
});

describe("a quantised linear layer", () => {
  test("is exact where inputs and weights are whole steps", () => {
    // Rows from 0 to 255 have steps of 1, and weights up to 127 have scales of 1.
    const x = tensor2d([
      [0, 255, 3, 128, 77],
      [255, 1, 0, 254, 9],
    ]);
    const weight = [127, 0, -126, 1, 5, -3, 0, 127, 0, -100];
    const quantised = quantiseWeight("w", weight, [2, 5]);
    const bias = tensor1d([0.5, -2]);
    const y = tidy(() => applyLinear(x, quantised, bias));
    const expected = tidy(() => add(matMul(x, tensor2d(weight, [2, 5]), false, true), bias));
    expect(y).toBeAllClose(expected, { absolute: 1e-2 }); // of sums near 32,385: a part of 3e-7
    dispose([x, quantised, bias, y, expected]);
  });

  test.each([
    [1, 3, 5],
    [2, 64, 64],
    [5, 130, 31],
  ])("of %i rows from %i to %i channels is near the product of floats", (rows, input, out) => {
    const values = drawValues([out, input], "w");
    const [x, bias] = [draw([rows, input], "x"), draw([out], "b")];
    const weight = tensor2d(values, [out, input]);
    const quantised = quantiseWeight("w", values, [out, input]);
    const [y, expected] = [quantised, weight].map((w) => tidy(() => applyLinear(x, w, bias))) as [Tensor, Tensor];
    const error = tidy(() => norm(add(y, mul(expected, -1))) / norm(expected));
    // Rounding to steps of a 255th of 6 deviations, and of a 127th of 4: 0.7 % and 1.1 % of a deviation each.
    expect(error).toBeLessThan(0.03);
    expect(error).toBeGreaterThan(1e-4);
    dispose([x, bias, weight, quantised, y, expected]);
  });

  test("keeps the axes before the last", () => {
    const [x, quantised] = [draw([2, 3, 4], "x"), quantiseWeight("w", drawValues([5, 4], "w"), [5, 4])];
    const y = tidy(() => applyLinear(x, quantised));
    expect(y.shape).toEqual([2, 3, 5]);
    dispose([x, quantised, y]);
  });

  test("passes on the gradient of the product of floats, nearly, and the bias's exactly", () => {
    const [input, out] = [48, 40];
    const values = drawValues([out, input], "w");
    const [x, dy, bias] = [draw([6, input], "x"), draw([6, out], "dy"), draw([out], "b")];
    const [weight, quantised] = [tensor2d(values, [out, input]), quantiseWeight("w", values, [out, input])];
    const gradient = (w: Tensor2D): Tensor => grad((at) => sum(mul(applyLinear(at, w, bias), dy)))(x);
    const [got, expected] = [gradient(quantised), gradient(weight)];
    expect(tidy(() => norm(add(got, mul(expected, -1))) / norm(expected))).toBeLessThan(0.03);
    const biasGradient = grad((at) => sum(mul(applyLinear(x, quantised, at), dy)))(bias);
    const expectedBias = tidy(() => sum(dy, 0));
    expect(biasGradient).toBeAllClose(expectedBias);
    dispose([x, dy, bias, weight, quantised, got, expected, biasGradient, expectedBias]);
  });

  test("is proportional to the scale of each row: steps belong to rows", () => {
    const quantised = quantiseWeight("w", drawValues([8, 16], "w"), [8, 16]);
    const x = draw([3, 16], "x");
    const [y, scaled] = tidy(() => [
      mul(applyLinear(x, quantised), tensor2d([1, 1024, 2 ** -20], [3, 1])),
      applyLinear(mul(x, tensor2d([1, 1024, 2 ** -20], [3, 1])), quantised),
    ]) as [Tensor, Tensor];
    expect(scaled).toBeAllClose(y, { absolute: 1e-12 });
    dispose([quantised, x, y, scaled]);
  });

  test.each([
    ["1e30", [1e30, -1e30, 5e29, 0]],
    ["all equal", [2.5, 2.5, 2.5, 2.5]],
    ["all equal and negative", [-7, -7, -7, -7]],
    ["zero", [0, 0, 0, 0]],
    ["1e-30", [1e-30, -1e-30, 0, 1e-30]],
    ["1e38", [1e38, -1e38, 5e37, 0]],
  ])("is right for rows of %s", (_, row) => {
    const weight = [1, 2, -3, 0.5, 127, -20, 10, 0];
    const quantised = quantiseWeight(
      "w",
      weight.map((w) => w / 127),
      [2, 4],
    );
    const x = tensor2d([row]);
    const y = tidy(() => applyLinear(x, quantised));
    const size = Math.max(...row.map(Math.abs));
    for (const o of [0, 1]) {
      const expected = row.reduce((total, value, i) => total + (value * weight[o * 4 + i]!) / 127, 0);
      const got = y.dataSync()[o]!;
      // Half a step of the row on four products, and half a step of the weights.
      expect(Math.abs(got - expected)).toBeLessThanOrEqual(size * (4 / ROW_STEPS + 4 / 127));
      expect(Number.isFinite(got)).toBe(true);
    }
    dispose([quantised, x, y]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "makes a row with %s NaN, and no other",
    (value) => {
      const quantised = quantiseWeight("w", drawValues([3, 4], "w"), [3, 4]);
      const x = tensor2d([
        [1, 2, 3, 4],
        [1, value, 3, 4],
      ]);
      const y = tidy(() => applyLinear(x, quantised));
      const rows = y.arraySync() as number[][];
      expect(rows[0]!.every(Number.isFinite)).toBe(true);
      expect(rows[1]!.every(Number.isNaN)).toBe(true);
      dispose([quantised, x, y]);
    },
  );

  test("has no gradient for its weight, and says so", () => {
    const { gradFunc } = getGradient(quantisedLinearKernel.name);
    const quantised = quantiseWeight("w", drawValues([3, 4], "w"), [3, 4]);
    const gradients = gradFunc(quantised, [quantised], {}) as Record<string, () => Tensor>;
    expect(gradients["weight"]).toThrow("a weight [3,4] in 8 bits is frozen and has no gradient");
    quantised.dispose();
  });
});

test("a quantised weight reads as the rounded weights; a copy has its codes, and what is computed of it has not", () => {
  const values = [1, -0.5, 0.25, 127, 64, -63];
  const quantised = quantiseWeight("w", values, [2, 3]);
  expect(quantised).toBeAllClose(
    [
      [1, -0.5, 0.25],
      [127, 64, -63],
    ],
    { relative: 0.01, absolute: 0.6 },
  );
  const [copy, doubled] = [quantised.clone(), mul(quantised, 2)];
  expect([quantised, copy, doubled].map(isQuantised)).toEqual([true, true, false]);
  dispose([quantised, copy, doubled]);
});

test("a weight that is stored the other way round has the same codes, values and products", () => {
  tidy(() => {
    const [out, input] = [4, 6];
    const values = drawValues([out, input], "w");
    const turned = Float32Array.from(
      { length: values.length },
      (_, k) => values[(k % out) * input + Math.floor(k / out)]!,
    );
    const weight = quantiseWeight("w", values, [out, input]);
    const stored = quantiseWeight("w", turned, [out, input], "in,out");
    expect(stored.shape).toEqual([input, out]);
    expect(transpose(stored)).toBeAllClose(weight, { relative: 0, absolute: 0 });
    const x = draw([3, input], "x");
    expect(applyWeight(x, stored, "in,out")).toBeAllClose(applyLinear(x, weight), { relative: 0, absolute: 0 });
    const slope = (w: Tensor, layout: "out,in" | "in,out"): Tensor => grad((y) => applyWeight(y, w, layout))(x);
    expect(slope(stored, "in,out")).toBeAllClose(slope(weight, "out,in"));
  });
});
