import { memory, result, StateError } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { attach, whole } from "@cambium/delta";
import { tinyModel } from "@cambium/models/testing";
import { norm, type Tensor, tensor1d, tensor2d, tidy, transpose } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { dotOf } from "../points/vectors.ts";
import { bowl, numbers, point } from "../quadratic.fixture.ts";
import { createDirections } from "./direction.ts";
import { runLandscape } from "./run-landscape.ts";
import { measureSharpness } from "./sharpness.ts";

const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};
const data = numbers([[1, 1], [4]]);
const rowNorms = (tensor: Tensor): number[] => tidy(() => [...norm(tensor, "euclidean", 1).dataSync()]);

test("each filter of a direction is as long as the filter that it moves; biases do not move", async () => {
  const tree: Parameters = new Map<string, Tensor>([
    ["w", random(1).normal([5, 7])],
    ["zero", tensor2d([[0, 0, 0]])],
    ["bias", tensor1d([1, 2])],
  ]);
  const directions = await createDirections(tree, random(2), { count: 3 });
  for (const direction of directions) {
    expect(rowNorms(direction.get("w")!)).toBeAllClose(rowNorms(tree.get("w")!), { relative: 1e-5 });
    expect(
      [...direction.get("zero")!.dataSync(), ...direction.get("bias")!.dataSync()].every((value) => value === 0),
    ).toBe(true);
    const values = direction.get("w")!.dataSync();
    expect(values.some((value) => value < 0) && values.some((value) => value > 0)).toBe(true);
  }
  free(tree, ...directions);
});

test("without scaling, directions are orthogonal; by layer and by weight they have the layer's and the weights' size", async () => {
  const tree: Parameters = new Map<string, Tensor>([
    ["w", random(1).normal([5, 7])],
    ["bias", tensor1d([3])],
  ]);
  const [first, second] = await createDirections(tree, random(2), { normalise: "none", ignore: "none" });
  const angle =
    (await dotOf(first!, second!)) / Math.sqrt((await dotOf(first!, first!)) * (await dotOf(second!, second!)));
  expect(angle).toBeCloseTo(0, 6);
  const [layer] = await createDirections(tree, random(2), { count: 1, normalise: "layer", ignore: "none" });
  expect(await dotOf(layer!, layer!)).toBeCloseTo(await dotOf(tree, tree), 3);
  const [weight] = await createDirections(tree, random(2), { count: 1, normalise: "weight" });
  const ratio = weight!.get("w")!.dataSync()[3]! / Math.abs(tree.get("w")!.dataSync()[3]!);
  const [plain] = await createDirections(tree, random(2), { count: 1, normalise: "none" });
  expect(ratio).toBeCloseTo(plain!.get("w")!.dataSync()[3]!, 5);
  free(tree, first!, second!, layer!, weight!, plain!);
});

test("of a matrix that is stored the other way round, columns are filters, also under a delta's name", async () => {
  const base = tinyModel({ type: "gpt2", head: { kind: "causal-lm" } as const });
  const tuned = attach(base, whole(base));
  const [direction] = await createDirections(tuned, random(1), { count: 1, model: tuned });
  const name = "whole/transformer.h.0.mlp.c_fc.weight";
  const both = [direction!, tuned.parameters].map((tree) => {
    const turned = transpose(tree.get(name)!);
    const norms = rowNorms(turned);
    turned.dispose();
    return norms;
  });
  expect(both[0]).toBeAllClose(both[1]!, { relative: 1e-5 });
  const words = "whole/transformer.wte.weight";
  expect(rowNorms(direction!.get(words)!)).toBeAllClose(rowNorms(tuned.parameters.get(words)!), { relative: 1e-5 });
  free(direction!, tuned.parameters, base.parameters);
});

test("the landscape of a bowl is its closed form, in one dimension and in two", async () => {
  const origin = point([1, -1], 0);
  const [across, up] = [point([1, 0], 0), point([0, 1], 0)];
  const objective = bowl([2, 6], [1, -1], origin);
  const flat = await result(runLandscape(objective, { origin, across }, data, { x: [-2, 2, 5] }));
  expect(flat.xs).toEqual([-2, -1, 0, 1, 2]);
  expect(flat.losses[0]).toBeAllClose([6, 3, 2, 3, 6], { relative: 1e-6 }); // x² and the mean of the rows, 2
  const { losses, ys } = await result(
    runLandscape(objective, { origin, across, up }, data, { x: [-1, 1, 3], y: { at: [0, 0.5, 2] } }),
  );
  expect(ys).toEqual([0, 0.5, 2]);
  expect(losses.flatMap((row) => row.map((loss) => loss - 2))).toBeAllClose([1, 0, 1, 1.75, 0.75, 1.75, 13, 12, 13], {
    absolute: 1e-5,
  });
  free(origin, across, up);
});

test("a landscape that was stopped resumes row by row, and another one is refused", async () => {
  const origin = point([1, -1], 0);
  const [across, up] = [point([1, 0], 0), point([0, 1], 0)];
  let calls = 0;
  const objective = bowl([2, 6], [1, -1], origin, () => calls++);
  const results = memory();
  const stop = new AbortController();
  const options = { x: [-1, 1, 3], y: [-1, 1, 4], results } as const;
  const slice = { origin, across, up };
  let last: unknown;
  for await (const event of runLandscape(objective, slice, data, { ...options, signal: stop.signal })) {
    last = event;
    if (event.type === "row" && event.done === 2) stop.abort();
  }
  expect(last).toEqual({ type: "stopped", done: 2, total: 4 });
  const before = calls;
  const kept: boolean[] = [];
  const resumed = await result(runLandscape(objective, slice, data, options), (event) => {
    if (event.type === "row") kept.push(event.isKept);
  });
  expect(kept).toEqual([true, true, false, false]);
  expect(calls - before).toBe(2 * 3 * 2); // rows, points and batches
  const fresh = await result(runLandscape(objective, slice, data, { x: options.x, y: options.y }));
  expect(resumed).toEqual(fresh);
  const other = result(runLandscape(objective, { origin, across: up, up: across }, data, options));
  await expect(other).rejects.toThrow("results of another run: directions differ");
  free(origin, across, up);
});

test("where the loss is not finite the landscape is infinite, and a resumed one as well", async () => {
  const origin = point([0, 0], 0);
  const across = point([1e30, 0], 0);
  const objective = bowl([1, 1], [0, 0], origin);
  const results = memory();
  for (let run = 0; run < 2; run++) {
    const { losses } = await result(runLandscape(objective, { origin, across }, data, { x: [-1, 1, 3], results }));
    expect(losses[0]).toEqual([Number.POSITIVE_INFINITY, 2, Number.POSITIVE_INFINITY]);
  }
  free(origin, across);
});

test("an error that is not of the loss is no infinite loss", async () => {
  const origin = point([0, 0], 0);
  const broken = {
    ...bowl([1, 1], [0, 0], origin),
    loss: (): never => {
      throw new StateError({ message: "the backend is gone" });
    },
  };
  const run = result(runLandscape(broken, { origin, across: origin }, data, { x: [-1, 1, 3] }));
  await expect(run).rejects.toThrow("the backend is gone");
  free(origin);
});

test("sharpness of a bowl under noise of one size is half its trace times the variance", async () => {
  const at = point([0, 0], 0);
  const objective = bowl([4, 2], [0, 0], at); // trace 8 with the scalar's 2
  const options = { radius: 0.1, samples: 100, normalise: "none", ignore: "none" } as const;
  const { loss, mean, max } = await measureSharpness(objective, data, random(1), options);
  expect(loss).toBe(2);
  // Its deviation over 300 draws is 0.1² √(½ (4² + 2² + 2²)) / √100 = 0.0035: beyond six of them once in 10⁹.
  expect(Math.abs(mean - 0.04)).toBeLessThan(0.021);
  expect(max).toBeGreaterThan(mean);
  free(at);
});

test("ticks and options that cannot be meant are errors", async () => {
  const origin = point([1, -1], 0);
  const objective = bowl([1, 1], [0, 0], origin);
  const run = (options: object) => result(runLandscape(objective, { origin, across: origin }, data, options as never));
  await expect(run({ x: [1, -1, 5] })).rejects.toThrow("x must be [from, to, count] with from below to");
  await expect(run({ x: { at: [] } })).rejects.toThrow("x must be");
  await expect(run({ y: [-1, 1, 3] })).rejects.toThrow('a line has no "y"');
  await expect(run({ reslts: memory() })).rejects.toThrow('"results" meant');
  const one: Parameters = new Map([["w", tensor2d([[2]])]]);
  await expect(createDirections(one, random(1))).rejects.toThrow("1 numbers that move have 1 directions, got 2");
  free(one);
  await expect(createDirections(origin, random(1))).rejects.toThrow("all tensors of this point are biases or gains");
  free(origin);
});
