import {
  dispose,
  matMul,
  mean,
  mul,
  type Scalar,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { Model } from "./model.ts";
import { disposeParameters, type Parameters } from "./parameters.ts";
import { measureQuantisation, overBudget } from "./quantised-report.ts";
import { quantiseWeight, quantiseWeightInBlocks } from "./quantised-weight.ts";
import { random } from "./random.ts";
import { createScope } from "./scope.ts";
import type { Site } from "./site.ts";

const linear = (path: string, width: number, layer?: number): Site => ({
  kind: "linear",
  path,
  role: "ff.up",
  width,
  weight: { name: `${path}.weight`, layout: "out,in" },
  ...(layer === undefined ? {} : { layer }),
});

/** Two linear layers and a head, with the mean square for a loss. */
function chain(parameters: Parameters): Model<Tensor2D, Tensor> {
  const sites = [linear("first", 6, 0), linear("second", 4, 1), linear("head", 2)];
  const forward: Model<Tensor2D, Tensor>["forward"] = (x, { hooks = [] } = {}) => {
    const scope = createScope(parameters, { hooks, training: false, random: random(0), sites });
    return scope.linear("head", scope.linear("second", scope.linear("first", x)));
  };
  const loss = (x: Tensor2D, options?: object): Scalar => tidy(() => mean(square(forward(x, options))) as Scalar);
  return { config: {}, parameters, sites: () => sites, forward, loss };
}

const weights = (): Map<string, Tensor> =>
  new Map([
    ["first.weight", random(1).at("first").normal([6, 8])],
    ["second.weight", random(1).at("second").normal([4, 6])],
    ["head.weight", random(1).at("head").normal([2, 4])],
  ]);

test("errors are those of one layer each, small for bell-shaped numbers, and the head is left out", async () => {
  const model = chain(weights());
  const x = random(2).normal([16, 8]) as Tensor2D;
  const errors = await measureQuantisation(model, x);
  expect(errors.map(({ path, weight }) => [path, weight])).toEqual([
    ["first", "first.weight"],
    ["second", "second.weight"],
  ]);
  for (const { output, gradient, worst } of errors) {
    expect(output).toBeGreaterThan(1e-4);
    expect(output).toBeLessThan(0.03);
    expect(gradient).toBeGreaterThan(1e-4);
    expect(gradient).toBeLessThan(0.03);
    expect(worst).toHaveLength(3);
    expect(worst[0]!.share).toBeGreaterThanOrEqual(worst[1]!.share);
  }
  dispose(x);
  disposeParameters(model.parameters);
});

test("in 4 bits errors are those of the rounded weights alone, and outliers among the inputs make none", async () => {
  const model = chain(weights());
  const plain = random(2).normal([16, 8]) as Tensor2D;
  const scaled = tidy(() => mul(plain, tensor2d([[1000, 1, 1, 1, 1, 1, 1, 1]]))) as Tensor2D;
  for (const x of [plain, scaled]) {
    const errors = await measureQuantisation(model, x, { frozen: "int4" });
    expect(errors.map(({ weight }) => weight)).toEqual(["first.weight", "second.weight"]);
    for (const { weight, output, gradient } of errors) {
      // Of blocks with 8 and 6 numbers, whose largest is nearer to the others than that of 32.
      expect([weight, output, gradient]).toEqual([
        weight,
        expect.toSatisfy((error: number) => error > 0.01 && error < 0.2),
        expect.toSatisfy((error: number) => error > 0.01 && error < 0.2),
      ]);
    }
  }
  const values = model.parameters.get("first.weight")!;
  const rounded = quantiseWeightInBlocks("first.weight", values.dataSync(), [6, 8], { bits: 4 });
  const expected = tidy(() => {
    const y = matMul(plain, values as Tensor2D, false, true);
    const off = sub(matMul(plain, rounded, false, true), y);
    return Math.sqrt(sum(square(off)).dataSync()[0]! / sum(square(y)).dataSync()[0]!);
  });
  const [first] = await measureQuantisation(model, plain, { frozen: "int4" });
  expect(first!.output).toBeCloseTo(expected, 5);
  dispose([plain, scaled, rounded]);
  disposeParameters(model.parameters);
});

test("an outlier among the inputs makes a layer's error large, and the budget finds its weight", async () => {
  const model = chain(weights());
  const plain = random(2).normal([16, 8]) as Tensor2D;
  const scale = tensor2d([[1000, 1, 1, 1, 1, 1, 1, 1]]);
  const unseen = tidy(() => mul(model.parameters.get("first.weight")!, tensor2d([[0, 1, 1, 1, 1, 1, 1, 1]])));
  const x = tidy(() => mul(plain, scale)) as Tensor2D;
  // The outlier has no weight, so that it is nothing but an obstacle to the others.
  const blind = chain(new Map([...model.parameters, ["first.weight", unseen]]));
  const errors = await measureQuantisation(blind, x);
  expect(errors[0]!.output).toBeGreaterThan(0.3);
  expect(errors[1]!.output).toBeLessThan(0.03);
  expect(overBudget(errors, 0.05)).toEqual(["first.weight"]);
  expect(overBudget(errors, 1e9)).toEqual([]);
  expect(overBudget(errors, 0)).toEqual(["first.weight", "second.weight"]);
  dispose([plain, scale, unseen, x]);
  disposeParameters(model.parameters);
});

test("the channel that is off is named first", async () => {
  // Steps of 1 in every row and channel but the last, whose first two weights are half a step off.
  const rows = [127, 0, 0, 0, 0, 0, 0, 0];
  const first = tensor2d([rows, rows, rows, rows, rows, [127, 0, 0.5, 0, 0.5, 0, 0, 0]]);
  const drawn = weights();
  drawn.get("first.weight")!.dispose();
  const model = chain(drawn.set("first.weight", first));
  const x = tensor2d([[0, 255, 255, 255, 255, 255, 255, 255]]);
  const [error] = await measureQuantisation(model, x);
  expect(error!.worst[0]).toEqual({ channel: 5, share: 1 });
  dispose([x]);
  disposeParameters(model.parameters);
});

test("a number that is not finite is over every budget", () => {
  const error = { path: "a", weight: "a.weight", output: Number.NaN, gradient: 0, worst: [] };
  expect(overBudget([error], 1)).toEqual(["a.weight"]);
});

test("models without a loss, and in 8 bits already, are refused", async () => {
  const model = chain(weights());
  const x = random(2).normal([2, 8]) as Tensor2D;
  const { loss: _, ...headless } = model;
  await expect(measureQuantisation(headless, x)).rejects.toThrow("the model has no loss");
  const rounded = quantiseWeight("second.weight", new Float32Array(24).fill(1), [4, 6]);
  const mixed = chain(new Map([...model.parameters, ["second.weight", rounded]]));
  await expect(measureQuantisation(mixed, x)).rejects.toThrow('"second.weight" is in 8 bits already');
  await expect(measureQuantisation(model, x, { frozen: "int3" as "int4" })).rejects.toThrow('got "int3"');
  dispose([x, rounded]);
  disposeParameters(model.parameters);
});
