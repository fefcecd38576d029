import { type Files, memory as files, result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, memory, type Scalar, slice, sum, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { intervene } from "../capture/intervene.ts";
import { compareRdms } from "../compare/compare-rdms.ts";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { numberedConditions, rdmOf } from "../rdm/rdm.ts";
import { attributeUnits } from "./attribution.ts";
import { averageConditions, type ConditionActivations, similarityOf } from "./condition-activations.ts";
import { rankByElasticNet } from "./elastic-net.ts";
import { measureProbes } from "./probe.ts";
import { scoreNeurons } from "./score-neurons.ts";
import {
  combineUnits,
  measureOverlap,
  type NeuronScores,
  type ScoresOfOptions,
  scoresOf,
  selectUnits,
} from "./scores.ts";
import { runSearchlight, type Searchlight } from "./searchlight.ts";

/** Noise at two sites, measured `repeats` times. */
function noise(seed: number, count: number, repeats: number, width = 6): ConditionActivations {
  const sites = [0, 1].map((layer) => ({ path: `layer.${layer}`, layer, width }));
  const rows = (path: string) =>
    Array.from({ length: repeats }, (_, r) =>
      Array.from({ length: count }, (_, c) => Float32Array.from(random(seed).at(path).at(r).at(c).normals(width))),
    );
  return { conditions: numberedConditions(count), sites, values: new Map(sites.map(({ path }) => [path, rows(path)])) };
}

const attribute = (seed: number, count: number) =>
  measureRdm(
    Array.from(random(seed).normals(count), (value) => [value]),
    { metric: "difference" },
  );

test("a light's value is the rank correlation of its mean distances", async () => {
  const activations = noise(1, 9, 3);
  const target = attribute(2, 9);
  const found = await result(
    runSearchlight(activations, { target }, { permutations: 50, random: random(1), chunk: 4 }),
  );
  expect(found.lights).toHaveLength(12);
  const unit = 3;
  const distances = [0, 1, 2].map((r) =>
    measureRdm(
      activations.values.get("layer.1")![r]!.map((row) => [row[unit]!]),
      { metric: "difference" },
    ),
  );
  const mean = rdmOf(
    target.conditions,
    distances[0]!.values.map((_, i) => distances.reduce((s, d) => s + d.values[i]!, 0) / 3),
  );
  expect(found.attributes[0]!.values[6 + unit]).toBeCloseTo(compareRdms(mean, target), 5);
  const tau = await result(runSearchlight(activations, { target }, { method: "tau-b", random: random(1) }));
  expect(tau.attributes[0]!.values[6 + unit]).toBeCloseTo(compareRdms(mean, target, { method: "tau-b" }), 6);
  expect(tau.attributes[0]!.pAny).toBeUndefined();
});

test("chunks do not change what is found, and the same seed gives the same", async () => {
  const run = (chunk: number) =>
    result(runSearchlight(noise(1, 8, 1), { a: attribute(2, 8) }, { permutations: 30, random: random(1), chunk }));
  expect((await run(5)).attributes).toEqual((await run(100)).attributes);
});

test.each(["spearman", "tau-b"] as const)(
  "a searchlight by %s that was stopped resumes to the same numbers, and another one is refused",
  async (method) => {
    const activations = noise(1, 8, 2);
    const attributes = { a: attribute(2, 8), b: attribute(3, 8) };
    const isPermuted = method === "spearman";
    const options = { method, ...(isPermuted && { permutations: 30 }), random: random(5), chunk: 4 };
    const { type: _, ...whole } = await result(runSearchlight(activations, attributes, options));
    const checkpoint = files();
    let writes = 0;
    const dying: Files = {
      ...checkpoint,
      async write(name, content) {
        if (writes++ === 3) throw new Error("crash"); // the index and two chunks are written
        await checkpoint.write(name, content);
      },
    };
    const died = result(runSearchlight(activations, attributes, { ...options, checkpoint: dying }));
    await expect(died).rejects.toThrow("crash");
    const before = (await checkpoint.list()).length;
    for (let time = 0; time < 2; time++) {
      const { type: __, ...resumed } = await result(
        runSearchlight(activations, attributes, { ...options, checkpoint }),
      );
      expect(resumed).toEqual(whole);
    }
    expect([before, (await checkpoint.list()).length]).toEqual([3, 5]);
    for (const other of [...(isPermuted ? [{ permutations: 31 }] : []), { random: random(6) }, { chunk: 3 }])
      await expect(
        result(runSearchlight(activations, attributes, { ...options, ...other, checkpoint })),
      ).rejects.toThrow(/holds another searchlight/);
    await expect(result(runSearchlight(noise(2, 8, 2), attributes, { ...options, checkpoint }))).rejects.toThrow(
      /holds another searchlight/,
    );
    const chunk = (await checkpoint.list()).find(({ name }) => name.endsWith(".f64"))!;
    await checkpoint.write(chunk.name, new Uint8Array(16));
    await expect(result(runSearchlight(activations, attributes, { ...options, checkpoint }))).rejects.toThrow(
      /is damaged/,
    );
  },
);

test("under the null hypothesis p is uniform, and the maximum keeps the chance of any false finding", async () => {
  const runs = 60;
  let [neurons, any] = [0, 0];
  for (let i = 0; i < runs; i++) {
    const { attributes } = await result(
      runSearchlight(noise(i, 8, 1), { a: attribute(1000 + i, 8) }, { permutations: 39, random: random(i) }),
    );
    neurons += attributes[0]!.p.filter((p) => p <= 0.1).length;
    any += Number(attributes[0]!.pAny!.some((p) => p <= 0.1));
  }
  // Neurons of one run share their attribute, so that their spread is larger than a binomial's: four times is allowed for.
  const [mean, spread] = [12 * runs * 0.1, Math.sqrt(12 * runs * 0.1 * 0.9)];
  expect(neurons).toBeGreaterThan(mean - 4 * 5 * spread);
  expect(neurons).toBeLessThan(mean + 4 * 5 * spread);
  expect(any).toBeLessThan(6 + 5 * Math.sqrt(runs * 0.1 * 0.9));
});

test("layers, parts and random groups are lights, by the Euclidean distance of their units", async () => {
  const activations = noise(3, 8, 1);
  const target = attribute(4, 8);
  const options = { permutations: 10, random: random(1) };
  const whole = await result(runSearchlight(activations, { target }, { ...options, lights: "layer" }));
  const layer = similarityOf(activations, "euclidean", "layer.0");
  expect(whole.attributes[0]!.values[0]).toBeCloseTo(compareRdms(layer, target), 5);
  const parts = await result(runSearchlight(activations, { target }, { ...options, lights: { parts: 3 } }));
  expect(parts.lights.map(({ units }) => [...units])).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  const groups = await result(runSearchlight(activations, { target }, { ...options, lights: { size: 2, count: 5 } }));
  expect(groups.lights).toHaveLength(10);
  await expect(result(runSearchlight(activations, { target }, { ...options, lights: { parts: 4 } }))).rejects.toThrow(
    "do not divide",
  );
});

test("what cannot be meant is an error, and a neuron that never changes has 0", async () => {
  const activations = noise(1, 6, 1);
  const options = { permutations: 5, random: random(1) };
  const flat = rdmOf(numberedConditions(6), new Float64Array(15).fill(1));
  await expect(result(runSearchlight(activations, { flat }, options))).rejects.toThrow('RDM of "flat" is constant');
  const other = { ...attribute(1, 6), conditions: ["a", "b", "c", "d", "e", "f"] };
  await expect(result(runSearchlight(activations, { other }, options))).rejects.toThrow("other conditions");
  for (const row of activations.values.get("layer.0")![0]!) row[2] = 7;
  const { attributes } = await result(runSearchlight(activations, { a: attribute(1, 6) }, options));
  expect(attributes[0]!.values[2]).toBe(0);
  expect(attributes[0]!.p[2]).toBeGreaterThan(0.5); // zeros are not above zeros, and count as reached
});

test("a parametric test is not permuted, and says so", async () => {
  const run = result(
    runSearchlight(noise(1, 6, 1), { a: attribute(1, 6) }, { method: "tau-b", permutations: 5, random: random(1) }),
  );
  await expect(run).rejects.toThrow("tau-b has a parametric test and is not permuted");
});

test("selective neurons are significant for no other attribute, at the level that is given", () => {
  const site = { path: "p", layer: 0, width: 3 };
  const attributeOf = (name: string, ...q: number[]) => ({
    name,
    values: Float32Array.of(0.1, 0.2, 0.3),
    p: Float64Array.from(q),
    q: Float64Array.from(q),
  });
  const found: Searchlight = {
    method: "tau-b",
    permutations: 0,
    exact: false,
    lights: [0, 1, 2].map((unit) => ({ site, units: Uint32Array.of(unit) })),
    attributes: [attributeOf("a", 0.001, 0.001, 0.001), attributeOf("b", 0.05, 0.02, 0.9)],
  };
  const kept = (options: ScoresOfOptions) =>
    [...scoresOf(found, "a", options).values.get("p")!.keys()].filter(
      (unit) => !Number.isNaN(scoresOf(found, "a", options).values.get("p")![unit]!),
    );
  expect(kept({})).toEqual([0, 1, 2]);
  expect(kept({ onlySelective: true })).toEqual([2]); // q at the level is significant, as everywhere
  expect(kept({ onlySelective: true, level: 0.01 })).toEqual([0, 1, 2]);
  expect(kept({ onlySelective: true, level: 0.03 })).toEqual([0, 2]);
  expect(() => kept({ level: 0.01 })).toThrow("level is of onlySelective");
  expect(() => kept({ onlySelective: true, level: 5 })).toThrow("must lie between 0 and 1, got 5");
});

test("an activation that is no number is an error, not a neuron beyond chance", async () => {
  const activations = noise(1, 6, 2);
  activations.values.get("layer.1")![1]![3]![2] = Number.NaN;
  const run = result(runSearchlight(activations, { a: attribute(1, 6) }, { permutations: 5, random: random(1) }));
  await expect(run).rejects.toThrow('unit 2 of layer.1 is NaN for "3"');
  const one = [{ path: "p", layer: 0, width: 2 }];
  const rows = new Map([["p", [1, 2, 3, 4].map((i) => Float32Array.of(i, i === 3 ? Number.POSITIVE_INFINITY : i))]]);
  const labels = ["x", "x", "y", "y"];
  const message = "unit 1 of p is Infinity in example 2";
  expect(() => scoreNeurons(one, rows, labels, { method: "average-precision", target: "x" })).toThrow(message);
  expect(() => rankByElasticNet(one, rows, labels)).toThrow(message);
  expect(() => measureProbes(one, rows, labels, { folds: 2, random: random(1) })).toThrow(message);
});

test.each([
  ["head", "lights must be"],
  [{ parts: 3, size: 2 }, 'unknown option "size"'],
  [{ size: 2 }, "cannot be drawn"],
])("lights %j are an error", async (lights, message) => {
  const options = { lights: lights as never, random: random(1) };
  await expect(result(runSearchlight(noise(1, 6, 1), { a: attribute(1, 6) }, options))).rejects.toThrow(message);
});

test("examples that are too few for the folds are an error, not fewer folds", () => {
  const one = [{ path: "p", layer: 0, width: 1 }];
  const rows = new Map([["p", [1, 2, 3].map((value) => Float32Array.of(value))]]);
  const labels = ["x", "y", "x"];
  expect(() => averageConditions(one, rows, labels, { folds: 2 })).toThrow('"y" has no example in repeat 1');
  expect(() => averageConditions(one, rows, labels, { folds: 3 })).toThrow("has no example in repeat");
  expect(() => averageConditions(one, rows, labels, { repeats: [0, 0, -1] })).toThrow("got -1 for example 2");
});

test("a neuron that is always off tells nothing of a rare class, and one that is on for it alone tells all", () => {
  const labels = Array.from({ length: 20 }, (_, i) => (i < 2 ? "joy" : "rest"));
  const rows = labels.map((label, i) => Float32Array.of(0.1, Number(label === "joy"), Number(i === 19), Number(i < 6)));
  const one = [{ path: "p", layer: 0, width: 4 }];
  const score = (method: "skill" | "balanced-skill" | "difference"): Float32Array =>
    scoreNeurons(one, new Map([["p", rows]]), labels, { method, target: "joy" }).values.get("p")!;
  // On for all of joy, and for 4 of the 18 others; on for one of these.
  expect([...score("balanced-skill")]).toBeAllClose([0.5, 1, 0.5 + 0.5 / 18, (1 + 14 / 18) / 2]);
  const [off, alone] = score("difference");
  expect(off).toBe(0);
  expect(alone).toBeGreaterThan(1e38);
  expect(alone).toBeLessThan(Number.POSITIVE_INFINITY); // JSON has no infinity
});

const sites = [0, 1].map((layer) => ({ path: `layer.${layer}`, layer, width: 3 }));
const scores: NeuronScores = {
  method: "test",
  sites,
  values: new Map([
    ["layer.0", Float32Array.of(5, 1, Number.NaN)],
    ["layer.1", Float32Array.of(4, 5, 3)],
  ]),
};

test("selection takes the greatest of all, or of each layer, and leaves out what it shall", () => {
  const name = ({ layer, unit }: { layer?: number; unit: number }) => `${layer}.${unit}`;
  expect(selectUnits(scores, { top: 3 }).map(name)).toEqual(["0.0", "1.1", "1.0"]);
  expect(selectUnits(scores, { top: 1, perLayer: true }).map(name)).toEqual(["0.0", "1.1"]);
  expect(selectUnits(scores, { top: 0.5 }).map(name)).toEqual(["0.0", "1.1", "1.0"]);
  expect(selectUnits(scores, { top: 2, exclude: [{ layer: 1, unit: 1 }] }).map(name)).toEqual(["0.0", "1.0"]);
  expect(selectUnits(scores, { top: 1 })).toEqual([{ layer: 0, unit: 0, site: "layer.0", score: 5 }]);
  for (const exclude of [
    [{ layer: 2, unit: 0 }],
    [{ layer: 1, unit: 3 }],
    [{ stack: "encoder" as const, layer: 1, unit: 1 }],
  ])
    expect(() => selectUnits(scores, { top: 1, exclude })).toThrow("to be left out");
  const stacks = { ...scores, sites: scores.sites.map((site) => ({ ...site, stack: "encoder" as const })) };
  expect(selectUnits(stacks, { top: 1, exclude: [{ layer: 0, unit: 0 }] }).map(name)).toEqual(["1.1"]);
  expect(() => selectUnits(scores, { top: 6 })).toThrow("means 6 of 5 neurons");
  expect(() => selectUnits(scores, { top: 0 })).toThrow("top 0 means 0");
});

test("overlaps have their hypergeometric chance, and sets their algebra", () => {
  const set = (...units: number[]) => units.map((unit) => ({ layer: 0, unit }));
  const { shared, jaccard, p } = measureOverlap(set(0, 1, 2), set(1, 2, 3), 5);
  // Of the 10 sets of three, one shares three and six share two.
  expect([shared, jaccard]).toEqual([2, 0.5]);
  expect(p).toBeCloseTo(0.7, 12);
  expect(combineUnits("all", [set(0, 1), set(1, 2)])).toEqual(set(1));
  expect(combineUnits("any", [set(0, 1), set(1, 2)])).toEqual(set(0, 1, 2));
  expect(combineUnits("first", [set(0, 1), set(1, 2)])).toEqual(set(0));
  expect(() => measureOverlap(set(0, 0), set(1), 5)).toThrow("different neurons");
  expect(() => measureOverlap(set(0), set(1), Number.NaN)).toThrow("of NaN are needed");
  expect(() => combineUnits("both" as never, [set(0), set(1)])).toThrow('got "both"');
  expect(() => measureOverlap(set(0), [{ stack: "encoder", layer: 0, unit: 0 }], 5)).toThrow("others do not");
  const at = (site: string) => [{ layer: 0, unit: 0, site }];
  expect(() => combineUnits("all", [at("block"), at("act")])).toThrow("neurons are of block and of act");
  expect(combineUnits("all", [at("act"), set(0)])).toHaveLength(1);
});

test("neurons are scored by what they tell of labels, by hand", () => {
  const labels = ["x", "x", "y", "y"];
  const one = [{ path: "p", layer: 0, width: 3 }];
  const rows = [
    [1, 0, 2],
    [3, 0, 2],
    [5, 1, 2],
    [7, 0, 2],
  ].map((row) => Float32Array.from(row));
  const score = (method: Parameters<typeof scoreNeurons>[3]["method"], target?: string): number[] => [
    ...scoreNeurons(one, new Map([["p", rows]]), labels, {
      method,
      ...(target !== undefined && { target }),
    }).values.get("p")!,
  ];
  expect(score("difference", "y")).toBeAllClose([4, 0.5 / Math.sqrt(0.25 / 2), 0]);
  expect(score("probeless")).toBeAllClose([4, 0.5, 0]);
  expect(score("skill", "x")).toBeAllClose([1, 0.75, 0.5]);
  expect(score("average-precision", "y")).toBeAllClose([1, 0.5 + 0.5 * 0.5, 0.5]);
  expect(score("mutual-information")[0]).toBeCloseTo(Math.log(2), 6);
  expect(score("mutual-information")[2]).toBeCloseTo(0, 12);
  expect(() => score("skill")).toThrow("target is for, and needed by");
  expect(() => score("probeless", "x")).toThrow("target is for");
  expect(() => score("skill", "z")).toThrow('no example has the label "z"');
});

test.each([
  ["bert", 200],
  ["llama", 60],
] as const)("integrated gradients of a %s are complete, the more so with %i steps", async (type, many) => {
  const model = tinyModel({ type, dropout: 0 });
  const batch = tinyBatch(model);
  const before = memory().numTensors;
  const score = ({ logits }: { logits?: import("@tensorflow/tfjs-core").Tensor }): Scalar => sum(logits!) as Scalar;
  const run = (steps: number) =>
    attributeUnits(model, batch, score, { steps, site: type === "bert" ? "L0.ffn.act" : "L1.ffn.act" });
  const gap = ({ total, score: now, baselineScore }: Awaited<ReturnType<typeof run>>): number =>
    Math.abs(total - (now - baselineScore)) / Math.abs(now - baselineScore);
  expect(gap(await run(20))).toBeLessThan(0.05);
  expect(gap(await run(many))).toBeLessThan(0.01);
  expect(memory().numTensors).toBe(before);
  disposeFields(batch);
  disposeParameters(model.parameters);
});

test("neurons at one token of each example are attributed what that token's neurons alone change", async () => {
  const model = tinyModel({ type: "bert", dropout: 0 });
  const batch = tinyBatch(model);
  const [rows] = batch.ids.shape;
  const before = memory().numTensors;
  const score = ({ hidden }: { hidden: import("@tensorflow/tfjs-core").Tensor }): Scalar =>
    sum(slice(hidden, [0, 0, 0], [-1, -1, 1])) as Scalar;
  const positions = Array.from({ length: rows }, (_, i) => i % 2);
  const site = "L0.ffn.act";
  const found = await attributeUnits(model, batch, score, { site, positions });
  // By hand: the same tokens' neurons set to zero by interventions.
  const hooks = intervene(
    model,
    positions.map((at, row) => ({ site, positions: [at], rows: [row], op: { kind: "zero" as const } })),
    { batch },
  );
  const alone = tidy(() => score(model.forward(batch, { hooks })).dataSync()[0]!);
  expect(found.baselineScore).toBeCloseTo(alone, 4);
  const change = found.score - found.baselineScore;
  expect(Math.abs(change)).toBeGreaterThan(1e-3);
  expect(Math.abs(found.total - change)).toBeLessThan(0.05 * Math.abs(change)); // complete, as over all tokens
  const all = await attributeUnits(model, batch, score, { site, steps: 1 });
  expect(all.baselineScore).not.toBeCloseTo(alone, 4);
  for (const wrong of [[0], positions.map(() => 99), positions.map(() => 0.5)])
    await expect(attributeUnits(model, batch, score, { site, positions: wrong })).rejects.toThrow("a token from 0 to");
  expect(memory().numTensors).toBe(before);
  disposeFields(batch);
  disposeParameters(model.parameters);
});

test("a score that fails leaves nothing behind", async () => {
  const model = tinyModel({ type: "bert", dropout: 0 });
  const batch = tinyBatch(model);
  const before = memory().numTensors;
  const failing = (): Scalar => {
    throw new Error("no score");
  };
  await expect(attributeUnits(model, batch, failing, { steps: 2 })).rejects.toThrow("no score");
  const several = ({ hidden }: { hidden: import("@tensorflow/tfjs-core").Tensor }) => hidden as never;
  await expect(attributeUnits(model, batch, several, { steps: 2 })).rejects.toThrow("must be a scalar, got [3,6,");
  const baseline = new Map([["encoder.layer.0.intermediate", Float32Array.of(1)]]);
  await expect(
    attributeUnits(model, batch, ({ hidden }) => sum(hidden) as Scalar, { site: "L0.ffn.act", baseline }),
  ).rejects.toThrow("needs 12 values of encoder.layer.0.intermediate, got 1");
  await expect(attributeUnits(model, batch, failing, { site: "embed" })).rejects.toThrow("choose L0.resid");
  expect(memory().numTensors).toBe(before);
  disposeFields(batch);
  disposeParameters(model.parameters);
});

test("a linear score of the last layer's neurons is attributed exactly, by one gradient too", async () => {
  const model = tinyModel({ type: "bert", dropout: 0 });
  const batch = tinyBatch(model);
  const site = "encoder.layer.1.output.LayerNorm";
  const score = ({ hidden }: { hidden: import("@tensorflow/tfjs-core").Tensor }): Scalar =>
    add(sum(hidden), 3) as Scalar;
  for (const options of [{ steps: 1 }, { method: "gradient" }] as const) {
    const found = await attributeUnits(model, batch, score, { ...options, site });
    expect(found.total).toBeCloseTo(found.score - 3, 4);
    expect(found.baselineScore).toBeCloseTo(3, 6);
  }
  await expect(attributeUnits(model, batch, score, { method: "gradient", steps: 2 })).rejects.toThrow(
    "steps are of integrated",
  );
  disposeFields(batch);
  disposeParameters(model.parameters);
});
