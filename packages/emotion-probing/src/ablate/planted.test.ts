import { result } from "@cambium/base";
import { random } from "@cambium/core";
import { capture, type TokenBatch } from "@cambium/models";
import {
  cast,
  clone,
  dispose,
  div,
  equal,
  gather,
  greater,
  memory,
  ones,
  reshape,
  slice,
  type Tensor,
  type Tensor2D,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ConditionActivations } from "../neurons/condition-activations.ts";
import { measureOverlap, scoresOf, selectUnits } from "../neurons/scores.ts";
import { runSearchlight } from "../neurons/searchlight.ts";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { numberedConditions } from "../rdm/rdm.ts";
import { HOLDERS, planted, WIDTH } from "./planted.fixture.ts";
import { type AblationResult, type AblationTask, runAblation } from "./run-ablation.ts";

const COUNT = 24;
const { model, values } = planted(COUNT);
const sites = model.sites().filter(({ role }) => role === "ff.act");
let batch: TokenBatch;
beforeAll(() => {
  batch = {
    ids: tensor2d(
      Array.from({ length: COUNT }, (_, i) => [i]),
      [COUNT, 1],
      "int32",
    ),
    mask: ones([COUNT, 1]) as Tensor2D,
  };
});
afterAll(() => dispose({ ...batch } as Record<string, Tensor>));

/** Whether the attribute is above 0, by one of the two logits. */
const task = (name: "a" | "b"): AblationTask => ({
  name,
  batches: [batch],
  score: ({ logits }, { ids }) => {
    const right = tensor2d(
      Array.from(values[name], (value) => [value > 0 ? 1 : 0]),
      [COUNT, 1],
    );
    const wanted = reshape(gather(right, reshape(ids, [-1])), [-1]);
    const said = cast(greater(reshape(slice(logits!, [0, name === "a" ? 0 : 1], [-1, 1]), [-1]), 0), "float32");
    return cast(equal(said, wanted), "float32");
  },
});

function activations(): ConditionActivations {
  const found = new Map<string, readonly (readonly Float32Array[])[]>();
  tidy(() => {
    for (const [path, x] of capture(model, batch, ["ff.act"]).captured) {
      found.set(path, [(x.arraySync() as number[][][]).map((row) => Float32Array.from(row[0]!))]);
    }
  });
  return { conditions: numberedConditions(COUNT), sites, values: found };
}

const rdmOfValues = (list: Float64Array) =>
  measureRdm(
    Array.from(list, (value) => [value]),
    { metric: "difference" },
  );

test("the searchlight finds the planted neurons, and hardly any other", async () => {
  const before = memory().numTensors;
  const found = await result(
    runSearchlight(
      activations(),
      { a: rdmOfValues(values.a), b: rdmOfValues(values.b) },
      { permutations: 999, random: random(1) },
    ),
  );
  expect(memory().numTensors).toBe(before);
  for (const [a, name] of (["a", "b"] as const).entries()) {
    const { q, pAny } = found.attributes[a]!;
    const planted = HOLDERS[name].map((unit) => WIDTH + unit);
    expect(planted.filter((i) => q[i]! < 0.05).length / planted.length).toBeGreaterThanOrEqual(0.9);
    expect(planted.filter((i) => pAny![i]! < 0.05).length / planted.length).toBeGreaterThanOrEqual(0.9);
    const others = [...q.keys()].filter((i) => !planted.includes(i) && q[i]! < 0.05);
    expect(others.length).toBeLessThanOrEqual(2); // of 120 at a rate of false discoveries of 5 %
    const top = selectUnits(scoresOf(found, name), { top: 8 });
    const truth = HOLDERS[name].map((unit) => ({ layer: 1, unit }));
    expect(measureOverlap(top, truth, 2 * WIDTH)).toMatchObject({ shared: 8, jaccard: 1 });
  }
});

test("ablating the planted neurons hurts their task and no other", async () => {
  const sets = {
    a: HOLDERS.a.map((unit) => ({ layer: 1, unit })),
    b: HOLDERS.b.map((unit) => ({ layer: 1, unit })),
  };
  const before = memory().numTensors;
  const ablated: AblationResult = await result(
    runAblation(model, [task("a"), task("b")], { sets, draws: 39, random: random(2), atOnce: 64 }),
  );
  expect(memory().numTensors).toBe(before);
  const effect = (name: string, set: string, control: string) =>
    ablated.effects.find((one) => one.task === name && one.set === set && one.control === control)!;
  for (const [own, other] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    for (const control of ["random", "layer"] as const) {
      // Without its holders every answer is the same, and right where that is the answer.
      const right = ablated.rows.find(({ task: name, set }) => name === own && set === "none")!.score;
      const same = values[own].filter((value) => value <= 0).length / COUNT;
      expect(effect(own, own, control).drop).toBeCloseTo(right - same, 10);
      expect(effect(own, own, control).p).toBe(1 / 40);
      expect(effect(own, own, control).effectSize).toBeGreaterThan(2);
      expect(effect(other, own, control).drop).toBe(0);
      expect(effect(other, own, control).p).toBeGreaterThan(0.5);
    }
    // Random neurons of the second layer hardly hold the attribute, those of the first hurt as well.
    expect(effect(own, own, "layer").controlDrop).toBeLessThan(effect(own, own, "random").controlDrop);
  }
  expect(ablated.rows).toHaveLength(2 * (1 + 2 * (1 + 2 * 39)));
  expect(ablated.specificity.layer!["a"]!["a"]).toBe(effect("a", "a", "layer").specific);
  expect(ablated.work.blockVisits).toBeLessThan(0.85 * ablated.work.unshared);
});

/**
 * Half of the first layer. It takes away 2 of the constant; a random set of as many takes 1 with a deviation of 0.16 (16 of 32 neurons,
 * hypergeometric), and a part of the holders, which costs less than the other half of the constant: six deviations lie between. What is
 * measured is the answer's margin, so that there are no ties.
 */
test.each([5, 6, 7])(
  "a decoy of the first layer looks specific beside random sets, and not beside sets of its layer (%i)",
  async (seed) => {
    const decoy = Array.from(
      random(seed)
        .permutation(WIDTH)
        .subarray(0, WIDTH / 2),
      (unit) => ({ layer: 0, unit }),
    );
    const margin: AblationTask = {
      name: "margin",
      batches: [batch],
      score: ({ logits }) => reshape(slice(logits!, [0, 0], [-1, 1]), [-1]),
    };
    const { effects } = await result(
      runAblation(model, [margin], { sets: { decoy }, draws: 39, random: random(seed), atOnce: 64 }),
    );
    const [unmatched, matched] = effects;
    expect(unmatched).toMatchObject({ control: "random", p: 1 / 40 });
    expect(unmatched!.drop).toBeCloseTo(2, 5);
    expect(unmatched!.effectSize).toBeGreaterThan(4);
    expect(matched).toMatchObject({ control: "layer", p: 1 });
    expect(matched!.specific).toBeCloseTo(0, 5);
  },
);

test("random sets are found specific as often as the level says", async () => {
  const sets = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [
      `set ${i}`,
      Array.from(
        random(100 + i)
          .permutation(2 * WIDTH)
          .subarray(0, 16),
        (unit) => ({ layer: unit < WIDTH ? 0 : 1, unit: unit % WIDTH }),
      ),
    ]),
  );
  // A finer score than right and wrong, so that there are no ties.
  const margin: AblationTask = {
    name: "margin",
    batches: [batch],
    score: ({ logits }) => reshape(slice(logits!, [0, 0], [-1, 1]), [-1]),
  };
  const { effects } = await result(
    runAblation(model, [margin], { sets, draws: 9, controls: ["random", "layer"], random: random(3), atOnce: 128 }),
  );
  for (const control of ["random", "layer"] as const) {
    const found = effects.filter((one) => one.control === control && one.p <= 0.1).length;
    expect(found).toBeLessThan(3 + 5 * Math.sqrt(30 * 0.1 * 0.9)); // five deviations above 10 %
  }
});

test.each([
  ["scale", { kind: "scale", by: 1 }, 0],
  ["noise", { kind: "noise", deviation: 0 }, 0],
  ["noise", { kind: "noise", deviation: 50 }, 1],
  ["resample", { kind: "resample" }, 1],
] as const)("the mode %s changes what it should", async (_, mode, changes) => {
  const sets = { a: HOLDERS.a.map((unit) => ({ layer: 1, unit })) };
  const { effects } = await result(runAblation(model, [task("a")], { sets, mode, draws: 2, random: random(1) }));
  if (changes === 0) expect(effects[0]!.drop).toBe(0);
  else expect(effects[0]!.drop).toBeGreaterThan(0);
});

test("random factors are of each neuron, from 0 to 1, and the same in all batches", async () => {
  const first = Array.from({ length: WIDTH }, (_, unit) => ({ layer: 0, unit }));
  const margin: AblationTask = {
    name: "margin",
    batches: [batch, batch],
    score: ({ logits }) => reshape(slice(logits!, [0, 0], [-1, 1]), [-1]),
  };
  const half = { ...margin, name: "half", batches: [batch] };
  const sets = { all: first, one: first.slice(0, 1), other: first.slice(1, 2) };
  const options = { sets, mode: { kind: "random-scale" }, controls: [], random: random(1) } as const;
  const { rows } = await result(runAblation(model, [margin, half], options));
  const drop = (task: string, set: string) => {
    const scoreOf = (name: string) => rows.find((row) => row.task === task && row.set === name)!.score;
    return scoreOf("none") - scoreOf(set);
  };
  // Each of 64 neurons carries 1/16 of the margin. The mean of 64 factors is 0.5 with a deviation of 0.036.
  expect(Math.abs(drop("half", "all") - 2)).toBeLessThan(6 * 4 * 0.036);
  expect(drop("margin", "all")).toBeCloseTo(drop("half", "all"), 5);
  for (const set of ["one", "other"]) {
    expect(drop("half", set)).toBeGreaterThan(0);
    expect(drop("half", set)).toBeLessThan(1 / 16);
  }
  expect(drop("half", "one")).not.toBeCloseTo(drop("half", "other"), 4);
});

test.each([
  [{ kind: "scale" }, "by"],
  [{ kind: "noise" }, "deviation"],
  [{ kind: "zero", by: 0.5 }, '"by"'],
  [{ kind: "random-scale", by: 0.5 }, '"by"'],
  [{ kind: "mean", means: [] }, "means by site are needed"],
  [{ kind: "zeros" }, "kind"],
])("the mode %j is an error, and nothing is run", async (mode, message) => {
  const sets = { a: [{ layer: 1, unit: 0 }] };
  const run = result(runAblation(model, [task("a")], { sets, mode: mode as never, random: random(1) }));
  await expect(run).rejects.toThrow(message);
});

test("a task without a batch is an error, and one example has no t test", async () => {
  const options = { sets: { a: [{ layer: 1, unit: 0 }] }, draws: 2, random: random(1) };
  await expect(result(runAblation(model, [{ ...task("a"), batches: [] }], options))).rejects.toThrow("has no batch");
  const controls = "layer" as never;
  await expect(result(runAblation(model, [task("a")], { ...options, controls }))).rejects.toThrow(
    'controls must be a list of random, layer, layer+activation, got "layer"',
  );
  const empty = { a: [{ layer: 1, unit: 0 }], none_found: [] };
  await expect(result(runAblation(model, [task("a")], { ...options, sets: empty }))).rejects.toThrow(
    'the set "none_found" holds no neuron',
  );
  const sets = { a: { layer: 1, unit: 0 } as never };
  await expect(result(runAblation(model, [task("a")], { ...options, sets }))).rejects.toThrow(
    "lists of neurons by name",
  );
  const one = { ...task("a"), batches: [{ ids: slice(batch.ids, 0, 1), mask: slice(batch.mask, 0, 1) }] };
  const { effects } = await result(runAblation(model, [one], options));
  expect(effects.map(({ pairedP }) => pairedP)).toEqual([Number.NaN, Number.NaN]);
  dispose(one.batches[0] as unknown as Record<string, Tensor>);
});

test("means put neurons to rest, and are needed", async () => {
  const { values: found } = activations();
  const levels = {
    method: "mean",
    sites,
    values: new Map(
      sites.map(({ path, width }) => [
        path,
        Float32Array.from(
          { length: width },
          (_, u) => found.get(path)![0]!.reduce((sum, row) => sum + row[u]!, 0) / COUNT,
        ),
      ]),
    ),
  };
  const sets = { first: [{ layer: 0, unit: 3 }], a: HOLDERS.a.map((unit) => ({ layer: 1, unit })) };
  const options = { sets, draws: 3, random: random(1), levels, controls: ["layer+activation"] } as const;
  const { effects } = await result(
    runAblation(model, [task("a")], { ...options, mode: { kind: "mean", means: levels } }),
  );
  expect(effects.find(({ set }) => set === "first")!.drop).toBe(0); // the first layer's neurons are constant
  expect(effects.find(({ set }) => set === "a")!.drop).toBeGreaterThan(0.2);
  const none = { ...levels, values: new Map() };
  await expect(
    result(runAblation(model, [task("a")], { ...options, mode: { kind: "mean", means: none } })),
  ).rejects.toThrow("no mean of unit");
  const { path } = sites[0]!;
  const unknown = { ...levels, values: new Map([...levels.values, [path, new Float32Array(WIDTH).fill(Number.NaN)]]) };
  await expect(result(runAblation(model, [task("a")], { ...options, levels: unknown }))).rejects.toThrow(
    `needs 64 finite mean activations of ${path}, got NaN for unit 0`,
  );
  const unread = { ...options, controls: ["layer"] } as const;
  await expect(result(runAblation(model, [task("a")], unread))).rejects.toThrow('levels are of the control "layer+a');
  const { levels: _, ...without } = options;
  await expect(result(runAblation(model, [task("a")], without))).rejects.toThrow("needs the mean activations");
});

test("scores that are no scores are errors", async () => {
  const sets = { a: [{ layer: 1, unit: 0 }] };
  const bad = (score: AblationTask["score"]) =>
    result(runAblation(model, [{ ...task("a"), score }], { sets, draws: 1, random: random(1) }));
  await expect(bad(({ logits }) => clone(reshape(logits!, [-1])))).rejects.toThrow("48 scores for 24 examples");
  await expect(bad(({ logits }) => reshape(div(slice(logits!, [0, 0], [-1, 1]), 0), [-1]))).rejects.toThrow(
    "scores example 0",
  );
});
