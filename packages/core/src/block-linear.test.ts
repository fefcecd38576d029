import {
  type BlockMatrix,
  blockLinearKernel,
  blockRowsKernel,
  dequantiseBlocks,
  linearCrossEntropyKernel,
} from "@cambium/kernels";
import {
  add,
  dispose,
  gather,
  getGradient,
  grad,
  matMul,
  mul,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { quantiseBlocks } from "./block-matrix.ts";
import { editWeight, lookUp } from "./edited-weight.ts";
import { fingerprint } from "./fingerprint.ts";
import { applyLinear, applyWeight } from "./layers.ts";
import { crossEntropy, linearCrossEntropy } from "./ops/cross-entropy.ts";
import { bitsOf, blockWeight, isQuantised, quantiseWeight, quantiseWeightInBlocks } from "./quantised-weight.ts";
import { random } from "./random.ts";

const draw = (shape: number[], label: string): Tensor => random(1).at(label).normal(shape);

/** Values, row by row. */
const drawValues = (shape: readonly number[], label: string): Float32Array => {
  const drawn = draw([...shape], label);
  const values = drawn.dataSync() as Float32Array;
  drawn.dispose();
  return values;
};

const squares = (values: readonly number[]): number => values.reduce((total, value) => total + value * value, 0);

describe.each([4, 8] as const)("quantiseBlocks in %i bits", (bits) => {
  test.each([[[1, 1]], [[3, 5]], [[7, 32]], [[5, 33]], [[16, 100]]] as const)(
    "of %j is off by no more than half a step, or by what is clipped",
    ([out, input]) => {
      const values = drawValues([out, input], "w");
      const matrix = quantiseBlocks("w", values, [out, input], bits);
      const rounded = dequantiseBlocks(matrix);
      const blocks = Math.ceil(input / 32);
      for (let o = 0; o < out; o++)
        for (let block = 0; block < blocks; block++) {
          const scale = matrix.scales[o * blocks + block]!;
          const own = [...Array(Math.min(32, input - block * 32)).keys()].map((i) => o * input + block * 32 + i);
          const farthest = Math.max(...own.map((k) => Math.abs(values[k]!)));
          const errors = own.map((k) => Math.abs(rounded[k]! - values[k]!));
          // With nine steps to the farthest number, one of the other sign that is as far is cut off at seven.
          const clipped = bits === 4 ? (2 * farthest) / 9 : 0;
          for (const error of errors)
            expect(error).toBeLessThanOrEqual(Math.max(Math.abs(scale) / 2, clipped) * 1.0001);
          const plain = own.map((k) => {
            const step = farthest / (bits === 4 ? 7 : 127);
            return values[k]! - step * Math.round(values[k]! / step);
          });
          expect(squares(errors)).toBeLessThanOrEqual(squares(plain) * 1.0001 + 1e-12);
        }
    },
  );

  test("is exact where weights are whole steps, and refuses nothing that a float32 holds", () => {
    const most = bits === 4 ? 8 : 127;
    const whole = Float32Array.from({ length: 64 }, (_, i) => (i % 32 === 0 ? -most : (i % (most + 1)) - (i % 3)) / 4);
    const sizes = [1, 2 ** 100, 2 ** -100];
    for (const size of sizes) {
      const scaled = whole.map((value) => value * size);
      expect([...dequantiseBlocks(quantiseBlocks("w", scaled, [2, 32], bits))]).toEqual([...scaled]);
    }
    const tiny = [1e-44, 0, -1e-45, 0];
    for (const value of dequantiseBlocks(quantiseBlocks("w", tiny, [1, 4], bits)))
      expect(Math.abs(value)).toBeLessThan(2e-44);
  });

  test("of zeros is zeros", () => {
    const matrix = quantiseBlocks("w", new Float32Array(70), [2, 35], bits);
    expect([...matrix.scales]).toEqual([0, 0, 0, 0]);
    for (const value of dequantiseBlocks(matrix)) expect(value).toBeCloseTo(0, 30);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "refuses %s and names its channel",
    (value) => {
      expect(() => quantiseBlocks("layer.weight", [1, 2, 3, value], [2, 2], bits)).toThrow(
        `"layer.weight" holds ${value} in output channel 1`,
      );
    },
  );
});

test("bell-shaped weights are off by 8.2 % in 4 bits and by half a percent in 8", () => {
  const values = drawValues([256, 256], "w");
  const errorOf = (bits: 4 | 8): number => {
    const rounded = dequantiseBlocks(quantiseBlocks("w", values, [256, 256], bits));
    return Math.sqrt(squares([...rounded].map((value, i) => value - values[i]!)) / squares([...values]));
  };
  expect(errorOf(4)).toBeCloseTo(0.0824, 3);
  expect(errorOf(8)).toBeCloseTo(0.0053, 3);
});

describe.each([4, 8] as const)("a linear layer in blocks of %i bits", (bits) => {
  test.each([
    ["out,in", [3, 64, 40]],
    ["in,out", [3, 64, 40]],
    ["out,in", [1, 7, 5]],
    ["in,out", [2, 33, 3]],
  ] as const)(
    "of layout %s and size %j is the product with the rounded weights, and so is its gradient",
    (layout, size) => {
      const [rows, input, out] = size;
      const shape = layout === "out,in" ? [out, input] : [input, out];
      const quantised = quantiseWeightInBlocks("w", drawValues(shape, "w"), [out, input], { bits, layout });
      expect([quantised.shape, bitsOf(quantised), isQuantised(quantised)]).toEqual([shape, bits, true]);
      const [x, dy, bias] = [draw([rows, 1, input], "x"), draw([rows, 1, out], "dy"), draw([out], "b")];
      const plain = tidy(() => mul(quantised, 1));
      const apply = (weight: Tensor) => (at: Tensor) => sum(mul(applyWeight(at, weight, layout, bias), dy));
      const results = tidy(() => [
        applyWeight(x, quantised, layout, bias),
        applyWeight(x, plain, layout, bias),
        grad(apply(quantised))(x),
        grad(apply(plain))(x),
        grad((at) => sum(mul(applyWeight(x, quantised, layout, at as Tensor1D), dy)))(bias),
        sum(dy, [0, 1]),
      ]);
      expect(isQuantised(plain)).toBe(false);
      for (const i of [0, 2, 4]) expect(results[i]!).toBeAllClose(results[i + 1]!, { relative: 1e-5, absolute: 1e-5 });
      dispose([quantised, x, dy, bias, plain, ...results]);
    },
  );

  test("has the gradient that finite differences find", () => {
    const quantised = quantiseWeightInBlocks("w", drawValues([5, 40], "w"), [5, 40], { bits });
    const [x, direction] = [draw([2, 40], "x"), draw([2, 40], "direction")];
    const loss = (at: Tensor): Tensor => sum(mul(applyLinear(at, quantised), applyLinear(at, quantised)));
    const slope = tidy(() => sum(mul(grad(loss as never)(x), direction)).dataSync()[0]!);
    const step = 2 ** -6; // a square: central differences are exact but for rounding
    const at = (size: number): number => tidy(() => loss(add(x, mul(direction, size))).dataSync()[0]!);
    const difference = (at(step) - at(-step)) / (2 * step);
    expect(Math.abs(slope - difference)).toBeLessThan(2e-3 * Math.abs(slope) + 0.05);
    dispose([quantised, x, direction]);
  });

  test("has no gradient of its own, and says so", () => {
    const quantised = quantiseWeightInBlocks("w", drawValues([5, 4], "w"), [5, 4], { bits });
    const x = draw([2, 4], "x");
    for (const kernel of [blockLinearKernel, blockRowsKernel]) {
      const { gradFunc } = getGradient(kernel.name)!;
      const gradients = gradFunc(x, [quantised, x], {}) as Record<string, () => Tensor>;
      expect(gradients["weight"]).toThrow(`a weight [5,4] in ${bits} bits is frozen and has no gradient`);
    }
    dispose([quantised, x]);
  });
});

test("minima are added to codes that are counted from zero", () => {
  const matrix: BlockMatrix = {
    shape: [2, 3],
    bits: 4,
    codes: Uint8Array.from({ length: 32 }, (_, i) => (i < 16 ? 0x21 : 0xf0)),
    scales: Float32Array.of(2, -0.5),
    minima: Float32Array.of(-3, 10),
  };
  // Low halves come first.
  const expected = [2 * 1 - 3, 2 * 2 - 3, 2 * 1 - 3, 10, -0.5 * 15 + 10, 10];
  const weight = blockWeight(matrix);
  expect([...weight.dataSync()]).toEqual(expected);
  const [y, byHand] = tidy(() => {
    const x = tensor2d([[1, 10, 100]]);
    return [applyLinear(x, weight), matMul(x, transpose(tensor2d(expected, [2, 3])))];
  }) as [Tensor, Tensor];
  expect(y).toBeAllClose(byHand);
  dispose([weight, y, byHand]);
});

test("rows of a table in blocks are those of its floats, also where some are edited", () => {
  const table = quantiseWeightInBlocks("w", drawValues([9, 40], "w"), [9, 40], { bits: 8 });
  const ids = tensor2d([8, 0, 3, 3], [2, 2], "int32");
  tidy(() => {
    const floats = mul(table, 1) as Tensor2D;
    expect(lookUp(table, ids).arraySync()).toEqual(gather(floats, ids as never).arraySync());
    expect(lookUp(table, ids).shape).toEqual([2, 2, 40]);
    const edit = {
      values: draw([1, 40], "edit"),
      index: tensor1d([3], "int32"),
      by: "rows" as const,
      slots: tensor2d([1, 1, 1, 0, 1, 1, 1, 1, 1], [9, 1], "int32"),
    };
    const [edited, plain] = [table, floats].map((weight) => lookUp(editWeight(weight, edit), ids)) as [Tensor, Tensor];
    expect(edited).toBeAllClose(plain, { relative: 1e-6 });
    expect(() => lookUp(table, tensor1d([9], "int32")).dataSync()).toThrow();
  });
  dispose([table, ids]);
});

test.each(["blocks", "channels"] as const)(
  "a loss that is taken in parts multiplies by weights in %s as the whole does",
  (form) => {
    const values = drawValues([11, 40], "w");
    const weight =
      form === "blocks"
        ? quantiseWeightInBlocks("w", values, [11, 40], { bits: 4 })
        : quantiseWeight("w", values, [11, 40]);
    const labels = tensor1d([3, -100, 0, 10, 7], "int32");
    const x = draw([5, 40], "x") as Tensor2D;
    tidy(() => {
      const inParts = (at: Tensor): Tensor => linearCrossEntropy(at as Tensor2D, weight, labels, 2);
      const whole = (at: Tensor): Tensor => crossEntropy(applyLinear(at, weight), labels);
      expect(inParts(x)).toBeAllClose(whole(x), { relative: 1e-5 });
      // Gradients in 8 bits are rounded for each row, before or after the mean over rows.
      const near = { relative: form === "blocks" ? 1e-4 : 0.02, absolute: form === "blocks" ? 1e-6 : 1e-3 };
      expect(grad(inParts)(x)).toBeAllClose(grad(whole)(x), near);
    });
    const { gradFunc } = getGradient(linearCrossEntropyKernel.name)!;
    const saved = [x, weight, labels, x];
    const gradients = gradFunc([x] as never, saved, { matrix: {} as never }) as Record<string, () => Tensor>;
    expect(gradients["weight"]).toThrow("is frozen and has no gradient");
    dispose([weight, labels, x]);
  },
);

test("fingerprints tell blocks of other bits, scales and minima apart, and equal ones are equal", async () => {
  const values = drawValues([3, 32], "w");
  const matrix = quantiseBlocks("w", values, [3, 32], 4);
  const variants: BlockMatrix[] = [
    matrix,
    quantiseBlocks("w", values, [3, 32], 8),
    { ...matrix, minima: new Float32Array(3) },
    { ...matrix, minima: Float32Array.of(0, 0, 1) },
    { ...matrix, scales: matrix.scales.map((scale) => 2 * scale) },
  ];
  const prints = new Set<string>();
  for (const variant of variants) {
    const [weight, same] = [blockWeight(variant), blockWeight({ ...variant, codes: variant.codes.slice() })];
    prints.add(await fingerprint(weight));
    expect(await fingerprint(same)).toBe(await fingerprint(weight));
    dispose([weight, same]);
  }
  expect(prints.size).toBe(variants.length);
});

test("wrong options are refused", () => {
  const run = (options: object) => (): unknown => quantiseWeightInBlocks("w", [1], [1, 1], options as never);
  expect(run({ bits: 5 })).toThrow("bits must be 4 or 8, got 5");
  expect(run({ bits: 4, block: 64 })).toThrow('"block"');
});
