import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folder } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { createModel, loadModel, saveModel, type TokenBatch } from "@cambium/models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ownLoss, toNextBatch } from "../decoder/grow-decoder.ts";
import { growingData } from "../text/data.ts";
import type { Growing } from "./growing.ts";
import { modelFingerprint } from "./lineage.ts";
import { type Finished, type RunOptions, runGrowth } from "./run.ts";

const config = {
  ...{ model_type: "llama", vocab_size: 20, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1 },
  ...{ num_attention_heads: 2, max_position_embeddings: 16 },
};
const model = createModel(config, random(1), { head: { kind: "causal-lm" } });
const stream = Uint16Array.from({ length: 600 }, (_, i) => (i * i) % 20);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "grow-run-"));
});
afterAll(async () => {
  disposeParameters(model.parameters);
  await rm(root, { recursive: true });
});

/** Calls `onStep` before each step's batch is made. */
function growing(onStep: () => void = () => undefined): Growing<TokenBatch> {
  return {
    objective: ownLoss(model, "next piece"),
    piecesPerStep: 16,
    data: (_, __, own) =>
      growingData(
        { stream },
        {
          phases: [{ shapes: [{ batch: 2, seq: 8 }] }],
          random: own,
          about: null,
          toBatch({ texts }, { seq }) {
            onStep();
            return toNextBatch(texts, seq);
          },
        },
      ),
    evaluate: async () => ({}),
    save: (parameters, files) => saveModel({ ...model, parameters }, files),
    describe: async () => ({}),
  };
}

const optionsOf = (name: string, steps: number): RunOptions => ({
  ...{
    seed: 3,
    learningRate: 1e-2,
    steps,
    kept: [0.25, 0.5],
    parent: "of a parent",
    corpus: "squares",
    run: "squares, once",
  },
  ...{ home: join(root, name, "home"), target: join(root, name, "model") },
  ...{ signal: new AbortController().signal, report: () => undefined },
});

/** Numbers of a finished run. Disposes of its tensors. */
function valuesOf(finished: Finished | undefined): readonly (readonly number[])[] {
  const values = [...finished!.parameters.values()].map((tensor) => [...tensor.dataSync()]);
  disposeParameters(finished!.parameters);
  return values;
}

async function storedOf(name: string, step: number): Promise<readonly (readonly number[])[]> {
  const stored = await loadModel(folder(join(root, name, "model", "checkpoints", `step-${step}`)));
  const values = [...(stored.parameters as Parameters).values()].map((tensor) => [...tensor.dataSync()]);
  disposeParameters(stored.parameters);
  return values;
}

test("a run that is stopped again and again ends with the bits, and keeps the models, of one that is not", async () => {
  const whole = valuesOf(await runGrowth(growing(), optionsOf("whole", 12)));
  let sittings = 0;
  let finished: Finished | undefined;
  for (; finished === undefined; sittings++) {
    const stop = new AbortController();
    let taken = 0;
    const interrupted = growing(() => {
      if (++taken > 3) stop.abort();
    });
    finished = await runGrowth(interrupted, { ...optionsOf("stopped", 12), signal: stop.signal });
  }
  expect(sittings).toBeGreaterThan(2);
  expect(finished.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2]);
  expect(valuesOf(finished)).toEqual(whole);
  for (const step of [3, 6]) expect(await storedOf("stopped", step)).toEqual(await storedOf("whole", step));
});

test("models that are kept load, and say from what they descend", async () => {
  expect((await readdir(join(root, "whole", "model", "checkpoints"))).sort()).toEqual(["step-3", "step-6"]);
  const files = folder(join(root, "whole", "model", "checkpoints", "step-6"));
  expect(JSON.parse(await readFile(join(files.location, "lineage.json"), "utf8"))).toEqual({
    ...{ format: "cambium-lineage", version: 1, model: await modelFingerprint(files) },
    ...{ parent: "of a parent", corpus: "squares", steps: 6, run: "squares, once" },
  });
});

test("a finished run that is given more steps ends as one that had them from the beginning", async () => {
  const more = valuesOf(await runGrowth(growing(), optionsOf("whole", 20)));
  expect(valuesOf(await runGrowth(growing(), optionsOf("long", 20)))).toEqual(more);
});

test("a model that is not where it was kept is left out, and the run goes on", async () => {
  const options = optionsOf("whole", 20);
  await rm(join(options.target, "checkpoints"), { recursive: true });
  const lines: string[] = [];
  const finished = await runGrowth(growing(), { ...options, report: (line) => lines.push(line) });
  disposeParameters(finished!.parameters);
  expect(lines.filter((line) => line.includes("is left out"))).toHaveLength(2);
});

test("time left, pace and steps are reported", async () => {
  const lines: string[] = [];
  const finished = await runGrowth(growing(), { ...optionsOf("told", 22), report: (line) => lines.push(line) });
  disposeParameters(finished!.parameters);
  expect(lines.some((line) => /^step 20 of 22 {2}loss .* pieces\/s {2}\d+ min left$/.test(line))).toBe(true);
  expect(lines.some((line) => line.startsWith("step 22 of 22"))).toBe(true);
});
