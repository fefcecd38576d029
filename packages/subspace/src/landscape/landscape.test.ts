import { memory, result } from "@cambium/base";
import { disposeParameters, type Objective, random } from "@cambium/core";
import { attach, bitFit, lora, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { adamW } from "@cambium/train";
import { expect, test } from "vitest";
import { loadSubspace, saveSubspace } from "../joint/files.ts";
import { fitSubspace } from "../joint/fit-subspace.ts";
import type { Solution } from "../joint/solution.ts";
import { targets, towards, valuesOf, vector } from "../targets.fixture.ts";
import { measureOverlap, runSubspaceLandscape, subspacePlane } from "./landscape.ts";

/** Three solutions by two methods of three parameters, whose subspace is the whole space or a part of it. */
const points = { a: [1, 0, 0], b: [0, 2, 0], c: [0, 0, 3] };

async function spaceOf(dimension: number) {
  const start = vector([0, 0, 0]);
  const solutions = Object.entries(points).flatMap(([task, values]) =>
    ["one", "two"].map(
      (method): Solution<never> => ({ task, method, tuned: towards(vector(values)) as Objective<never>, start }),
    ),
  );
  const space = await result(fitSubspace(solutions, { dimension }));
  const dispose = (): void => {
    space.dispose();
    for (const { tuned } of solutions) disposeParameters(tuned.parameters);
    disposeParameters(start);
  };
  return { space, dispose, objective: solutions[0]!.tuned as never };
}

test("the landscape of a subspace is the loss of the decoded points", async () => {
  const { space, dispose, objective } = await spaceOf(2);
  const plane = subspacePlane(space, "c");
  const { landscapes } = await result(
    runSubspaceLandscape(space, plane, { one: objective, two: objective }, targets([points.c]), { points: 3 }),
  );
  const found = landscapes.get("one")!;
  expect(found.losses).toEqual(landscapes.get("two")!.losses);
  for (const [i, y] of found.ys.entries())
    for (const [j, x] of found.xs.entries()) {
      const z = plane.origin.map((value, k) => value + x * plane.across[k]! + y * plane.up![k]!);
      const decoded = space.decode("one", z);
      const exact = valuesOf(decoded).reduce((sum, value, k) => sum + (value - points.c[k]!) ** 2 / 2, 0);
      expect(found.losses[i]![j]!).toBeCloseTo(exact, 4);
      disposeParameters(decoded);
    }
  expect(plane.marks.get("one")).toEqual({ x: 0, y: 0 });
  dispose();
});

test("a subspace of one coordinate is a line", async () => {
  const { space, dispose, objective } = await spaceOf(1);
  const plane = subspacePlane(space, "c");
  expect(plane.up).toBeUndefined();
  const { landscapes } = await result(
    runSubspaceLandscape(space, plane, { one: objective }, targets([points.c]), { points: 5 }),
  );
  expect(landscapes.get("one")!.ys).toEqual([0]);
  expect(() => subspacePlane(space, "d")).toThrow('no coordinates of "d"; the tasks are a, b, c');
  await expect(result(runSubspaceLandscape(space, plane, {}, targets([points.c])))).rejects.toThrow(
    "give a model of at least one method; the subspace has one, two",
  );
  dispose();
});

test("the overlap is the intersection of what methods reach over the union of it", () => {
  const grid = (accuracies: number[][]) => ({ xs: [0, 1], ys: [0, 1], losses: accuracies, accuracies });
  const landscapes = new Map([
    [
      "one",
      grid([
        [0.8, 0.5],
        [0.73, 0.1],
      ]),
    ],
    [
      "two",
      grid([
        [0.5, 0.45],
        [0.3, 0.2],
      ]),
    ],
  ]);
  const found = measureOverlap(landscapes, { one: 0.8, two: 0.5 });
  expect(found.share).toBeCloseTo(1 / 3, 9);
  expect(found.all).toEqual([
    [true, false],
    [false, false],
  ]);
  expect([...found.areas]).toEqual([
    ["one", 0.5],
    ["two", 0.5],
  ]);
  expect(measureOverlap(landscapes, { one: 9, two: 9 }).share).toBeUndefined();
  expect(() => measureOverlap(landscapes, { one: 0.8, two: 0.5 }, Number.NaN)).toThrow("percent must be above 0");
  expect(() => measureOverlap(landscapes, { one: 0.8, two: 0 })).toThrow("full score of two must be above 0, got 0");
});

test("a subspace comes back from files with its coordinates, and refuses another backbone", async () => {
  const base = tinyModel();
  const starts = { lora: lora(base, { rank: 2 }, random(1)), bitFit: bitFit(base) };
  const solve = (method: keyof typeof starts, seed: number): Tuned<LanguageModel> => {
    const plain = attach(base, starts[method]);
    return plain.with(
      new Map([...plain.parameters].map(([name, { shape }]) => [name, random(seed).at(name).normal(shape)])),
    );
  };
  const solved = [1, 2].flatMap((seed) =>
    (["lora", "bitFit"] as const).map((method) => ({ task: `t${seed}`, method, tuned: solve(method, seed) })),
  );
  const space = await result(fitSubspace(solved as unknown as Solution[], { dimension: 2 }));
  const files = memory();
  const models = { lora: solved[0]!.tuned, bitFit: solved[1]!.tuned };
  await saveSubspace(space, files, models);
  const read = await loadSubspace(files, models);
  expect([...read.coordinates]).toEqual([...space.coordinates]);
  const [was, is] = [space, read].map((each) => each.decode("bitFit", [0.3, -1]));
  expect(valuesOf(is!)).toEqual(valuesOf(was!));
  const other = tinyModel({ seed: 2 });
  const foreign = attach(other, lora(other, { rank: 2 }, random(1)));
  await expect(loadSubspace(files, { lora: foreign })).rejects.toThrow("belongs to another model");
  await expect(loadSubspace(files, { loar: models.lora })).rejects.toThrow("there is no subspace-loar");
  await expect(saveSubspace(space, files, { lora: models.lora })).rejects.toThrow("there is no model of bitFit");
  space.dispose();
  read.dispose();
  for (const tree of [was!, is!, foreign.parameters, other.parameters, ...solved.map(({ tuned }) => tuned.parameters)])
    disposeParameters(tree);
  for (const delta of Object.values(starts)) disposeParameters(delta.parameters);
  disposeParameters(base.parameters);
});

test("decoders that are drawn from a seed, and trained encoders, come back from files as they were", async () => {
  const base = tinyModel();
  const starts = { lora: lora(base, { rank: 2 }, random(1)), bitFit: bitFit(base) };
  const solve = (method: keyof typeof starts, seed: number): Tuned<LanguageModel> => {
    const plain = attach(base, starts[method]);
    return plain.with(
      new Map([...plain.parameters].map(([name, { shape }]) => [name, random(seed).at(name).normal(shape)])),
    );
  };
  const solved = [1, 2].flatMap((seed) =>
    (["lora", "bitFit"] as const).map((method) => ({ task: `t${seed}`, method, tuned: solve(method, seed) })),
  );
  const options = { dimension: 2, steps: 2, optimiser: adamW({ learningRate: 0.01 }), random: random(7).at("mine") };
  const decoder = { lora: "fastfood", bitFit: { kind: "tanh", hidden: 3 } } as const;
  const space = await result(fitSubspace(solved as unknown as Solution[], { ...options, decoder }));
  const files = memory();
  const models = { lora: solved[0]!.tuned, bitFit: solved[1]!.tuned };
  await saveSubspace(space, files, models);
  const read = await loadSubspace(files, models);
  expect([...read.coordinates]).toEqual([...space.coordinates]);
  for (const method of ["lora", "bitFit"] as const) {
    const [was, is] = [space, read].map((each) => each.decode(method, [0.3, -1]));
    expect(valuesOf(is!)).toEqual(valuesOf(was!));
    expect(await read.encode(method, models[method])).toEqual(await space.encode(method, models[method]));
    for (const tree of [was!, is!]) disposeParameters(tree);
  }
  space.dispose();
  read.dispose();
  for (const { tuned } of solved) disposeParameters(tuned.parameters);
  for (const delta of Object.values(starts)) disposeParameters(delta.parameters);
  disposeParameters(base.parameters);
});

test("methods whose files would have one name are refused, and damaged files say what is wrong with them", async () => {
  const base = tinyModel();
  const delta = bitFit(base);
  const plain = attach(base, delta);
  const solved = [1, 2].map((seed) =>
    plain.with(new Map([...plain.parameters].map(([name, { shape }]) => [name, random(seed).at(name).normal(shape)]))),
  );
  const fit = (...methods: readonly string[]) =>
    result(
      fitSubspace(solved.flatMap((tuned, i) => methods.map((method) => ({ task: `t${i}`, method, tuned }))) as never, {
        dimension: 1,
      }),
    );
  const both = await fit("bit fit", "bit_fit");
  const models = { "bit fit": solved[0]!, bit_fit: solved[0]! };
  await expect(saveSubspace(both, memory(), models)).rejects.toThrow('"bit fit" and "bit_fit" would lie in one file');
  const one = await fit("bit_fit");
  const files = memory();
  const id = await saveSubspace(one, files, { bit_fit: solved[0]! });
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  await expect(loadSubspace(files, { "bit fit": solved[0]! })).rejects.toThrow("is damaged: it is of bit_fit");
  const name = "subspace-bit_fit.json";
  const text = new TextDecoder().decode(await files.read(name));
  for (const [was, is, message] of [
    ['"names"', '"nams"', /is damaged: its names is undefined/],
    ['"dimension": 1', '"dimension": 2', /t0 has 1 coordinates of 2/],
    ['"kind": "linear"', '"kind": "line"', /is damaged: .* a decoder is linear, tanh, fastfood, got "line"/],
  ] as const) {
    expect(text).toContain(was);
    await files.write(name, text.replace(was, is));
    await expect(loadSubspace(files, { bit_fit: solved[0]! })).rejects.toThrow(message);
  }
  for (const space of [both, one]) space.dispose();
  for (const { parameters } of [...solved, plain, { parameters: base.parameters }]) disposeParameters(parameters);
});
