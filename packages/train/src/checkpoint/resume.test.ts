import { type Files, memory } from "@cambium/base";
import { disposeParameters, loadSafetensors, random } from "@cambium/core";
import { describe, expect, test } from "vitest";
import type { EvaluationOptions } from "../evaluation.ts";
import { adafactor } from "../optimisers/adafactor.ts";
import { adamW } from "../optimisers/adam.ts";
import { sgd } from "../optimisers/sgd.ts";
import { bits } from "../toy.fixture.ts";
import { contents, namesIn, options, runToy } from "./runs.fixture.ts";

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
