import { memory } from "@cambium/base";
import { disposeParameters, loadSafetensors } from "@cambium/core";
import { add, mul, sign } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { batches } from "../data/batches.ts";
import type { EvaluationOptions } from "../evaluation.ts";
import { adafactor } from "../optimisers/adafactor.ts";
import { adamW } from "../optimisers/adam.ts";
import { chain } from "../optimisers/chain.ts";
import { sgd } from "../optimisers/sgd.ts";
import { perParameter } from "../optimisers/transform.ts";
import { addDecayedWeights, scaleByLearningRate } from "../optimisers/transforms.ts";
import { cosine, linear, type Schedule, sequence } from "../schedules.ts";
import { bits, collateToy, toyRows } from "../toy.fixture.ts";
import { contents, namesIn, options, runToy } from "./runs.fixture.ts";

/** Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675, algorithm 2, as a user writes it. */
const lion = chain(
  perParameter({
    kind: "scaleByLion",
    config: { beta1: 0.9, beta2: 0.99 },
    slots: ["momentum"],
    update: (gradient, { slots }) => ({
      update: sign(add(mul(slots.momentum, 0.9), mul(gradient, 0.1))),
      slots: { momentum: add(mul(slots.momentum, 0.99), mul(gradient, 0.01)) },
    }),
  }),
  addDecayedWeights(0.1),
  scaleByLearningRate(cosine(0.02, { warmUp: 3, steps: 20 })),
);

describe("resumption is bit for bit", () => {
  test.each([
    ["AdamW", options.optimiser],
    ["SGD with momentum", sgd({ learningRate: 0.05, momentum: 0.9 })],
    ["SGD without any state", sgd({ learningRate: 0.05 })],
    ["Adafactor", adafactor()],
    ["one that a user wrote", lion],
  ])("20 steps are 7 steps and 13 more: %s", async (_, optimiser) => {
    const straight = memory();
    const resumed = memory();
    const whole = await runToy({ optimiser, checkpoint: straight });
    await runToy({ optimiser, checkpoint: resumed, steps: 7 });
    const rest = await runToy({ optimiser, checkpoint: resumed });
    expect(rest.events.filter(({ type }) => type === "step").map(({ step }) => step)).toEqual(
      Array.from({ length: 13 }, (_, i) => i + 8),
    );
    expect(rest.parameters).toEqual(whole.parameters);
    // Parameters, optimiser state and position alike; `kept` is the only difference there could be, and there is none.
    expect(await contents(resumed)).toEqual(await contents(straight));
  });

  test("what a caller keeps with a checkpoint comes back with it, and changes no result", async () => {
    const files = memory();
    const read: unknown[] = [];
    const taken = { count: 0 };
    const note = { write: () => ({ taken: taken.count }), read: (kept: unknown) => void read.push(kept) };
    const counting = (every: number) => ({ files, every, note });
    await runToy({ checkpoint: counting(3), steps: 3 });
    expect(read).toEqual([]); // it began
    taken.count = 7;
    await runToy({ checkpoint: counting(3), steps: 6 });
    const rest = await runToy({ checkpoint: counting(100) });
    expect(read).toEqual([{ taken: 0 }, { taken: 7 }]);
    expect(rest.parameters).toEqual((await runToy({})).parameters);
    await runToy({ checkpoint: files, steps: 20 }); // without a note of its own
    expect(read).toHaveLength(2);
    await expect(runToy({ checkpoint: { files, note: {} as never } })).rejects.toThrow(
      /note.*must have write and read/,
    );
  });

  test("a run stopped by its signal resumes to the same end", async () => {
    const files = memory();
    const stopped = await runToy({ checkpoint: files }, { stopAt: 5 });
    expect(stopped.events.slice(-2)).toMatchObject([
      { type: "checkpoint", step: 5, path: "memory/checkpoint.json" },
      { type: "end", step: 5, reason: "stopped" },
    ]);
    const rest = await runToy({ checkpoint: files });
    expect(rest.events[0]).toMatchObject({ type: "step", step: 6 });
    expect(rest.parameters).toEqual((await runToy({})).parameters);
  });

  test("the best evaluation and the patience survive", async () => {
    const evaluate: EvaluationOptions = {
      every: 2,
      patience: 4,
      best: { metric: "size", direction: "highest" },
      run: (parameters) => ({ size: Math.hypot(...parameters.get("out.weight")!.dataSync()) }),
    };
    const whole = await runToy({ evaluate });
    const files = memory();
    await runToy({ evaluate, checkpoint: files }, { stopAt: 7 });
    const rest = await runToy({ evaluate, checkpoint: files });
    expect(whole.end.reason).toBe("early-stopped");
    expect(whole.end.best!.step).toBeLessThan(7);
    expect(rest.end).toMatchObject({ reason: "early-stopped", step: whole.end.step, best: whole.end.best });
    expect(rest.parameters).toEqual(whole.parameters);
    expect(await namesIn(files)).toContain(`best-${whole.end.best!.step}.safetensors`);
    // An early-stopped run that is started again ends again, without a step.
    const again = await runToy({ evaluate, checkpoint: files });
    expect(again.events.map(({ type }) => type)).toEqual(["end"]);
    expect(again.parameters).toEqual(whole.parameters);
  });

  test("a finished run only ends again, and resumes when it is given more steps", async () => {
    const files = memory();
    const first = await runToy({ checkpoint: files, steps: 10 });
    const second = await runToy({ checkpoint: files, steps: 10 });
    expect(second.events.map(({ type }) => type)).toEqual(["end"]);
    expect(second.parameters).toEqual(first.parameters);
    expect((await runToy({ checkpoint: files })).parameters).toEqual((await runToy({})).parameters);
  });
});

describe("prolonging", () => {
  const short = linear(0.05, { steps: 5 });
  const withRate = (learningRate: Schedule) => ({ optimiser: adamW({ learningRate }) });

  test("a run longer than its schedule is refused before the first step", async () => {
    const run = runToy({ ...withRate(short), steps: 6 });
    await expect(run).rejects.toMatchObject({
      code: "CONFIG",
      message:
        "train: the learning rate's schedule ends after step 5, the run takes 6: from step 6 on the rate would be 0; give the schedule the steps of the run, or prolong it with sequence(schedule, next)",
    });
    // 23 rows are 6 batches of 4, which are 3 steps of 2 batches.
    await expect(runToy({ ...withRate(short), epochs: 2 })).rejects.toThrow("the run takes 6:");
    const { events } = await runToy({ ...withRate(linear(0.05, { steps: 6 })), epochs: 2 });
    expect(events.at(-1)).toMatchObject({ type: "end", step: 6 });
  });

  test("a finished run is not prolonged at a rate of 0", async () => {
    const checkpoint = memory();
    await runToy({ ...withRate(short), steps: 5, checkpoint });
    await expect(runToy({ ...withRate(short), steps: 10, checkpoint })).rejects.toThrow("schedule ends after step 5");
  });

  test("a schedule of other rates at the steps taken belongs to another run", async () => {
    const checkpoint = memory();
    await runToy({ ...withRate(short), steps: 5, checkpoint });
    const run = runToy({ ...withRate(linear(0.05, { steps: 10 })), steps: 10, checkpoint });
    await expect(run).rejects.toThrow(/learningRate.step 2: 0.040*1 in the checkpoint, 0.0450*5 now/);
  });

  test("a sequence that begins with the schedule prolongs the run, to the bits of one that took it at once", async () => {
    const checkpoint = memory();
    const longer = { ...withRate(sequence(short, linear(0.01, { steps: 5 }))), steps: 10 };
    await runToy({ ...withRate(short), steps: 5, checkpoint });
    const rest = await runToy({ ...longer, checkpoint });
    expect(rest.events[0]).toMatchObject({ type: "step", step: 6, learningRate: 0.01 });
    expect(rest.parameters).toEqual((await runToy(longer)).parameters);
  });

  test("a stream that is longer than the schedule ends with an error and a checkpoint of the schedule's last step", async () => {
    const files = memory();
    const rows = {
      async *[Symbol.asyncIterator]() {
        yield* toyRows(23);
      },
    };
    const data = batches(rows, collateToy, { size: 4 });
    const run = runToy({ ...withRate(short), epochs: 2, checkpoint: files }, { data });
    await expect(run).rejects.toThrow("ends after step 5, the run takes more: from step 6 on the rate would be 0");
    const longer = withRate(sequence(short, linear(0.01, { steps: 5 })));
    const rest = await runToy({ ...longer, epochs: 2, checkpoint: files }, { data });
    expect(rest.events[0]).toMatchObject({ type: "step", step: 6 });
  });
});

test.each([
  [
    "steps",
    { steps: 4 },
    "the checkpoint holds 5 steps, up to batch 4 of epoch 1 (from 0), but the run is to take only 4 steps",
  ],
  ["epochs", { epochs: 1 }, "to take only 1 epochs"],
])("a checkpoint beyond the %s asked for is refused: its parameters would be others", async (_, fewer, message) => {
  const checkpoint = memory();
  await runToy({ steps: 5, checkpoint });
  await expect(runToy({ ...fewer, checkpoint })).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(message),
  });
});

describe("keeping", () => {
  test("the parameters of the last checkpoints stay, the optimiser of the last one", async () => {
    const files = memory();
    await runToy({ steps: 8, checkpoint: { files, every: 2, keep: 3 } });
    expect(await namesIn(files)).toEqual([
      "checkpoint.json",
      "optimiser-8.safetensors",
      "parameters-4.safetensors",
      "parameters-6.safetensors",
      "parameters-8.safetensors",
    ]);
  });

  test("what was kept is what the run had then", async () => {
    const files = memory();
    await runToy({ steps: 8, checkpoint: { files, every: 2, keep: 3 } });
    const loaded = await loadSafetensors(files, "parameters-4.safetensors");
    expect(bits(loaded)).toEqual((await runToy({ steps: 4 })).parameters);
    disposeParameters(loaded);
  });
});
