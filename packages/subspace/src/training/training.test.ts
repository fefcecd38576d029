import { memory, result } from "@cambium/base";
import { measureHessian } from "@cambium/connectivity";
import { disposeParameters, type Parameters, random, valueAndGradients } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import { tinyBatch, tinyModel } from "@cambium/models/testing";
import { adamW, sgd } from "@cambium/train";
import { dispose, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { denseProjection } from "../projection/dense.ts";
import { fastfoodProjection } from "../projection/fastfood.ts";
import { targets, towards, valuesOf, vector } from "../targets.fixture.ts";
import { measureD90 } from "./measure-d90.ts";
import { subspaceObjective, trainInSubspace } from "./subspace-objective.ts";

test("the gradient of the coordinates is that of finite differences through the decoded model", () => {
  const base = tinyModel();
  const tuned = attach(base, lora(base, { rank: 2 }, random(1)), head(base));
  const projection = fastfoodProjection(tuned.parameters, { dimension: 2 }, random(2));
  const small = subspaceObjective(tuned, projection);
  const batch = tinyBatch(base);
  const context = { random: random(0), training: false };
  const at = [...random(5).normals(2)];
  const lossAt = (z: readonly number[]): number =>
    tidy(() => small.loss(new Map([["subspace/z", tensor1d([...z])]]), batch, context).dataSync()[0]!);
  const exact = tidy(() => [
    ...valueAndGradients((point) => small.loss(point, batch, context), new Map([["subspace/z", tensor1d(at)]]))
      .gradients.get("subspace/z")!
      .dataSync(),
  ]);
  const step = 1e-2;
  const differences = at.map((_, k) => {
    const moved = (by: number): number[] => at.map((value, i) => (i === k ? value + by : value));
    const across = (by: number): number => lossAt(moved(by)) - lossAt(moved(-by));
    return (8 * across(step) - across(2 * step)) / (12 * step);
  });
  // Differences of fourth order of a float32 loss near 1, whose rounding of 1e-7 counts 1.5 times over a step of 1e-2.
  expect(exact).toBeAllClose(differences, { absolute: 3e-4 });
  dispose(batch as unknown as Record<string, Tensor>);
  small.dispose();
  projection.dispose();
  for (const tree of [tuned.parameters, base.parameters]) disposeParameters(tree);
});

test("at the start nothing moves, and what is trained in full moves by itself", async () => {
  const base = tinyModel();
  const tuned = attach(base, lora(base, { rank: 2 }, random(1)), head(base));
  const isHead = (name: string): boolean => name.startsWith("head/");
  const projection = fastfoodProjection(tuned.parameters, { dimension: 3, only: (name) => !isHead(name) }, random(2));
  const small = subspaceObjective(tuned, projection, { full: isHead });
  const start = small.decode(small.parameters);
  expect(valuesOf(start)).toEqual(valuesOf(tuned.parameters));
  expect([...small.parameters.keys()].filter((name) => !isHead(name))).toEqual(["subspace/z"]);
  const data = {
    batchCount: 1,
    describe: () => ({ tiny: 1 }),
    async *epoch() {
      yield { batch: tinyBatch(base), rows: 3, isLast: true };
    },
  };
  const run = trainInSubspace(tuned, projection, data, {
    optimiser: adamW({ learningRate: 0.05 }),
    steps: 3,
    subspace: { full: isHead },
  });
  const end = await result(run);
  expect([...end.point.keys()]).toEqual([...tuned.parameters.keys()]);
  expect([...end.coordinates["z"]!].some((value) => value !== 0)).toBe(true);
  for (const [name, tensor] of end.point)
    expect([
      name,
      [...tensor.dataSync()].some((value, i) => value !== tuned.parameters.get(name)!.dataSync()[i]),
    ]).toEqual([name, true]);
  small.dispose();
  projection.dispose();
  for (const tree of [start, end.point, end.parameters, tuned.parameters, base.parameters]) disposeParameters(tree);
});

test("training in a subspace ends at the closest point that it has", async () => {
  const start = vector([1, 0, 0, 0, 0, 0, 0, 0]);
  const projection = denseProjection(start, { dimension: 2 }, random(1));
  const column = (k: number): number[] =>
    tidy(() => valuesOf(projection.apply(new Map([["z", tensor1d([k === 0 ? 1 : 0, k === 1 ? 1 : 0])]]))));
  const [p, q] = [column(0), column(1)];
  const goal = [2, -1, 0.5, 1, 0, 3, -2, 1];
  const offset = goal.map((value, i) => value - valuesOf(start)[i]!);
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const [a, b, c, u, v] = [dot(p, p), dot(p, q), dot(q, q), dot(p, offset), dot(q, offset)];
  const exact = [(c * u - b * v) / (a * c - b * b), (a * v - b * u) / (a * c - b * b)];
  const end = await result(
    trainInSubspace(towards(start), projection, targets([goal]), { optimiser: sgd({ learningRate: 0.5 }), steps: 60 }),
  );
  expect([...end.coordinates["z"]!]).toBeAllClose(exact, { absolute: 1e-3 });
  const small = subspaceObjective(towards(start), projection);
  // The Hessian of the coordinates is PᵀP, whose trace is a + c.
  const { top } = await measureHessian(small, targets([goal]), { count: 2 });
  expect(top[0]! + top[1]!).toBeCloseTo(a + c, 2);
  small.dispose();
  projection.dispose();
  for (const tree of [start, end.point, end.parameters]) disposeParameters(tree);
});

test("a run that was stopped resumes to the same bits, and one in another projection is refused", async () => {
  const start = vector([0, 0, 0, 0]);
  const [mine, other] = [1, 2].map((seed) => fastfoodProjection(start, { dimension: 2 }, random(seed)));
  const run = (steps: number, files = memory(), projection = mine!) =>
    result(
      trainInSubspace(towards(start), projection, targets([[1, 2, 3, 4]]), {
        optimiser: adamW({ learningRate: 0.1 }),
        steps,
        checkpoint: files,
      }),
    );
  const files = memory();
  const ends = [await run(6), await run(2, files), await run(6, files)];
  expect(ends[2]!.coordinates).toEqual(ends[0]!.coordinates);
  await expect(run(6, files, other!)).rejects.toThrow("belongs to another run");
  const idle = { optimiser: adamW({ learningRate: 0.1 }), steps: 1, start: { step: 3 } };
  await expect(result(trainInSubspace(towards(start), mine!, targets([[1, 2, 3, 4]]), idle))).rejects.toThrow(
    'unknown option "start"',
  );
  for (const each of [mine!, other!]) each.dispose();
  for (const { point, parameters } of ends) for (const tree of [point, parameters]) disposeParameters(tree);
  disposeParameters(start);
});

test("a projection of something else, a start of another length and names in both are errors", () => {
  const [start, longer] = [vector([1, 2]), vector([1, 2, 3])];
  const [fits, not] = [start, longer].map((tree: Parameters) => fastfoodProjection(tree, { dimension: 2 }, random(1)));
  const objective = towards(start);
  expect(() => subspaceObjective(objective, not!)).toThrow('"w" is [2], and [3] is moved');
  expect(() => subspaceObjective(objective, fits!, { full: () => true })).toThrow("trained in full and moved as well");
  expect(() => subspaceObjective(objective, fits!, { full: () => false })).toThrow('"full" takes none of w');
  expect(() =>
    subspaceObjective(objective, fits!, {
      start: new Map([
        ["z", start.get("w")!],
        ["x", start.get("w")!],
      ]),
    }),
  ).not.toThrow();
  expect(() => subspaceObjective(objective, fits!, { start: new Map([["z", longer.get("w")!]]) })).toThrow(
    '"z" of [2], got [3]',
  );
  expect(() => subspaceObjective(objective, fits!, { origin: longer })).toThrow('the origin lacks "w" of [2]');
  for (const each of [fits!, not!]) each.dispose();
  for (const tree of [start, longer]) disposeParameters(tree);
});

test("d90 is found between the grid's dimensions, at the rate whose mean is best", async () => {
  // The score reaches 0.9 from 37 coordinates on, at the second rate alone.
  const seen: number[] = [];
  const train = async ({ dimension, learningRate, seed }: { dimension: number; learningRate: number; seed: number }) =>
    (dimension / 37) * 0.9 * (learningRate === 0.2 ? 1 : 0.5) + seed * 1e-9;
  const found = await measureD90(train, {
    full: 1,
    grid: [4, 16, 64],
    learningRates: [0.1, 0.2],
    seeds: [1, 2],
    bisections: 9,
    onRun: ({ dimension }) => seen.push(dimension),
  });
  expect(found).toMatchObject({ d90: 37, below: 36, threshold: 0.9, isMonotone: true });
  expect(found.points.every(({ learningRate, scores }) => learningRate === 0.2 && scores.length === 2)).toBe(true);
  expect(seen.length).toBe(found.points.length * 4);
});

test("a grid of which nothing suffices has no d90, and scores that fall again are told", async () => {
  const options = { full: 1, learningRates: [1], seeds: [1], bisections: 0 };
  const none = await measureD90(async () => 0.1, { ...options, grid: [1, 2] });
  expect(none.d90).toBeUndefined();
  const falling = await measureD90(async ({ dimension }) => (dimension === 2 ? 1 : 0), { ...options, grid: [1, 2, 4] });
  expect(falling).toMatchObject({ d90: 2, below: 1, isMonotone: false });
});

test.each<[object, string]>([
  [{ full: 0 }, "full must be above 0, got 0"],
  [{ grid: [4, 2] }, "grid must be rising positive integers"],
  [{ seeds: [1, 1] }, "seeds must be distinct integers"],
  [{ learningRates: [] }, "learningRates must be rising positive numbers"],
  [{ share: 2 }, "share must be above 0 and at most 1"],
  [{ sead: 2 }, 'unknown option "sead"'],
])("of measureD90 %j is refused", async (options, message) => {
  const good = { full: 1, grid: [1], learningRates: [1] };
  await expect(measureD90(async () => 1, { ...good, ...options } as never)).rejects.toThrow(message);
});
