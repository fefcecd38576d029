/** Objectives with tensors that change without a gradient, and runs that start where another one ended. */
import { memory } from "@cambium/base";
import { disposeParameters, type Objective, type Parameters } from "@cambium/core";
import {
  abs,
  add,
  mean,
  mul,
  reshape,
  type Scalar,
  sub,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import { describe, expect, onTestFinished, test } from "vitest";
import { contents, makeToy, namesIn, runToy } from "./checkpoint/runs.fixture.ts";
import type { EvaluationOptions } from "./evaluation.ts";
import type { EndEvent } from "./events.ts";
import { adamW } from "./optimisers/adam.ts";
import { sgd } from "./optimisers/sgd.ts";
import { constant } from "./schedules.ts";
import { disposeTrees } from "./tensors.ts";
import { bits, type ToyBatch, toyData } from "./toy.fixture.ts";
import { train } from "./train.ts";
import type { TrainOptions } from "./train-options.ts";

/**
 * The toy with an importance of its hidden units, a mean of |w · g| that fades, a counter in whole numbers, and a mask that
 * takes away what is unimportant; its loss draws noise, and reads the state and a scalar.
 */
function stateful(): Objective<ToyBatch> {
  const toy = makeToy({ rate: 0.3 });
  const state: Parameters = new Map<string, Tensor>([
    ["importance", zeros([6, 1])],
    ["count", tensor([0], [1], "int32")],
  ]);
  onTestFinished(() => disposeParameters(state));
  return {
    ...toy,
    state,
    scalars: (step) => ({ keep: 1 - 1 / (step + 1), noise: 0.1 / step }),
    loss: (at, batch, context) =>
      tidy(() => {
        const loss = toy.loss(at, batch, context);
        if (!context.training) return loss;
        const noise = mul(context.random.at("noise").normal([6, 1]), context.scalars!["noise"]!);
        const weights = mul(add(at.get("out.weight")!, noise), context.state!.get("importance")!);
        return add(loss, reshape(mean(abs(weights)), [])) as Scalar;
      }),
    afterStep({ state: before, parameters, gradients, scalars }) {
      const weight = parameters.get("out.weight")!;
      const now = abs(mul(weight, gradients.get("out.weight")!));
      const keep = scalars["keep"]!;
      const importance = add(mul(before.get("importance")!, keep), mul(now, sub(1, keep)));
      return {
        state: new Map([
          ["count", add(before.get("count")!, tensor([1], [1], "int32"))],
          ["importance", importance],
        ]),
        parameters: new Map([["out.weight", mul(weight, sub(1, mul(importance, 0.01)))]]),
      };
    },
  };
}

const size: EvaluationOptions = {
  every: 2,
  best: { metric: "size", direction: "highest" },
  run: (parameters, state) => ({
    size: Math.hypot(...parameters.get("out.weight")!.dataSync()) - 0.001 * state.get("count")!.dataSync()[0]!,
  }),
};

describe("a state", () => {
  test("moves from step to step, and the end carries it", async () => {
    const objective = stateful();
    const { state, end } = await runToy({ steps: 4 }, { objective });
    expect(state["count"]).toEqual([4]);
    expect(state["importance"]!.every((value) => value > 0)).toBe(true);
    expect(Object.keys(state)).toEqual(["importance", "count"]);
    expect([...end.parameters.keys()]).toEqual([...objective.parameters.keys()]);
    expect(bits(objective.state!)["count"]).toEqual([0]);
  });

  test.each([
    ["without an evaluation", {}],
    ["with a best point", { evaluate: size }],
  ])("is in the checkpoint, %s: 20 steps are 7 steps and 13 more, bit for bit", async (_, more) => {
    const [straight, resumed] = [memory(), memory()];
    const whole = await runToy({ ...more, checkpoint: straight }, { objective: stateful() });
    await runToy({ ...more, checkpoint: resumed }, { objective: stateful(), stopAt: 7 });
    const rest = await runToy({ ...more, checkpoint: resumed }, { objective: stateful() });
    expect(rest.events[0]).toMatchObject({ type: "step", step: 8 });
    expect([rest.parameters, rest.state]).toEqual([whole.parameters, whole.state]);
    expect(await contents(resumed)).toEqual(await contents(straight));
    expect(await namesIn(straight)).toContain("state-20.safetensors");
  });

  test("of the best point belongs to it", async () => {
    const files = memory();
    const { end, state } = await runToy({ evaluate: size, checkpoint: files }, { objective: stateful() });
    const { step } = end.best!;
    expect(state["count"]).toEqual([step]);
    expect(await namesIn(files)).toEqual(
      expect.arrayContaining([`best-${step}.safetensors`, `best-state-${step}.safetensors`]),
    );
  });

  test("is kept with the points that are kept", async () => {
    const files = memory();
    await runToy({ steps: 6, checkpoint: { files, every: 2, keep: 2 } }, { objective: stateful() });
    expect(await namesIn(files)).toEqual([
      "checkpoint.json",
      "optimiser-6.safetensors",
      "parameters-4.safetensors",
      "parameters-6.safetensors",
      "state-4.safetensors",
      "state-6.safetensors",
    ]);
  });

  test("without afterStep stays as it is", async () => {
    const { afterStep: _, ...objective } = stateful();
    expect((await runToy({ steps: 3 }, { objective })).state["count"]).toEqual([0]);
  });

  test("that an afterStep passes through, parameters included, stays as it is", async () => {
    const toy = stateful();
    const objective: Objective<ToyBatch> = {
      ...toy,
      afterStep: ({ state, parameters }) => ({ state, parameters }),
    };
    const { afterStep: _, ...without } = toy;
    const passing = await runToy({ steps: 3 }, { objective });
    const plain = await runToy({ steps: 3 }, { objective: without });
    expect([passing.parameters, passing.state]).toEqual([plain.parameters, plain.state]);
  });

  test.each<[string, Partial<Objective<ToyBatch>>, string]>([
    [
      "a state of other names",
      { afterStep: () => ({ state: new Map() }) },
      'train: objective.afterStep: the second tree lacks "importance"',
    ],
    [
      "parameters of another shape",
      { afterStep: ({ state }) => ({ state, parameters: new Map([["hidden.bias", zeros([2])]]) }) },
      'objective.afterStep returned [2] for "hidden.bias", whose shape is [6]',
    ],
    [
      "what is no parameter",
      { afterStep: ({ state }) => ({ state, parameters: new Map([["other", zeros([2])]]) }) },
      'objective.afterStep returned [2] for "other", which is no parameter',
    ],
    ["a scalar that is not finite", { scalars: () => ({ keep: Number.NaN }) }, 'gives NaN for "keep" at step 1 of 20'],
  ])("%s is refused", async (_, change, message) => {
    await expect(runToy({}, { objective: { ...stateful(), ...change } })).rejects.toThrow(message);
  });
});

describe("a start", () => {
  /** Ends whose tensors live until the test has finished. */
  async function runTo(more: Partial<TrainOptions>, objective = stateful()): Promise<EndEvent> {
    const length = more.steps === undefined ? { epochs: 1 } : {};
    const options: TrainOptions = { optimiser: adamW({ learningRate: constant(0.05) }), ...length, ...more };
    for await (const event of train(objective, toyData(23, { size: 4 }), options)) {
      if (event.type !== "end") continue;
      onTestFinished(() => disposeTrees(event));
      return event;
    }
    throw new Error("no end");
  }

  test("at the end of another run resumes it", async () => {
    const plain = (): Objective<ToyBatch> => makeToy(); // no dropout: its keys count the steps of a run
    const whole = await runTo({ epochs: 2 }, plain());
    const { parameters, optimiser } = await runTo({ keepOptimiser: true }, plain());
    expect(optimiser!.step).toBe(6);
    const rest = await runTo({ start: { parameters, optimiser: optimiser! }, keepOptimiser: true }, plain());
    expect(bits(rest.parameters)).toEqual(bits(whole.parameters));
    expect([rest.step, rest.optimiser!.step]).toEqual([6, 12]);
  });

  test("at the end of another, with its steps and its place in the data, resumes it in the middle of an epoch, dropout and rates included", async () => {
    const whole = await runTo({ epochs: 2 });
    const half = await runTo({ steps: 4, keepOptimiser: true });
    const { parameters, state, optimiser, step, position } = half;
    expect({ step, position }).toEqual({ step: 4, position: { epoch: 0, batch: 4 } });
    const rest = await runTo({
      epochs: 2,
      start: { parameters, state: state!, optimiser: optimiser!, step, position: position! },
    });
    expect(bits(rest.parameters)).toEqual(bits(whole.parameters));
    expect(rest.step).toBe(12);
  });

  test("counts steps and rates from 1, and the optimiser's updates from where they were", async () => {
    const { parameters, state, optimiser } = await runTo({ keepOptimiser: true });
    const start = { parameters, state: state!, optimiser: optimiser! };
    const rates: number[] = [];
    const learningRate = (step: number): number => 0.1 / step;
    for await (const event of train(stateful(), toyData(23, { size: 4 }), {
      optimiser: adamW({ learningRate }),
      steps: 2,
      start,
    })) {
      if (event.type === "step") rates.push(event.learningRate);
      if (event.type !== "end") continue;
      expect(bits(event.state!)["count"]).toEqual([8]);
      disposeTrees(event);
    }
    expect(rates).toEqual([0.1, 0.05]);
  });

  test("survives a stop: its checkpoint resumes to the same bits", async () => {
    const { parameters, state, optimiser } = await runTo({ keepOptimiser: true });
    const start = { parameters, state: state!, optimiser: optimiser! };
    const checkpoint = memory();
    await runTo({ start, checkpoint });
    const rest = await runTo({ start, checkpoint, epochs: 2, keepOptimiser: true });
    const whole = await runTo({ start, epochs: 2 });
    expect(bits(rest.parameters)).toEqual(bits(whole.parameters));
    expect(bits(rest.state!)).toEqual(bits(whole.state!));
    expect(rest.optimiser!.step).toBe(18);
  });

  test("the optimiser's state is only handed out where it is asked for", async () => {
    expect(await runTo({})).not.toHaveProperty("optimiser");
    const toy = await runTo({}, makeToy());
    expect(toy).not.toHaveProperty("state");
  });

  test.each<[string, (end: EndEvent) => NonNullable<TrainOptions["start"]>, string]>([
    [
      "parameters of other names",
      () => ({ parameters: new Map() }),
      'start.parameters: the second tree lacks "hidden.weight"',
    ],
    ["a state of other names", () => ({ state: new Map() }), 'start.state: the second tree lacks "importance"'],
    [
      "an optimiser of other slots",
      () => ({ optimiser: { step: 1, tensors: new Map() } }),
      "start.optimiser: the second tree lacks",
    ],
  ])("%s are refused", async (_, startOf, message) => {
    const end = await runTo({});
    await expect(runTo({ start: startOf(end) })).rejects.toMatchObject({
      code: "SHAPE",
      message: expect.stringContaining(message),
    });
  });

  test("another optimiser's state is refused", async () => {
    const { optimiser } = await runTo({ keepOptimiser: true });
    const other = { optimiser: sgd({ learningRate: 0.1 }), start: { optimiser: optimiser! } };
    await expect(runTo(other)).rejects.toThrow('start.optimiser: the first tree lacks "firstMoment/hidden.weight"');
  });

  test("an unknown key is refused", async () => {
    const end = await runTo({}, makeToy());
    await expect(runTo({ start: end as never })).rejects.toMatchObject({ code: "CONFIG" });
  });
});
