import { type Files, memory as files } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { attach, head, lora, prompt, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { adamW, linear, type Metrics, train } from "@cambium/train";
import { add, dispose, matMul, memory, reshape, type Tensor, type Tensor2D, tidy, zeros } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { flops } from "../cost/flops.ts";
import { tinyData } from "../data.fixture.ts";
import { partial } from "../partial/partial-model.ts";
import { growWhenFlat } from "./growth-rule.ts";
import {
  type FastPromptTuningEnd,
  type FastPromptTuningEvent,
  type FastPromptTuningOptions,
  runFastPromptTuning,
} from "./run.ts";
import type { CoordinateObjective } from "./stage-model.ts";

type Options = Partial<FastPromptTuningOptions>;
const stages = [{ steps: 3, depth: 0.5, width: 0.5 }, { steps: 3, width: 0.5 }, { steps: 4 }];

function setUp(): { base: LanguageModel; tuned: Tuned<LanguageModel>; free: () => void } {
  const base = tinyModel({ type: "bert", dropout: 0.1 }) as LanguageModel;
  const tuned = attach(base, prompt(base, { length: 2 }, random(1)), head(base));
  return {
    base,
    tuned,
    free: () => {
      disposeParameters(tuned.parameters);
      disposeParameters(base.parameters);
    },
  };
}

async function run(tuned: Tuned<LanguageModel>, options: Options = {}, stopAfter = Number.POSITIVE_INFINITY) {
  const events: FastPromptTuningEvent[] = [];
  const all = { stages, steps: 10, optimiser: adamW({ learningRate: 0.01 }), random: random(7), ...options };
  for await (const event of runFastPromptTuning(tuned, tinyData(tuned as never, 4), all as never)) {
    events.push(event);
    if (event.type === "step" && event.step === stopAfter) break;
  }
  const end = events.at(-1) as FastPromptTuningEnd;
  const values = end.type === "end" ? [...end.parameters.values()].map((tensor) => [...tensor.dataSync()]) : [];
  if (end.type === "end") disposeParameters(end.parameters);
  return { events, end, values };
}

const losses = (events: readonly FastPromptTuningEvent[]) =>
  events.flatMap((event) => (event.type === "step" ? [[event.step, event.stage, event.loss]] : []));

test("stages are runs on parts, one after the other, with the optimiser's memory and the order of the data", async () => {
  const { base, tuned, free } = setUp();
  const { events, values, end } = await run(tuned);
  expect(
    events.flatMap((event) =>
      event.type === "grow" ? [[event.stage, event.from, event.to, event.depth, event.width]] : [],
    ),
  ).toEqual([
    [1, 0, 3, 0.5, 0.5],
    [2, 3, 6, 1, 0.5],
    [3, 6, 10, 1, 1],
  ]);
  expect(losses(events).map(([step, stage]) => [step, stage])).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((step) => [step, step <= 3 ? 1 : step <= 6 ? 2 : 3]),
  );
  // By hand.
  const parts = [partial(tuned, { depth: 0.5, width: 0.5 }), partial(tuned, { width: 0.5 }), tuned];
  let start: object | undefined;
  let last: readonly (readonly number[])[] = [];
  for (const [i, part] of parts.entries()) {
    const options = {
      optimiser: adamW({ learningRate: 0.01 }),
      random: random(7),
      steps: [3, 6, 10][i]!,
      keepOptimiser: true,
      ...(start !== undefined && { start }),
    };
    for await (const event of train(part as Tuned<LanguageModel>, tinyData(base, 4), options)) {
      if (event.type !== "end") continue;
      last = [...event.parameters.values()].map((tensor) => [...tensor.dataSync()]);
      if (start !== undefined) for (const tree of Object.values(start as object)) freeTree(tree);
      const { parameters, optimiser, step, position } = event;
      start = { parameters, optimiser, step, position };
    }
  }
  for (const tree of Object.values(start as object)) freeTree(tree);
  expect(values).toEqual(last);
  expect(end.reason).toBe("finished");
  for (const part of parts.slice(0, 2)) (part.base as unknown as { dispose(): void }).dispose();
  free();
});

function freeTree(tree: unknown): void {
  if (tree instanceof Map) disposeParameters(tree);
  const { tensors } = tree as { tensors?: Map<string, never> };
  if (tensors !== undefined) disposeParameters(tensors);
}

test("what is spent is the sum of the stages' steps, and the clock runs on", async () => {
  const { tuned, free } = setUp();
  const { events, end } = await run(tuned);
  const parts = [partial(tuned, { depth: 0.5, width: 0.5 }), partial(tuned, { width: 0.5 }), tuned];
  const [a, b, c] = parts.map((part) => flops(part as never, { rows: 3, length: 6 }).step) as [number, number, number];
  expect(end.flops).toBe(3 * a + 3 * b + 4 * c);
  expect(end.wholeFlops).toBe(10 * c);
  const clock = events.map((event) => event.elapsedMs);
  expect(clock).toEqual([...clock].sort((x, y) => x - y));
  for (const part of parts.slice(0, 2)) (part.base as unknown as { dispose(): void }).dispose();
  free();
});

test.each([1, 4, 5, 8])(
  "a run that is killed after step %i resumes in the middle of its stage, bit for bit",
  async (killed) => {
    const { tuned, free } = setUp();
    const whole = await run(tuned);
    const checkpoint = { files: files(), every: 2 };
    const before = await run(tuned, { checkpoint }, killed);
    const tensors = memory().numTensors;
    const after = await run(tuned, { checkpoint });
    expect(memory().numTensors).toBe(tensors);
    expect(after.values).toEqual(whole.values);
    const from = (losses(after.events)[0]![0] as number) - 1;
    expect(from).toBeLessThanOrEqual(killed);
    expect([...losses(before.events).slice(0, from), ...losses(after.events)]).toEqual(losses(whole.events));
    expect([after.end.flops, after.end.wholeFlops]).toEqual([whole.end.flops, whole.end.wholeFlops]);
    const again = await run(tuned, { checkpoint });
    expect(again.values).toEqual(whole.values);
    expect([again.end.flops, losses(again.events)]).toEqual([whole.end.flops, []]);
    free();
  },
);

test("the checkpoint of other stages is refused", async () => {
  const { tuned, free } = setUp();
  const checkpoint = { files: files() as Files, every: 2 };
  await run(tuned, { checkpoint }, 4);
  await expect(run(tuned, { checkpoint, stages: "paper" })).rejects.toThrow(/is of the plan/);
  await expect(run(tuned, { checkpoint, neurons: scores(tuned, 1) })).rejects.toThrow(/another run/);
  free();
});

const scores = (tuned: Tuned<LanguageModel>, sign: number) => ({
  method: "mean" as const,
  layers: Object.fromEntries(
    tuned
      .sites()
      .filter(({ role }) => role === "ff.act")
      .map(({ path, width }) => [path, Array.from({ length: width }, (_, i) => sign * i)]),
  ),
});

test("a rule grows the model early, the last stage takes the steps that are left, and a killed run decides the same", async () => {
  const { tuned, free } = setUp();
  const measured: (readonly [number, number])[] = [];
  const evaluate = {
    every: 1,
    best: { metric: "loss", direction: "lowest" as const },
    run: async (_: unknown, { stage }: { stage: { number: number } }): Promise<Metrics> => {
      measured.push([stage.number, measured.length]);
      return { loss: 1 };
    },
  };
  const grow = Object.assign((history: readonly { step: number }[]): boolean => history.length >= 2, {
    about: { rule: "twice" },
  });
  const early = await run(tuned, { evaluate, grow } as never);
  expect(early.events.flatMap((event) => (event.type === "grow" ? [event.step] : []))).toEqual([0, 2, 4]);
  expect(early.end.step).toBe(10);
  const checkpoint = { files: files(), every: 3 };
  await run(tuned, { evaluate, grow, checkpoint } as never, 3);
  const resumed = await run(tuned, { evaluate, grow, checkpoint } as never);
  expect(resumed.values).toEqual(early.values);
  free();
});

test("the checkpoint of a run with another rule of growth is refused, and a rule that does not say what it is has none", async () => {
  const { tuned, free } = setUp();
  const checkpoint = { files: files(), every: 2 };
  const evaluate = { every: 1, run: async () => ({ loss: 1 }) };
  const growing = { evaluate, checkpoint, grow: growWhenFlat({ patience: 3 }) } as Options;
  await run(tuned, growing, 2);
  for (const other of [
    { grow: growWhenFlat({ patience: 2 }) },
    { grow: growWhenFlat({ patience: 3, factor: 0.1 }) },
    { evaluate: { ...evaluate, every: 2 } },
  ])
    await expect(run(tuned, { ...growing, ...other } as Options)).rejects.toThrow(/is of the plan/);
  await expect(run(tuned, { evaluate, checkpoint } as Options)).rejects.toThrow(/is of the plan/);
  await expect(run(tuned, { ...growing, grow: () => false })).rejects.toThrow(/say what grow is/);
  expect((await run(tuned, growing)).end.step).toBe(10);
  free();
});

test("a crash before any write leaves what was spent as it was, and the same end", async () => {
  const { tuned, free } = setUp();
  const evaluate = { every: 1, run: async () => ({ loss: 1 }) };
  const about = { rule: "after two" };
  const grow = Object.assign((history: readonly unknown[]) => history.length >= 2, { about });
  const few = { stages: [{ steps: 3, depth: 0.5 }, { steps: 2 }], steps: 5, evaluate, grow } as Options;
  const whole = await run(tuned, few);
  for (let crash = 0, isOver = false; !isOver; crash++) {
    const kept = files();
    let writes = 0;
    const dying: Files = {
      ...kept,
      write: async (name, content) => {
        if (writes++ === crash) throw new Error("crash");
        await kept.write(name, content);
      },
    };
    const died = await run(tuned, { ...few, checkpoint: { files: dying, every: 1 } }).catch(() => undefined);
    isOver = died !== undefined;
    const { end, values } = await run(tuned, { ...few, checkpoint: { files: kept, every: 1 } });
    expect([crash, end.flops, end.wholeFlops]).toEqual([crash, whole.end.flops, whole.end.wholeFlops]);
    expect(values).toEqual(whole.values);
  }
  free();
});

test("patience ends a part early and goes to the next stage, and the best is chosen among those of the whole model", async () => {
  const { tuned, free } = setUp();
  const evaluate = {
    every: 1,
    patience: 2,
    best: { metric: "score", direction: "highest" as const },
    run: async (_: unknown, { stage }: { stage: { number: number } }): Promise<Metrics> => ({
      score: 10 - stage.number,
    }),
  };
  const { events, end } = await run(tuned, { evaluate } as never);
  expect(events.flatMap((event) => (event.type === "grow" ? [event.step] : []))).toEqual([0, 3, 6]);
  expect(end).toMatchObject({ reason: "early-stopped", best: { step: 7, value: 7 } });
  free();
});

test("a stage's own rates begin again, the run's go on, and memory can be dropped", async () => {
  const { tuned, free } = setUp();
  const rate = Object.assign((step: number) => 0.01 / step, {});
  const rates = (events: readonly FastPromptTuningEvent[]) =>
    events.flatMap((event) => (event.type === "step" ? [event.learningRate] : []));
  const optimiser = adamW({ learningRate: rate });
  const through = await run(tuned, { optimiser });
  expect(rates(through.events)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((i) => 0.01 / i));
  const apart = await run(tuned, { optimiser, rates: "stage" });
  expect(rates(apart.events)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 4].map((i) => 0.01 / i));
  const forgetful = await run(tuned, { optimiser, keepMemory: false });
  expect(losses(forgetful.events).slice(0, 4)).toEqual(losses(through.events).slice(0, 4));
  expect(forgetful.values).not.toEqual(through.values);
  free();
});

test("rates of a stage last where early ends make the last stage the longest", async () => {
  const { tuned, free } = setUp();
  const { end, events } = await run(tuned, {
    rates: "stage",
    optimiser: adamW({ learningRate: linear(0.1, { steps: 8 }) }),
    evaluate: { every: 1, run: async () => ({ loss: 1 }) },
    grow: (): boolean => true,
  });
  expect(end).toMatchObject({ reason: "finished", step: 10 });
  expect(events.flatMap((event) => (event.type === "grow" ? [event.step] : []))).toEqual([0, 1, 2]);
  free();
});

test("measures that are not finite are no improvement, and a run that was killed after them resumes", async () => {
  const { tuned, free } = setUp();
  const checkpoint = { files: files(), every: 1 };
  const losses = [Number.NaN, Number.POSITIVE_INFINITY, 1, Number.NaN];
  const best = { metric: "loss", direction: "lowest" as const };
  let measured = 0;
  const evaluate = { every: 1, patience: 2, best, run: async () => ({ loss: losses[measured++] ?? 1 }) };
  const five = { stages: [{ steps: 4, depth: 0.5 }, { steps: 2 }], steps: 6, evaluate } as Options;
  await run(tuned, { ...five, checkpoint }, 2);
  const kept = JSON.parse(new TextDecoder().decode(await checkpoint.files.read("stages.json")));
  expect(kept.history).toMatchObject([{ metrics: { loss: "NaN" } }]);
  const { events } = await run(tuned, { ...five, checkpoint });
  expect(events.flatMap((event) => (event.type === "grow" ? [event.step] : []))).toEqual([0, 2]);
  free();
});

test("neurons that were scored on another model are refused", async () => {
  const { tuned, free } = setUp();
  const neurons = { ...scores(tuned, 1), model: "of another one" };
  await expect(run(tuned, { neurons })).rejects.toThrow(/the neurons were scored on another model/);
  free();
});

test.each<[string, Options, RegExp]>([
  [
    "layers that there are not",
    { stages: [{ share: 0.5 }, { share: 0.5, depth: 3 }] },
    /depth asks for 3, and there are 2/,
  ],
  ["neurons that there are not", { stages: [{ share: 0.5 }, { share: 0.5, width: 999 }] }, /width asks for 999/],
  [
    "no number of layers",
    { stages: [{ share: 0.5 }, { share: 0.5, depth: 1.5 }] },
    /depth.*a share up to 1, or a whole/,
  ],
  ["no scores", { neurons: { method: "mean", layers: {} } }, /neurons has no scores for/],
  ["no layers to draw by", { strategy: "score" }, /needs a finite score for each/],
])("a stage with %s is refused before the first step", async (_, options, message) => {
  const { tuned, free } = setUp();
  const seen: unknown[] = [];
  await expect(run(tuned, { ...options, onGrow: ({ stage }) => void seen.push(stage) } as Options)).rejects.toThrow(
    message,
  );
  expect(seen).toEqual([]);
  free();
});

test("a delta that sits on what a later stage leaves out is refused before the first step", async () => {
  const { base, free } = setUp();
  const tuned = attach(base, lora(base, { rank: 2, layers: [1] }, random(1)));
  const first = { stages: [{ share: 0.5 }, { share: 0.5, depth: 0.5 }], flops: () => 1 };
  const seen: unknown[] = [];
  await expect(run(tuned, { ...first, onGrow: ({ stage }) => void seen.push(stage) } as Options)).rejects.toThrow(
    /a delta does not fit this part of the model: .*1.attention.self.query/,
  );
  expect(seen).toEqual([]);
  disposeParameters(tuned.parameters);
  free();
});

test("all layers by their number are the whole model", async () => {
  const { tuned, free } = setUp();
  const { events } = await run(tuned, {
    stages: [
      { share: 0.5, depth: 0.5 },
      { share: 0.5, depth: 2 },
    ],
  });
  expect(events.filter(({ type }) => type === "warning")).toEqual([]);
  free();
});

test("a callback sees the model of each stage; a run that never sees the whole model says so", async () => {
  const { tuned, free } = setUp();
  const seen: string[] = [];
  const onGrow = ({ stage, tuned: model }: { stage: { number: number }; tuned: Tuned<LanguageModel> }) =>
    void seen.push(`${stage.number}: ${model.sites().filter(({ kind }) => kind === "block").length}`);
  const { events } = await run(tuned, { onGrow, stages: [{ share: 1, depth: 0.6 }, { share: 0 }] } as never);
  expect(seen).toEqual(["1: 1"]);
  expect(events[0]).toMatchObject({ type: "warning", message: expect.stringContaining("never sees the whole model") });
  expect(events[1]).toMatchObject({ type: "grow", depth: 0.6, layers: [1, 2], neurons: [12, 12] });
  const { events: whole } = await run(tuned, { steps: 2, stages: [{ share: 0.5, width: 0.5 }, { share: 0.5 }] });
  expect(whole.flatMap((event) => (event.type === "grow" ? [[event.layers, event.neurons]] : []))).toEqual([
    [
      [2, 2],
      [12, 24],
    ],
    [
      [2, 2],
      [24, 24],
    ],
  ]);
  free();
});

test.each<[Options, RegExp]>([
  [{ stage: "paper" } as never, /"stage".*"stages"/],
  [{ rates: "both" as never }, /rates must be/],
  [{ grow: () => true }, /give evaluate/],
  [{ steps: 0 }, /steps must be/],
  [{ optimiser: adamW({ learningRate: linear(0.1, { steps: 9 }) }) }, /ends after step 9, and the run takes 10/],
  [
    { optimiser: adamW({ learningRate: linear(0.1, { steps: 3 }) }), rates: "stage" as const },
    /ends after step 3, and the longest stage takes 4/,
  ],
  [{ checkpoint: { files: files(), evry: 2 } as never }, /"evry".*"every"/],
  [{ evaluate: { every: 1, run: async () => ({}), patiance: 2 } as never }, /"patiance"/],
  [{ evaluate: { every: 1 } as never }, /must be a function/],
  [{ evaluate: { every: 1, run: async () => ({}), patience: 2 } as never }, /patience needs evaluate.best/],
  [
    { evaluate: { every: 1, run: async () => ({ loss: 1 }), best: { metric: "los", direction: "lowest" } } as never },
    /names the metric "los", but evaluate.run returned loss; is "loss" meant/,
  ],
  [
    { stages: "paper-depth" as const, neurons: { method: "mean" as const, layers: {} } },
    /no stage leaves out neurons, so "neurons" would do nothing/,
  ],
  [{ stages: "paper-width" as const, strategy: "nested" as const }, /no stage leaves out layers, so "strategy"/],
  [{ stages: [{ share: 1 }], multiple: 8 }, /no stage leaves out layers or neurons, so "multiple"/],
  [{ stages: [{ share: 1 }], decoder: "whole" as const }, /no stage leaves out layers or neurons, so "decoder"/],
  [{ flops: () => 0 }, /flops must give a number above 0, got 0/],
  [
    {
      rates: "stage" as const,
      optimiser: adamW({ learningRate: linear(0.1, { steps: 4 }) }),
      evaluate: { every: 1, run: async () => ({ loss: 1 }) },
      grow: (): boolean => true,
    },
    /the last stage, which takes the steps that early ends leave over, may take 8/,
  ],
])("%j is refused", async (options, message) => {
  const { tuned, free } = setUp();
  await expect(run(tuned, options)).rejects.toThrow(message);
  free();
});

test("a signal stops the run, which resumes", async () => {
  const { tuned, free } = setUp();
  const stop = new AbortController();
  const checkpoint = { files: files(), every: 100 };
  const onStep = {
    every: 1,
    run: async () => {
      stop.abort();
      return { loss: 1 };
    },
  };
  const stopped = await run(tuned, { signal: stop.signal, checkpoint, evaluate: onStep } as never);
  expect(stopped.end).toMatchObject({ reason: "stopped", step: 1 });
  const whole = await run(tuned);
  const rest = await run(tuned, { checkpoint });
  expect(rest.values).toEqual(whole.values);
  expect(rest.end.flops).toBe(whole.end.flops);
  free();
});

/** A prompt along two directions, and a head in full: what a projection of another package gives. */
function alongTwo(tuned: Tuned<LanguageModel>): CoordinateObjective {
  const name = "prompt/prompt_embeddings";
  const origin = tuned.parameters;
  const { shape } = origin.get(name)!;
  const directions = random(5).normal([...shape, 2]);
  const z = zeros([2, 1]);
  const decode = (parameters: Parameters): Parameters =>
    new Map(
      [...origin].map(([own, tensor]) => [
        own,
        own === name
          ? tidy(() =>
              add(tensor, reshape(matMul(reshape(directions, [-1, 2]), parameters.get("z") as Tensor2D), shape)),
            )
          : parameters.get(own)!.clone(),
      ]),
    );
  return {
    parameters: new Map([...origin, ["z", z]].filter(([own]) => own !== name) as [string, Tensor][]),
    loss: (parameters, batch, context) => tidy(() => tuned.loss(decode(parameters), batch, context)),
    describe: async () => ({ two: await tuned.describe!() }),
    decode,
    dispose: () => dispose([directions, z]),
  };
}

test("a first stage in two coordinates moves the prompt along them alone; later ones start there, and a killed run resumes", async () => {
  const { tuned, free } = setUp();
  const seen: number[][] = [];
  const coordinates = (model: Tuned<LanguageModel>, { number }: { number: number }) =>
    number === 1 ? alongTwo(model) : undefined;
  const onGrow = () => undefined;
  const evaluate = {
    every: 3,
    run: async (at: Parameters) => {
      seen.push([...at.get("prompt/prompt_embeddings")!.dataSync()]);
      return { loss: 1 };
    },
  };
  const few = { coordinates, evaluate, onGrow } as never as Options;
  const tensors = memory().numTensors;
  const whole = await run(tuned, few);
  expect(memory().numTensors).toBe(tensors);
  const start = [...tuned.parameters.get("prompt/prompt_embeddings")!.dataSync()];
  const moved = (after: readonly number[]) => after.map((value, i) => value - start[i]!);
  const directions = random(5).normal([start.length, 2]);
  const pairs = directions.arraySync() as [number, number][];
  directions.dispose();
  // Solved for the two numbers by the first two places; the others must follow.
  const offset = moved(seen[0]!);
  const [[a, b], [c, d]] = pairs as [[number, number], [number, number]];
  const det = a * d - b * c;
  const z = [(offset[0]! * d - offset[1]! * b) / det, (a * offset[1]! - c * offset[0]!) / det] as const;
  expect(Math.hypot(...z)).toBeGreaterThan(1e-3);
  expect(offset).toBeAllClose(
    pairs.map(([first, second]) => first * z[0] + second * z[1]),
    { absolute: 1e-6 },
  );
  expect(moved(seen[1]!)).not.toBeAllClose(offset, { absolute: 1e-4 });
  const checkpoint = { files: files(), every: 2 };
  for (const killed of [2, 4]) await run(tuned, { ...few, checkpoint } as Options, killed);
  expect((await run(tuned, { ...few, checkpoint } as Options)).values).toEqual(whole.values);
  free();
});

test("a stage may read shorter rows, which cost less", async () => {
  const { tuned, free } = setUp();
  const whole = await run(tuned, { stages: [{ share: 0.5 }, { share: 0.5 }] });
  const short = await run(tuned, { stages: [{ share: 0.5, length: 4 }, { share: 0.5 }] });
  const step = (length: number): number => flops(tuned as never, { rows: 3, length }).step;
  expect([whole.end.flops, short.end.flops]).toEqual([10 * step(6), 5 * step(4) + 5 * step(6)]);
  free();
});
