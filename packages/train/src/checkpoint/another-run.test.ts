/** The checkpoint of another run is refused, whatever makes it another one. */
import { type Files, memory } from "@cambium/base";
import { disposeParameters, fingerprint, type Objective, random } from "@cambium/core";
import { mul, reshape, type Scalar, square, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Batches, batches, type Collate } from "../data/batches.ts";
import { adafactor } from "../optimisers/adafactor.ts";
import { type AdamWOptions, adamW } from "../optimisers/adam.ts";
import { chain } from "../optimisers/chain.ts";
import { sgd } from "../optimisers/sgd.ts";
import { perParameter } from "../optimisers/transform.ts";
import { clipByGlobalNorm, scaleByLearningRate } from "../optimisers/transforms.ts";
import { linear, type Schedule } from "../schedules.ts";
import { collateToy, type Row, type ToyBatch, toyData, toyRows } from "../toy.fixture.ts";
import type { TrainOptions } from "../train-options.ts";
import { dataOptions, makeToy, options, type RunSetup, runToy } from "./runs.fixture.ts";

const finished = async (more: Partial<TrainOptions> = {}, setup: RunSetup = {}): Promise<Files> => {
  const files = memory();
  await runToy({ steps: 2, ...more, checkpoint: files }, setup);
  return files;
};

/** Refused with a message, and without a step. */
async function expectRefused(message: string, more: Partial<TrainOptions>, setup: RunSetup = {}): Promise<void> {
  await expect(runToy(more, setup)).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(message),
    details: { places: expect.arrayContaining([expect.stringContaining(message)]) },
  });
}

const learningRate = linear(0.05, { warmUp: 3, steps: 40 });
const optimiserWith = (more: Partial<AdamWOptions>): Partial<TrainOptions> => ({
  optimiser: adamW({ learningRate, ...more }),
});

const evaluate = {
  every: 1,
  best: { metric: "size", direction: "lowest" },
  patience: 3,
  run: () => ({ size: 1, other: 1 }),
} as const;

describe("options", () => {
  /** Every option of train: whether checkpoints compare it, or it changes no result and says so. */
  const covered: Record<keyof TrainOptions, "compared" | "changes nothing"> = {
    optimiser: "compared",
    epochs: "changes nothing",
    steps: "changes nothing",
    accumulate: "compared",
    clipNorm: "compared",
    random: "compared",
    evaluate: "compared",
    checkpoint: "changes nothing",
    start: "compared",
    keepOptimiser: "changes nothing",
    signal: "changes nothing",
  };
  const of = (kind: string): string[] =>
    Object.keys(covered).filter((name) => covered[name as keyof TrainOptions] === kind);

  const compared: [title: string, change: Partial<TrainOptions>, message: string, before?: Partial<TrainOptions>][] = [
    ["optimiser", { optimiser: sgd({ learningRate }) }, 'optimiser.kind: "adamW" in the checkpoint, "sgd" now'],
    ["optimiser's beta1", optimiserWith({ beta1: 0.8 }), "optimiser.beta1: 0.9 in the checkpoint, 0.8 now"],
    ["optimiser's beta2", optimiserWith({ beta2: 0.9 }), "optimiser.beta2: 0.999"],
    [
      "optimiser's epsilon",
      optimiserWith({ epsilon: 1e-6 }),
      "optimiser.epsilon: 1e-8 in the checkpoint, 0.000001 now",
    ],
    ["optimiser's correction", optimiserWith({ biasCorrection: false }), "optimiser.biasCorrection: true"],
    ["optimiser's decay", optimiserWith({ weightDecay: 0.1 }), "optimiser.settings.out.weight.weightDecay: 0.01"],
    [
      "optimiser's group of another decay",
      optimiserWith({ groups: [{ match: /out/, weightDecay: 0 }] }),
      "optimiser.settings.out.weight.weightDecay: 0.01 in the checkpoint, 0 now",
    ],
    [
      "optimiser's group of another rate",
      optimiserWith({ groups: [{ match: (name) => name === "hidden.bias", learningRateFactor: 2 }] }),
      "optimiser.settings.hidden.bias.learningRateFactor: 1 in the checkpoint, 2 now",
    ],
    [
      "optimiser's momentum",
      { optimiser: sgd({ learningRate, momentum: 0.8 }) },
      "optimiser.momentum: 0.9",
      { optimiser: sgd({ learningRate, momentum: 0.9 }) },
    ],
    [
      "optimiser's threshold",
      { optimiser: adafactor({ clipThreshold: 2 }) },
      "optimiser.clipThreshold: 1",
      { optimiser: adafactor() },
    ],
    [
      "optimiser's part",
      { optimiser: chain(clipByGlobalNorm(2), scaleByLearningRate(0.1)) },
      "optimiser.parts[0].maximumNorm: 1 in the checkpoint, 2 now",
      { optimiser: chain(clipByGlobalNorm(1), scaleByLearningRate(0.1)) },
    ],
    [
      "optimiser's rate",
      optimiserWith({ learningRate: 0.05 }),
      "learningRate.step 1: 0.016666666666666666 in the checkpoint, 0.05 now",
    ],
    [
      "optimiser's rate of one step between those that are listed",
      optimiserWith({ learningRate: (step) => learningRate(step) * (step === 3 ? 2 : 1) }),
      "learningRate.steps 1 to 5:",
      { steps: 5 },
    ],
    ["accumulate", { accumulate: 3 }, "accumulate: 2 in the checkpoint, 3 now"],
    ["clipNorm", { clipNorm: 1 }, "clipNorm: 0.5 in the checkpoint, 1 now"],
    ["random of another seed", { random: random(7) }, "random.seed: 6 in the checkpoint, 7 now"],
    ["random at another place", { random: random(6).at("x") }, 'random.path: [] in the checkpoint, ["x"] now'],
    ["evaluate", { evaluate }, "evaluate: null in the checkpoint"],
    [
      "evaluate.every",
      { evaluate: { ...evaluate, every: 2 } },
      "evaluate.every: 1 in the checkpoint, 2 now",
      { evaluate },
    ],
    ["evaluate.patience", { evaluate: { ...evaluate, patience: 4 } }, "evaluate.patience: 3", { evaluate }],
    [
      "evaluate.best.metric",
      { evaluate: { ...evaluate, best: { ...evaluate.best, metric: "other" } } },
      'evaluate.best.metric: "size"',
      { evaluate },
    ],
    [
      "evaluate.best.direction",
      { evaluate: { ...evaluate, best: { ...evaluate.best, direction: "highest" } } },
      'evaluate.best.direction: "lowest"',
      { evaluate },
    ],
  ];

  test.each(compared)("%s", async (_, change, message, before = {}) => {
    const checkpoint = await finished(before);
    await expectRefused(message, { ...before, ...change, checkpoint });
  });

  test("a start elsewhere, or with what an optimiser remembers", async () => {
    const checkpoint = await finished();
    const other = makeToy({ seed: 9 });
    await expectRefused("start.parameters", { start: { parameters: other.parameters }, checkpoint });
    const remembered = options.optimiser.init(other.parameters);
    onTestFinished(() => disposeParameters(remembered.tensors));
    const start = { optimiser: { ...remembered, step: 5 } };
    await expectRefused("start.optimiser: null in the checkpoint", { start, checkpoint });
  });

  test("several are all listed", async () => {
    const checkpoint = await finished();
    await expectRefused("accumulate: 2 in the checkpoint, 3 now", { clipNorm: 1, accumulate: 3, checkpoint });
    await expect(runToy({ clipNorm: 1, accumulate: 3, checkpoint })).rejects.toThrow(
      "accumulate: 2 in the checkpoint, 3 now; clipNorm: 0.5 in the checkpoint, 1 now",
    );
  });

  const harmless: [title: string, change: Partial<TrainOptions>][] = [
    ["steps", { steps: 3 }],
    ["epochs", { epochs: 1 }],
    ["signal", { signal: new AbortController().signal }],
    ["keepOptimiser", { keepOptimiser: true }],
    ["checkpoint.every", {}],
  ];

  test.each(harmless)("%s changes no result, and resumes", async (title, change) => {
    const files = await finished();
    const checkpoint = title === "checkpoint.every" ? { files, every: 1, keep: 2 } : files;
    const length = change.epochs === undefined ? { steps: 3 } : {};
    const { events } = await runToy({ ...length, ...change, checkpoint });
    expect(events[0]).toMatchObject({ type: "step", step: 3 });
  });

  test("an evaluation without a best point changes no result, and resumes", async () => {
    const checkpoint = await finished();
    const { run } = evaluate;
    expect((await runToy({ steps: 3, evaluate: { every: 1, run }, checkpoint })).events[0]).toMatchObject({ step: 3 });
  });

  test("every option is among these", () => {
    const titles = (list: readonly (readonly [string, ...unknown[]])[]): string[] => [
      ...new Set(list.map(([title]) => title.split(/[ .']/)[0]!)),
    ];
    expect([...titles(compared), "start"].sort()).toEqual(of("compared").sort());
    expect(titles(harmless).sort()).toEqual(of("changes nothing").sort());
  });
});

describe("data", () => {
  const rows = toyRows(23);
  const changed = (i: number, change: Partial<Row>): Row[] => rows.with(i, { ...rows[i]!, ...change }) as Row[];
  const dataOf = (some: readonly Row[], more = {}, collate: Collate<Row, ToyBatch> = collateToy): Batches<ToyBatch> =>
    batches(some, collate, { ...dataOptions, ...more });
  const described = (maxLength: number): Collate<Row, ToyBatch> =>
    Object.assign((some: readonly Row[]) => collateToy(some), { describe: () => ({ maxLength }) });
  const flipped: Collate<Row, ToyBatch> = (some) => collateToy(some.map(({ x: [a, b], y }) => ({ x: [b, a], y })));

  test.each<[string, Batches<ToyBatch>, string, Batches<ToyBatch>?]>([
    ["one row more", toyData(24, dataOptions), "data.rows: 23 in the checkpoint, 24 now"],
    ["a row's text", dataOf(changed(22, { x: [0, 1] })), "data.fingerprint"],
    ["a row's label", dataOf(changed(7, { y: 3 })), "data.fingerprint"],
    ["the order of the rows", dataOf([...rows.slice(1), rows[0]!]), "data.fingerprint"],
    ["the size of the batches", dataOf(rows, { size: 5 }), "data.size: 4 in the checkpoint, 5 now"],
    ["what happens to the last rows", dataOf(rows, { last: "drop" }), 'data.last: "keep"'],
    ["the seed of the order", dataOf(rows, { random: random(3) }), "data.shuffled.seed: 2 in the checkpoint, 3 now"],
    ["an order without a seed", batches(rows, collateToy, { size: 4 }), "data.shuffled"],
    ["no buckets", batches(rows, collateToy, { size: 4, random: random(2) }), "data.buckets: true"],
    ["other buckets", dataOf(rows, { buckets: ({ y }: Row) => y }), "data.fingerprint"],
    [
      "what collate says of itself",
      dataOf(rows, {}, described(64)),
      "data.collate.maxLength: 32",
      dataOf(rows, {}, described(32)),
    ],
    ["what a collate makes that says nothing", dataOf(rows, {}, flipped), "data.firstBatch"],
  ])("%s", async (_, data, message, before = dataOf(rows)) => {
    const checkpoint = await finished({}, { data: before });
    await expectRefused(message, { checkpoint }, { data });
  });

  test("equal rows, made again, resume", async () => {
    const checkpoint = await finished();
    const data = dataOf(toyRows(23).map(({ x, y }) => ({ y, x: [...x] as [number, number] })));
    expect((await runToy({ steps: 3, checkpoint }, { data })).events[0]).toMatchObject({ type: "step", step: 3 });
  });

  const stream = (some: readonly Row[]): AsyncIterable<Row> => ({
    async *[Symbol.asyncIterator]() {
      yield* some;
    },
  });
  const streamed = (some: readonly Row[], collate: Collate<Row, ToyBatch> = collateToy): Batches<ToyBatch> =>
    batches(stream(some), collate, { size: 4 });

  test.each([
    ["in the middle of an epoch", 2, 10],
    ["at the beginning of an epoch", 3, 22],
    ["in the second epoch", 5, 10],
  ])("a row of a stream that was read, %s", async (_, steps, row) => {
    const checkpoint = await finished({ steps }, { data: streamed(rows) });
    const data = streamed(changed(row, { y: 3 }));
    await expectRefused("rows: ", { steps, checkpoint }, { data });
    expect((await runToy({ steps: steps + 1, checkpoint }, { data: streamed(rows) })).events[0]).toMatchObject({
      step: steps + 1,
    });
  });

  test("a row of a stream that was not read yet is free to differ", async () => {
    const checkpoint = await finished({}, { data: streamed(rows) });
    const data = streamed(changed(20, { y: 3 }));
    const rest = await runToy({ steps: 3, checkpoint }, { data });
    expect(rest.parameters).toEqual((await runToy({ steps: 3 }, { data })).parameters);
  });

  test("a stream that has become shorter, and one that is collated otherwise", async () => {
    const checkpoint = await finished({}, { data: streamed(rows) });
    await expectRefused("rows: ", { checkpoint }, { data: streamed(rows.slice(0, 9)) });
    await expectRefused("rows: ", { checkpoint }, { data: streamed(rows, flipped) });
  });

  const odd = [...rows.slice(0, 5), { ...rows[5]!, parse: () => 1 }, ...rows.slice(6)];

  test.each<[string, Batches<ToyBatch>, string]>([
    ["an array", dataOf(odd), 'batches: row 5 at "parse" is a function'],
    ["a stream", streamed(odd), 'batches: row 1 of batch 1 at "parse" is a function'],
  ])(
    "rows of %s that cannot be fingerprinted are refused, where a checkpoint is asked for",
    async (_, data, message) => {
      expect((await runToy({ steps: 2 }, { data })).end.step).toBe(2);
      await expect(runToy({ steps: 2, checkpoint: memory() }, { data })).rejects.toMatchObject({
        code: "CONFIG",
        message: expect.stringContaining(message),
      });
    },
  );
});

describe("objectives", () => {
  test("another description", async () => {
    const checkpoint = await finished({}, { objective: makeToy({ rate: 0.3 }) });
    const objective = makeToy({ rate: 0.2 });
    await expectRefused("objective.rate: 0.3 in the checkpoint, 0.2 now", { checkpoint }, { objective });
  });

  test("a list in another order", async () => {
    const of = (labels: readonly string[]): Objective<ToyBatch> => ({ ...makeToy(), describe: () => ({ labels }) });
    const checkpoint = await finished({}, { objective: of(["ham", "spam"]) });
    const message = 'objective.labels: ["ham","spam"] in the checkpoint, ["spam","ham"] now';
    await expectRefused(message, { checkpoint }, { objective: of(["spam", "ham"]) });
  });

  test("frozen weights of other values, by their fingerprint", async () => {
    const of = (values: number[]): Objective<ToyBatch> => {
      const frozen = tensor1d(values);
      onTestFinished(() => frozen.dispose());
      return { ...makeToy(), describe: async () => ({ base: await fingerprint(new Map([["w", frozen]])) }) };
    };
    const checkpoint = await finished({}, { objective: of([1, 2]) });
    await expectRefused("objective.base", { checkpoint }, { objective: of([1, 3]) });
    expect((await runToy({ steps: 3, checkpoint }, { objective: of([1, 2]) })).events[0]).toMatchObject({ step: 3 });
  });

  test("the same at another starting point", async () => {
    const checkpoint = await finished();
    await expectRefused("start.parameters", { checkpoint }, { objective: makeToy({ rate: 0.3, seed: 2 }) });
  });

  test("other names and shapes", async () => {
    const { parameters, loss } = makeToy();
    const others = new Map([
      ["hidden.weight", parameters.get("hidden.weight")!],
      ["hidden.bias", parameters.get("out.weight")!],
      ["extra", parameters.get("hidden.bias")!],
    ]);
    const objective: Objective<ToyBatch> = { describe: () => ({ kind: "toy", rate: 0.3 }), parameters: others, loss };
    await expect(runToy({ checkpoint: await finished() }, { objective })).rejects.toMatchObject({
      details: {
        places: expect.arrayContaining([
          'parameters.hidden.bias: "float32 [6]" in the checkpoint, "float32 [6, 1]" now',
          'parameters.out.weight: "float32 [6, 1]" in the checkpoint, absent now',
          'parameters.extra: absent in the checkpoint, "float32 [6]" now',
        ]),
      },
    });
  });

  /** With a state that counts, and a scalar that falls over the run. */
  function withState(start: number, power = 1): Objective<ToyBatch> {
    const toy = makeToy({ rate: 0.3 });
    const count: Tensor = tensor1d([start]);
    onTestFinished(() => count.dispose());
    return {
      ...toy,
      state: new Map([["count", count]]),
      scalars: (step, total) => ({ share: (1 - step / (total! + 1)) ** power }),
      afterStep: ({ state }) => ({ state: new Map([["count", square(state.get("count")!)]]) }),
      loss: (at, batch, context) =>
        tidy(() => mul(toy.loss(at, batch, context), reshape(context.scalars!["share"]!, [])) as Scalar),
    };
  }

  test("a state of other values, and other scalars at the steps taken", async () => {
    const checkpoint = await finished({}, { objective: withState(2) });
    await expectRefused("start.state", { steps: 2, checkpoint }, { objective: withState(3) });
    await expectRefused("scalars.step 1.share", { steps: 2, checkpoint }, { objective: withState(2, 2) });
    // Its budget would have been another one, had the run been planned for more steps.
    await expectRefused("scalars.step 1.share", { steps: 3, checkpoint }, { objective: withState(2) });
    const again = await runToy({ steps: 2, checkpoint }, { objective: withState(2) });
    expect(again.events.map(({ type }) => type)).toEqual(["end"]);
  });

  test("one that does not describe itself takes no checkpoint, and says what to add", async () => {
    const { describe: _, ...objective } = makeToy();
    const run = runToy({ checkpoint: memory() }, { objective });
    await expect(run).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining("checkpoints need objective.describe()"),
    });
  });

  test("a description that is no JSON is refused with its place", async () => {
    const objective: Objective<ToyBatch> = { ...makeToy(), describe: () => ({ rate: Number.NaN }) };
    const run = runToy({ checkpoint: memory() }, { objective });
    await expect(run).rejects.toThrow('"objective.rate" must be JSON, got NaN');
  });
});

test("a part that a user wrote is compared by its config", async () => {
  const halve = (factor: number, rate: Schedule = learningRate) => ({
    optimiser: chain(
      perParameter({ kind: "scale", config: { factor }, update: (update) => mul(update, factor) }),
      scaleByLearningRate(rate),
    ),
  });
  const checkpoint = await finished(halve(0.5));
  await expectRefused("optimiser.parts[0].factor: 0.5 in the checkpoint, 0.25 now", { ...halve(0.25), checkpoint });
});
