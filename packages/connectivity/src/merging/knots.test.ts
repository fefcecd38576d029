import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { attach, type Delta, lora, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { matMul, type Tensor, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eigenOfSymmetric } from "../curvature/tridiagonal.ts";
import { mergePoints } from "./merge-points.ts";
import { mergeTuned } from "./merge-tuned.ts";

let base: LanguageModel;
const made: Parameters[] = [];
beforeEach(() => {
  base = tinyModel();
});
afterEach(() => {
  for (const tree of [base.parameters, ...made.splice(0)]) disposeParameters(tree);
});

/** A LoRA somewhere. */
function tuned(
  seed: number,
  options: { rank: number; alpha?: number; layers?: readonly number[] },
): Tuned<LanguageModel> {
  const start = attach(base, lora(base, { targets: ["attn.q", "ff.up"], ...options }, random(seed)));
  const parameters = mapParameters(start.parameters, (value, name) => random(seed).at(name).normal(value.shape));
  made.push(start.parameters, parameters);
  return start.with(parameters);
}

/** `s B A` of every layer, by its path. */
function productsOf(model: Tuned<LanguageModel>): ReadonlyMap<string, number[][]> {
  const [delta] = model.deltas as [Delta<{ readonly alpha: number; readonly rank: number }>];
  const changed = delta.merge!(base.parameters, delta);
  const found = new Map<string, number[][]>();
  for (const [name, value] of changed) {
    const before = base.parameters.get(name)!.arraySync() as number[][];
    const after = value.arraySync() as number[][];
    found.set(
      name,
      after.map((row, i) => row.map((each, j) => each - before[i]![j]!)),
    );
  }
  disposeParameters(changed);
  return found;
}

async function merged(
  models: readonly Tuned<LanguageModel>[],
  options: object,
): Promise<ReadonlyMap<string, number[][]>> {
  const one = await mergeTuned(models, options);
  made.push(one.parameters);
  return productsOf(one);
}

const near = { absolute: 2e-4, relative: 1e-4 };

function expectEqual(found: ReadonlyMap<string, number[][]>, expected: ReadonlyMap<string, number[][]>): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, rows] of found) expect(rows.flat()).toBeAllClose(expected.get(name)!.flat(), near);
}

test("a linear merge in the shared basis is that of the products, of unlike ranks, scales and weights too", async () => {
  const models = [tuned(1, { rank: 2, alpha: 6 }), tuned(2, { rank: 3 })];
  for (const weights of [undefined, [0.3, 1.2]])
    expectEqual(
      await merged(models, { knots: true, ...(weights && { weights }) }),
      await merged(models, { ...(weights && { weights }) }),
    );
});

test("a LoRA merged with itself is that LoRA, whatever the method, and so at its own rank", async () => {
  const model = tuned(3, { rank: 2, alpha: 3 });
  const expected = productsOf(model);
  expectEqual(await merged([model, model], { knots: true, method: "ties", density: 1 }), expected);
  expectEqual(await merged([model, model], { knots: true, method: "ties", density: 1, rank: 2 }), expected);
});

test("TIES in the shared basis is TIES of the parts of V in the singular value decomposition of the changes side by side", async () => {
  const models = [tuned(4, { rank: 2 }), tuned(5, { rank: 1, alpha: 2 })];
  const found = await merged(models, { knots: true, method: "ties", density: 0.4 });
  const changes = models.map(productsOf);
  for (const [name, rows] of found) {
    const [one, two] = changes.map((each) => each.get(name)!);
    const whole = one!.map((row, i) => [...row, ...two![i]!]); // [out, 2 in]
    const gram = whole.map((row) => whole.map((other) => row.reduce((sum, value, k) => sum + value * other[k]!, 0)));
    const pairs = eigenOfSymmetric(gram).slice(0, 3);
    const right = (change: readonly number[][]): number[][] =>
      pairs.map(({ value, vector }) =>
        change[0]!.map((_, j) => change.reduce((sum, row, i) => sum + (vector[i]! * row[j]!) / Math.sqrt(value), 0)),
      );
    const points = [one!, two!].map((change): Parameters => new Map<string, Tensor>([["v", tensor2d(right(change))]]));
    const v = await mergePoints(points, { method: "ties", density: 0.4, weight: 0.5, base: "zero" });
    const left = tensor2d(one!.map((_, i) => pairs.map(({ value, vector }) => vector[i]! * Math.sqrt(value))));
    const expected = tidy(() => [...matMul(left, v.get("v") as Tensor2D).dataSync()]);
    expect(rows.flat()).toBeAllClose(expected, near);
    left.dispose();
    for (const tree of [...points, v]) disposeParameters(tree);
  }
});

test("at a layer that one of them does not touch it changes nothing", async () => {
  const models = [tuned(6, { rank: 2 }), tuned(7, { rank: 2, layers: [1] })];
  expectEqual(await merged(models, { knots: true }), await merged(models, {}));
});

test("what is neither true nor false is refused", async () => {
  const model = tuned(8, { rank: 1 });
  await expect(mergeTuned([model], { knots: "yes" as never })).rejects.toThrow(
    'knots must be true or false, got "yes"',
  );
});
