import { result } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { adapter, attach, dora, head, lora, type Tuned } from "@cambium/delta";
import { tinyBatch, tinyModel } from "@cambium/models/testing";
import type { Batches } from "@cambium/train";
import {
  add,
  dispose,
  matMul,
  memory,
  sub,
  type Tensor,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { bowl, numbers, point } from "../quadratic.fixture.ts";
import { estimateFisher, mergeByFisher } from "./fisher.ts";
import { measureInterference } from "./interference.ts";
import { mergeTuned } from "./merge-tuned.ts";
import { captureGrams, mergeByRegMean } from "./reg-mean.ts";
import { runSoup } from "./soup.ts";

const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};
const values = (tree: Parameters): number[] => [...tree.values()].flatMap((tensor) => [...tensor.dataSync()]);
const near = (tree: Parameters, seed: number): Map<string, Tensor> =>
  mapParameters(tree, (tensor, name) => random(seed).at(name).normal(tensor.shape, 0, 0.5));

test("a greedy soup starts at the best point and takes what does not harm", async () => {
  const points = [point([1, 0], 0), point([-0.5, 0], 0), point([0, 9], 0), point([-0.4, 0.5], 0)];
  const objective = bowl([1, 1], [0, 0], points[0]!);
  const kept: boolean[] = [];
  const soup = await result(runSoup(objective, points, numbers([[0]])), (event) => {
    if (event.type === "soup") kept.push(event.isKept);
  });
  // Losses ½, 1/8, 81/2, 41/200: from the second on. With the fourth 1/8 becomes 0.5 (0.45² + 0.25²) = 0.1325, with the first
  // 0.5 · 0.25² = 1/32, with the third more than that.
  expect(kept).toEqual([false, true, false]);
  expect(soup.members).toEqual([1, 0]);
  expect(values(soup.parameters)).toEqual([0.25, 0, 0]);
  expect(soup.loss).toBeCloseTo(1 / 32, 6);
  expect(soup.points.map(({ loss }) => Number(loss.toFixed(4)))).toEqual([0.5, 0.125, 40.5, 0.205]);
  const uniform = await result(runSoup(objective, points, numbers([[0]]), { kind: "uniform" }));
  expect(values(uniform.parameters)).toBeAllClose([0.025, 2.375, 0]);
  await expect(result(runSoup(objective, points, numbers([[0]]), { by: "accuracy" }))).rejects.toThrow(
    "is not measured",
  );
  await expect(result(runSoup(objective, points, numbers([[0]]), { knid: "uniform" } as never))).rejects.toThrow(
    '"kind"',
  );
  free(...points, soup.parameters, uniform.parameters);
});

test("a soup of points that are loaded one at a time is that of points in memory, and frees them", async () => {
  const numbersOf = [
    [1, 0],
    [-0.5, 0],
    [0, 9],
    [-0.4, 0.5],
  ];
  const start = point([0, 0], 0);
  const objective = bowl([1, 1], [0, 0], start);
  const loaded: Parameters[] = [];
  const alive = () => loaded.filter((tree) => ![...tree.values()][0]!.isDisposed).length;
  const most: number[] = [];
  const sources = numbersOf.map((u) => async () => {
    loaded.push(point(u, 0));
    most.push(alive());
    return { parameters: loaded.at(-1)! };
  });
  const points = numbersOf.map((u) => point(u, 0));
  for (const [kind, loads] of [
    ["greedy", 8],
    ["uniform", 4],
  ] as const) {
    const before = memory().numTensors;
    const streamed = await result(runSoup(objective, sources, numbers([[0]]), { kind }));
    expect(memory().numTensors).toBe(before + streamed.parameters.size);
    const held = await result(runSoup(objective, points, numbers([[0]]), { kind }));
    expect(values(streamed.parameters)).toEqual(values(held.parameters));
    expect({ ...streamed, parameters: 0 }).toEqual({ ...held, parameters: 0 });
    expect(loaded.splice(0)).toHaveLength(loads);
    free(streamed.parameters, held.parameters);
  }
  expect(Math.max(...most)).toBe(1);
  const strange = [sources[0]!, () => point([1, 2, 3], 0)];
  await expect(result(runSoup(objective, strange, numbers([[0]])))).rejects.toThrow(
    'point 1 beside the objective: the points lie in different spaces: "u" is [2] in point 0 and [3] in point 1',
  );
  await expect(result(runSoup(objective, [], numbers([[0]])))).rejects.toThrow("at least 1 points are needed");
  free(start, ...points);
});

test("Fisher information is the mean of squared gradients, and merges weigh by it", async () => {
  const at = point([1, 2], 0);
  const objective = bowl([3, 1], [0, 0], at);
  const fisher = await estimateFisher(objective, numbers([[1], [2]]));
  expect(values(fisher)).toBeAllClose([9, 4, 0]);
  const [a, b] = [point([0, 0], 0), point([4, 8], 2)];
  const [fa, fb] = [point([1, 0], 0), point([3, 5], 0)];
  const merged = await mergeByFisher([a, b], [fa, fb]);
  expect(values(merged)).toBeAllClose([3, 8, 1], { absolute: 1e-4 }); // of nothing known the mean
  const same = await mergeByFisher([a, b], [fa, fa], [1, 3]);
  expect([...same.get("u")!.dataSync()]).toBeAllClose([3, 6]);
  await expect(mergeByFisher([a, b], [fa])).rejects.toThrow("2 points need as many");
  const negative = point([-1, 0], 0);
  await expect(mergeByFisher([a, b], [fa, negative])).rejects.toThrow('the information of point 1 at "u" holds -1');
  free(at, fisher, a, b, fa, fb, merged, same, negative);
});

test("RegMean is the least squares of what both layers compute on their own inputs", async () => {
  const [x, y] = [random(1).normal([20, 3]), random(2).normal([20, 3])];
  const [wx, wy] = [random(3).normal([2, 3]), random(4).normal([2, 3])];
  const gram = (rows: Tensor): Tensor => matMul(rows as Tensor2D, rows as Tensor2D, true, false);
  const grams = [x, y].map((rows) => new Map([["w", gram(rows)]]));
  const points: Parameters[] = [wx, wy].map((w) => new Map([["whole/w", w]]));
  const merged = await mergeByRegMean(points, grams, { shrink: 1, prefix: "whole/" });
  // The normal equations: the residuals of both together are orthogonal to the inputs.
  const w = merged.get("whole/w") as Tensor;
  const rest = tidy(() => {
    const image = (rows: Tensor, own: Tensor): Tensor =>
      matMul(rows as Tensor2D, matMul(rows as Tensor2D, own as Tensor2D, false, true), true, false);
    const target = add(image(x, wx), image(y, wy));
    return sub(target, add(image(x, w), image(y, w))).dataSync();
  });
  expect([...rest]).toBeAllClose(new Array(6).fill(0), { absolute: 1e-3 });
  const equal = await mergeByRegMean([points[0]!, points[0]!], grams, { prefix: "whole/" });
  expect(equal.get("whole/w")!).toBeAllClose(wx, { absolute: 1e-4 });
  await expect(mergeByRegMean(points, grams)).rejects.toThrow("give the prefix of their names");
  const thin = [
    new Map([
      [
        "w",
        tensor2d([
          [1, 0, 0],
          [0, 0, 0],
          [0, 0, 0],
        ]),
      ],
    ]),
  ];
  await expect(mergeByRegMean([points[0]!], thin, { prefix: "whole/" })).rejects.toThrow("do not determine the layer");
  dispose([x, y, wx, wy]);
  free(...grams, ...thin, merged, equal);
});

test("Grams are of what enters each layer", async () => {
  const model = tinyModel();
  const data: Batches<ReturnType<typeof tinyBatch>> = {
    describe: () => ({}),
    async *epoch() {
      for (const isLast of [false, true]) yield { batch: tinyBatch(model), rows: 3, isLast };
    },
  };
  const grams = await captureGrams(model, data);
  expect([...grams.keys()].sort()).toEqual(
    model
      .sites()
      .flatMap(({ kind, weight }) => (kind === "linear" ? [weight!.name] : []))
      .sort(),
  );
  for (const [name, gram] of grams) {
    const input = model.parameters.get(name)!.shape[1]!;
    expect(gram.shape).toEqual([input, input]);
    expect(Math.min(...Array.from({ length: input }, (_, i) => gram.dataSync()[i * input + i]!))).toBeGreaterThan(0);
  }
  free(grams, model.parameters);
});

const outcome = (model: Tuned, base: ReturnType<typeof tinyModel>): number[] => {
  const batch = tinyBatch(base);
  const found = tidy(() => [...(model as Tuned<typeof base>).forward(batch).logits!.dataSync()]);
  dispose(batch as unknown as Record<string, Tensor>);
  return found;
};

test("LoRAs are merged by their products: of a model with itself, and of unlike ranks, nothing else comes out", async () => {
  const base = tinyModel();
  const start = attach(base, lora(base, { rank: 2, alpha: 6 }, random(1)), head(base));
  const a = start.with(near(start.parameters, 1));
  const same = await mergeTuned([a, a]);
  expect(outcome(same, base)).toBeAllClose(outcome(a, base), { absolute: 1e-4 });
  const cut = await mergeTuned([a, a], { rank: 2 });
  expect(outcome(cut, base)).toBeAllClose(outcome(a, base), { absolute: 1e-3 });
  const wide = attach(base, lora(base, { rank: 3 }, random(1)), head(base));
  const b = wide.with(near(wide.parameters, 2));
  const both = await mergeTuned([a, b], { weights: [1, 0] });
  expect(outcome(both, base)).toBeAllClose(outcome(a, base), { absolute: 1e-4 });
  const ties = await mergeTuned([a, b], { method: "ties", density: 0.5, rank: 4 });
  expect(ties.deltas.map(({ name }) => name)).toEqual(["lora", "head"]);
  const none = await mergeTuned([a, a], { weights: [1, -1] });
  const headless = attach(base, ...none.deltas.slice(0, 1));
  expect(outcome(headless, base)).toBeAllClose(outcome(attach(base), base), { absolute: 1e-4 });
  for (const model of [start, a, wide, b, same, cut, both, ties, none]) free(model.parameters);
  free(base.parameters);
});

test("models with other deltas, or on other bases, are not merged", async () => {
  const [base, other] = [tinyModel(), tinyModel({ seed: 2 })];
  const a = attach(base, lora(base, { rank: 2 }, random(1)));
  const b = attach(base, adapter(base, { bottleneck: 2 }, random(1)));
  const c = attach(other, lora(other, { rank: 2 }, random(1)));
  await expect(mergeTuned([a, b])).rejects.toThrow("different deltas: lora (lora), and adapter (adapter)");
  await expect(mergeTuned([a, c as never])).rejects.toThrow("on different bases");
  const factors = attach(base, dora(base, { rank: 2 }, random(1)));
  await expect(mergeTuned([factors, factors])).rejects.toThrow('"dora" are factors');
  free(factors.parameters, factors.deltas[0]!.buffers);
  await expect(mergeTuned([a, a], { weights: [1] })).rejects.toThrow("1 weights for 2 models");
  await expect(mergeTuned([a, a], { methd: "ties" } as never)).rejects.toThrow('is "method" meant?');
  free(a.parameters, b.parameters, c.parameters, base.parameters, other.parameters);
});

test("adapters of unlike settings are not merged, for equal numbers mean other things in them", async () => {
  const base = tinyModel();
  const tuned = (activation: "relu" | "tanh") => attach(base, adapter(base, { bottleneck: 2, activation }, random(1)));
  const [a, b] = [tuned("relu"), tuned("tanh")];
  await expect(mergeTuned([a, b])).rejects.toThrow(
    'mergeTuned: "adapter" has activation "relu" in one point and "tanh"',
  );
  await expect(mergeTuned([a, a], { density: 0.5 })).rejects.toThrow('mergeTuned: "linear" reads no "density"');
  free(a.parameters, b.parameters, base.parameters);
});

test("interference counts signs that differ among changes that meet", async () => {
  const tree = (...u: number[]): Parameters => new Map([["u", tensor1d(u)]]);
  const trees = [tree(1, 1, 1, 1, 0), tree(3, -1, 1, 2, 1), tree(2, 1, 1, 1, 1)];
  const found = await measureInterference(trees.slice(0, 2), trees[2]!);
  // Changes (-1, 0, 0, 0, -1) and (1, -2, 0, 1, 0): one entry meets, and it differs.
  expect(found.signConflicts).toBe(1);
  expect(found.cosines[0]![1]).toBeCloseTo(-1 / Math.sqrt(12), 6);
  expect((await measureInterference(trees.slice(0, 2), "zero")).signConflicts).toBe(0.25);
  free(...trees);
});
