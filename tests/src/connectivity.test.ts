/** A model at many points, on the fast backend: what is traced, compiled and held, counted by the backend itself. */
import { backendReport } from "@cambium/backend-onnx";
import { result } from "@cambium/base";
import { bezier, createDirections, line, measureBarrier, runLandscape, trainCurve } from "@cambium/connectivity";
import { disposeParameters, mapParameters, type Objective, type Parameters, random, useBackend } from "@cambium/core";
import { attach, head, lora, type Tuned, whole } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { tinyBatch, tinyModel } from "@cambium/models/testing";
import { adamW, type Batches } from "@cambium/train";
import type { Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";

beforeAll(() => useBackend("onnx"));
afterAll(() => useBackend("cpu"));

const BATCHES = 3;

function dataOf(model: LanguageModel): Batches<TokenBatch> {
  return {
    batchCount: BATCHES,
    describe: () => ({ tiny: BATCHES }),
    async *epoch() {
      for (let i = 0; i < BATCHES; i++) yield { batch: tinyBatch(model), rows: 3, isLast: i === BATCHES - 1 };
    },
  };
}

const near = (tree: Parameters, seed: number): Map<string, Tensor> =>
  mapParameters(tree, (tensor, name) => random(seed).at(name).normal(tensor.shape, 0, 0.3));

const cases: [string, (model: LanguageModel) => Tuned<LanguageModel>][] = [
  ["a LoRA with a head", (model) => attach(model, lora(model, { rank: 2 }, random(1)), head(model))],
  ["a whole model", (model) => attach(model, whole(model))],
];

test.each(cases)(
  "points of a path of %s cost a forward pass each: no graph is compiled, nothing is copied",
  async (_, make) => {
    const base = tinyModel();
    const tuned = make(base);
    const [a, b] = [near(tuned.parameters, 1), near(tuned.parameters, 2)];
    const measure = async (points: number) => {
      const before = backendReport();
      await measureBarrier(tuned, line(a, b), dataOf(base), { points, resamples: 0 });
      const after = backendReport();
      return {
        compiled: after.compileCount - before.compileCount,
        runs: after.runs - before.runs,
        values: after.liveValues - before.liveValues,
        bytes: after.liveBytes - before.liveBytes,
      };
    };
    await measure(6); // traces and compiles
    const [few, many] = [await measure(6), await measure(26)];
    // A forward pass for each batch, a graph for the point, and one for its distance to the point before.
    expect(few).toEqual({ compiled: 0, runs: few.runs, values: 0, bytes: 0 });
    expect(many).toEqual({ compiled: 0, runs: few.runs + 20 * (BATCHES + 2), values: 0, bytes: 0 });
    for (const tree of [a, b, tuned.parameters, base.parameters]) disposeParameters(tree);
  },
);

test("a landscape holds one point beside the model, however many it has", async () => {
  const base = tinyModel();
  const tuned = attach(base, whole(base));
  const [across, up] = await createDirections(tuned, random(1), { model: tuned });
  const origin = tuned.parameters;
  const peakOf = async (count: number): Promise<number> => {
    const before = backendReport();
    let most = 0;
    const measured: Objective<TokenBatch> = {
      ...tuned,
      loss: (at, batch, context) => tuned.loss(at, batch, context),
    };
    const options = { x: [-1, 1, count], y: [-1, 1, count] } as const;
    for await (const _ of runLandscape(measured, { origin, across: across!, up: up! }, dataOf(base), options))
      most = Math.max(most, backendReport().liveBytes - before.liveBytes);
    return most;
  };
  await peakOf(3);
  expect(await peakOf(6)).toBe(await peakOf(3));
  for (const tree of [across!, up!, tuned.parameters, base.parameters]) disposeParameters(tree);
});

test("steps of a curve are replayed: its loss runs in JavaScript for the first traces only", async () => {
  const base = tinyModel();
  const tuned = attach(base, lora(base, { rank: 2 }, random(1)), head(base));
  let calls = 0;
  const watched: Objective<TokenBatch> = {
    ...tuned,
    loss(at, batch, context) {
      calls += 1;
      return tuned.loss(at, batch, context);
    },
  };
  const path = bezier(near(tuned.parameters, 1), near(tuned.parameters, 2), { bends: 1 });
  const losses: number[] = [];
  const options = { optimiser: adamW({ learningRate: 1e-2 }), steps: 24, random: random(5) };
  const { path: trained } = await result(trainCurve(watched, path, dataOf(base), options), (event) => {
    if (event.type === "step") losses.push(event.loss);
  });
  expect(calls).toBe(3);
  expect(new Set(losses).size).toBe(24); // each step draws its own t
  for (const node of [...path.nodes, ...trained.nodes.slice(1, -1)]) disposeParameters(node);
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
});
