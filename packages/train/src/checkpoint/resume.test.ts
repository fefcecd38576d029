import { type Files, memory } from "@cambium/base";
import { disposeParameters, loadSafetensors, random } from "@cambium/core";
import { describe, expect, test } from "vitest";
import type { EvaluationOptions } from "../evaluation.ts";
import { adafactor } from "../optimisers/adafactor.ts";
import { adamW } from "../optimisers/adam.ts";
import { sgd } from "../optimisers/sgd.ts";
import { linear } from "../schedules.ts";
import { bits } from "../toy.fixture.ts";
import type { TrainOptions } from "../train-options.ts";
import { contents, makeToy, namesIn, options, runToy } from "./runs.fixture.ts";

describe("resumption is bit for bit", () => {
  test.each([
    ["AdamW", options.optimiser],
    ["SGD with momentum", sgd({ learningRate: 0.05, momentum: 0.9 })],
    ["SGD without any state", sgd({ learningRate: 0.05 })],
    ["Adafactor", adafactor()],
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

  test("a run stopped by its signal goes on to the same end", async () => {
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

  test("a finished run only ends again, and goes on when it is given more steps", async () => {
    const files = memory();
    const first = await runToy({ checkpoint: files, steps: 10 });
    const second = await runToy({ checkpoint: files, steps: 10 });
    expect(second.events.map(({ type }) => type)).toEqual(["end"]);
    expect(second.parameters).toEqual(first.parameters);
    expect((await runToy({ checkpoint: files })).parameters).toEqual((await runToy({})).parameters);
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

describe("another run's checkpoint is refused, with all that differs", () => {
  async function finished(): Promise<Files> {
    const files = memory();
    await runToy({ checkpoint: files, steps: 2 });
    return files;
  }

  test.each<[string, Partial<TrainOptions>, string]>([
    ["optimiser", { optimiser: sgd({ learningRate: 0.05 }) }, 'optimiser.kind: "adamW" in the checkpoint, "sgd" now'],
    ["schedule", { optimiser: adamW({ learningRate: 0.05 }) }, "optimiser.learningRate.step 1: 0.01"],
    ["accumulation", { accumulate: 3 }, "accumulate: 2 in the checkpoint, 3 now"],
    ["clipping", { clipNorm: 1 }, "clipNorm: 0.5 in the checkpoint, 1 now"],
    ["seed", { random: random(7) }, "random.seed: 6 in the checkpoint, 7 now"],
    ["several", { clipNorm: 1, accumulate: 3 }, "accumulate: 2 in the checkpoint, 3 now; clipNorm: 0.5"],
    [
      "weight decay of a group",
      {
        optimiser: adamW({
          learningRate: linear(0.05, { warmUp: 3, steps: 40 }),
          groups: [{ match: /out/, weightDecay: 0 }],
        }),
      },
      "optimiser.settings.out.weight.weightDecay: 0.01 in the checkpoint, 0 now",
    ],
  ])("%s", async (_, change, message) => {
    const checkpoint = await finished();
    await expect(runToy({ ...change, checkpoint })).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining(message),
    });
  });

  test("data of another size", async () => {
    await expect(runToy({ checkpoint: await finished() }, { rows: 24 })).rejects.toThrow(
      "data.rows: 23 in the checkpoint, 24 now",
    );
  });

  test("an objective with other names and shapes", async () => {
    const { parameters, loss } = makeToy();
    const others = new Map([
      ["hidden.weight", parameters.get("hidden.weight")!],
      ["hidden.bias", parameters.get("out.weight")!],
      ["extra", parameters.get("hidden.bias")!],
    ]);
    await expect(
      runToy({ checkpoint: await finished() }, { objective: { parameters: others, loss } }),
    ).rejects.toMatchObject({
      details: {
        places: expect.arrayContaining([
          'parameters.hidden.bias: "float32 [6]" in the checkpoint, "float32 [6, 1]" now',
          'parameters.out.weight: "float32 [6, 1]" in the checkpoint, absent now',
          'parameters.extra: absent in the checkpoint, "float32 [6]" now',
        ]),
      },
    });
  });
});
