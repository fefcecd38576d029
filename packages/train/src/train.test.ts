import { memory as memoryFiles, result } from "@cambium/base";
import { cloneParameters, disposeParameters, type Objective, random } from "@cambium/core";
import { memory, mul, type Scalar, scalar, sum, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Batches, batches } from "./data/batches.ts";
import { evaluate } from "./evaluate.ts";
import type { EndEvent, StepEvent, TrainEvent } from "./events.ts";
import { adamW } from "./optimisers/adam.ts";
import { sgd } from "./optimisers/sgd.ts";
import { linear } from "./schedules.ts";
import { bits, type ToyBatch, toyData, toyObjective } from "./toy.fixture.ts";
import { train } from "./train.ts";
import type { TrainOptions } from "./train-options.ts";

function makeToy(options?: Parameters<typeof toyObjective>[0]): Objective<ToyBatch> {
  const objective = toyObjective(options);
  onTestFinished(() => disposeParameters(objective.parameters));
  return objective;
}

async function collect(run: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of run) {
    if (event.type === "end") onTestFinished(() => disposeParameters(event.parameters));
    events.push(event);
  }
  return events;
}

const steps = (events: readonly TrainEvent[]): StepEvent[] => events.filter((event) => event.type === "step");
const endOf = (events: readonly TrainEvent[]): EndEvent => events.at(-1) as EndEvent;
const summary = (events: readonly TrainEvent[]): string[] =>
  events.map((event) => `${event.type} ${event.step}${event.type === "end" ? ` ${event.reason}` : ""}`);

const data = (size = 8): Batches<ToyBatch> => toyData(32, { size, random: random(2) });
const optimiser = adamW({ learningRate: 0.05 });

describe("a run", () => {
  test("lowers the loss and leaves the starting point alone", async () => {
    const objective = makeToy();
    const before = bits(objective.parameters);
    const { loss: first } = await evaluate(objective, data());
    const { parameters } = endOf(await collect(train(objective, data(), { optimiser, epochs: 30 })));
    const { loss: last } = await evaluate(objective, data(), parameters);
    expect(last).toBeLessThan(first / 20);
    expect(bits(objective.parameters)).toEqual(before);
  });

  test("begins with what the objective has to say", async () => {
    const warned = { ...makeToy(), warnings: ["its last layer is random, and stays so"] };
    const [first, second] = await collect(train(warned, data(), { optimiser, steps: 1 }));
    expect(first).toEqual({ type: "warning", step: 0, message: "its last layer is random, and stays so" });
    expect(second).toMatchObject({ type: "step" });
  });

  test("takes epochs times batches steps and ends once", async () => {
    const events = await collect(train(makeToy(), data(), { optimiser, epochs: 2 }));
    expect(steps(events).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(endOf(events)).toMatchObject({ type: "end", reason: "finished", step: 8 });
  });

  test("takes as many steps as asked for, across epochs", async () => {
    expect(steps(await collect(train(makeToy(), data(), { optimiser, steps: 6 })))).toHaveLength(6);
  });

  test("reports the loss of each batch before the update, and the rate of each step", async () => {
    const objective = makeToy();
    const learningRate = linear(0.1, { warmUp: 2, steps: 3 });
    const events = steps(await collect(train(objective, data(32), { optimiser: sgd({ learningRate }), steps: 3 })));
    expect(events.map((event) => event.learningRate)).toEqual([learningRate(1), learningRate(2), learningRate(3)]);
    expect(events[0]!.loss).toBeCloseTo((await evaluate(objective, data(32))).loss, 6);
    expect(events.every(({ durationMs }) => durationMs >= 0)).toBe(true);
  });

  test("equal seeds give equal bits, other seeds other dropout", async () => {
    const run = async (seed: number) =>
      bits(
        endOf(await collect(train(makeToy({ rate: 0.5 }), data(), { optimiser, steps: 5, random: random(seed) })))
          .parameters,
      );
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  test("result gives the end event", async () => {
    const end = await result(train(makeToy(), data(), { optimiser, steps: 1 }));
    disposeParameters(end.parameters);
    expect(end.reason).toBe("finished");
  });

  test("takes streams as well as arrays", async () => {
    const rows = {
      async *[Symbol.asyncIterator]() {
        yield* [1, 2, 3];
      },
    };
    const w = tensor1d([1]);
    onTestFinished(() => {
      w.dispose();
    });
    const objective: Objective<{ x: Scalar }> = {
      parameters: new Map([["w", w]]),
      loss: (parameters, { x }) => sum<Scalar>(mul(parameters.get("w")!, x)),
    };
    const stream = batches(rows, (items) => ({ x: scalar(items.reduce((a, b) => a + b, 0)) }), { size: 2 });
    const events = await collect(train(objective, stream, { optimiser: sgd({ learningRate: 0.5 }), epochs: 2 }));
    expect(steps(events)).toHaveLength(4);
    expect(bits(endOf(events).parameters)).toEqual({ w: [1 - 2 * 0.5 * (3 + 3)] });
  });
});

describe("accumulation", () => {
  const full = { optimiser: sgd({ learningRate: 0.1 }), steps: 4 };

  test("micro-batches of equal size are the mean over the big batch", async () => {
    const objective = makeToy();
    const whole = endOf(await collect(train(objective, toyData(32, { size: 8 }), full)));
    const parts = endOf(await collect(train(objective, toyData(32, { size: 2 }), { ...full, accumulate: 4 })));
    // Float32 sums in another order.
    for (const [name, tensor] of whole.parameters) expect(parts.parameters.get(name)!).toBeAllClose(tensor);
  });

  test("a smaller last micro-batch counts by its rows", async () => {
    const objective = makeToy();
    const whole = await collect(train(objective, toyData(7, { size: 7 }), full));
    const parts = await collect(train(objective, toyData(7, { size: 3 }), { ...full, accumulate: 3 }));
    for (const [name, tensor] of endOf(whole).parameters)
      expect(endOf(parts).parameters.get(name)!).toBeAllClose(tensor);
    for (const [i, { loss }] of steps(parts).entries()) expect(loss).toBeCloseTo(steps(whole)[i]!.loss, 5);
  });

  test("no step spans two epochs", async () => {
    const events = await collect(train(makeToy(), toyData(10, { size: 2 }), { optimiser, accumulate: 3, epochs: 2 }));
    expect(steps(events)).toHaveLength(4);
  });

  test("micro-batches of one step draw different dropout", async () => {
    const seen = new Set<string>();
    const toy = makeToy();
    const objective: Objective<ToyBatch> = {
      ...toy,
      loss(parameters, batch, context) {
        seen.add(String(context.random.key));
        return toy.loss(parameters, batch, context);
      },
    };
    await collect(train(objective, data(), { optimiser, accumulate: 2, steps: 3 }));
    expect(seen.size).toBe(6);
  });
});

describe("clipping", () => {
  test("a step of gradient descent is no longer than the rate times the limit", async () => {
    const objective = makeToy();
    const options = { optimiser: sgd({ learningRate: 1 }), steps: 1, clipNorm: 0.25 };
    const events = await collect(train(objective, data(), options));
    const moved = Object.values(bits(endOf(events).parameters)).flat();
    const start = Object.values(bits(objective.parameters)).flat();
    expect(Math.hypot(...moved.map((value, i) => value - start[i]!))).toBeCloseTo(0.25, 5);
    expect(steps(events)[0]!.gradientNorm).toBeGreaterThan(0.25);
  });

  test("a limit that is never reached changes no bit", async () => {
    const objective = makeToy();
    const free = endOf(await collect(train(objective, data(), { optimiser, steps: 3 })));
    const limited = endOf(await collect(train(objective, data(), { optimiser, steps: 3, clipNorm: 1e6 })));
    expect(bits(limited.parameters)).toEqual(bits(free.parameters));
  });
});

describe("evaluation", () => {
  /** Scores in the order of the evaluations. */
  const scripted = (scores: readonly number[]) => {
    let next = 0;
    return { run: () => ({ score: scores[next++]! }), count: () => next };
  };

  test("comes every so many steps, and once more after the last", async () => {
    const { run } = scripted([1, 2, 3]);
    const events = await collect(train(makeToy(), data(), { optimiser, steps: 5, evaluate: { every: 2, run } }));
    expect(summary(events).filter((line) => line.startsWith("evaluation"))).toEqual([
      "evaluation 2",
      "evaluation 4",
      "evaluation 5",
    ]);
  });

  test.each([
    ["highest", [0.1, 0.3, 0.2, 0.3], 2],
    ["lowest", [3, 2, 1, 1.5], 3],
    ["highest", [Number.NaN, 0.1, Number.POSITIVE_INFINITY, 0], 2],
  ] as const)("the %s of %j is kept, from step %d", async (direction, scores, best) => {
    const objective = makeToy();
    const points = new Map<number, Record<string, number[]>>();
    const { run, count } = scripted(scores);
    const end = endOf(
      await collect(
        train(objective, data(), {
          optimiser,
          steps: 4,
          evaluate: {
            every: 1,
            best: { metric: "score", direction },
            run(parameters) {
              points.set(count() + 1, bits(parameters));
              return run();
            },
          },
        }),
      ),
    );
    expect(end.best).toEqual({ step: best, value: scores[best - 1] });
    expect(bits(end.parameters)).toEqual(points.get(best));
    expect(end.step).toBe(4);
  });

  test("patience ends the run after that many evaluations without a better one", async () => {
    const { run } = scripted([1, 2, 1, 2, 3, 4]);
    const evaluate = { every: 1, run, best: { metric: "score", direction: "highest" }, patience: 2 } as const;
    const events = await collect(train(makeToy(), data(), { optimiser, steps: 100, evaluate }));
    expect(endOf(events)).toMatchObject({ reason: "early-stopped", step: 4, best: { step: 2, value: 2 } });
  });

  test("a metric that is not there is an error that names the nearest", async () => {
    const evaluate = {
      every: 1,
      run: () => ({ accuracy: 1 }),
      best: { metric: "acuracy", direction: "highest" },
    } as const;
    await expect(collect(train(makeToy(), data(), { optimiser, steps: 1, evaluate }))).rejects.toThrow(
      'did you mean "accuracy"',
    );
  });
});

describe("stopping", () => {
  test("a signal ends the run after the step under way", async () => {
    const controller = new AbortController();
    const events: TrainEvent[] = [];
    for await (const event of train(makeToy(), data(), { optimiser, steps: 100, signal: controller.signal })) {
      events.push(event);
      if (event.type === "step" && event.step === 3) controller.abort();
      if (event.type === "end") disposeParameters(event.parameters);
    }
    expect(summary(events)).toEqual(["step 1", "step 2", "step 3", "end 3 stopped"]);
  });

  test("a signal given before takes no step", async () => {
    const events = await collect(train(makeToy(), data(), { optimiser, steps: 9, signal: AbortSignal.abort() }));
    expect(summary(events)).toEqual(["end 0 stopped"]);
  });

  test("breaking out of the loop leaves no tensors", async () => {
    const objective = makeToy();
    const before = memory().numTensors;
    for await (const event of train(objective, data(), { optimiser, steps: 100, accumulate: 2 })) {
      if (event.step === 2) break;
    }
    expect(memory().numTensors).toBe(before);
  });
});

describe("divergence", () => {
  /** A loss that is infinite from its third step on. */
  const exploding = (): Objective<ToyBatch> => {
    const toy = makeToy();
    let step = 0;
    return {
      ...toy,
      loss: (parameters, batch, context) =>
        tidy(() => mul<Scalar>(toy.loss(parameters, batch, context), ++step < 3 ? 1 : Number.POSITIVE_INFINITY)),
    };
  };

  test("a loss that is not finite stops at its step, with step, loss and rate", async () => {
    const run = collect(train(exploding(), data(), { optimiser, steps: 10 }));
    await expect(run).rejects.toMatchObject({
      code: "STATE",
      details: { step: 3, loss: Number.POSITIVE_INFINITY, learningRate: 0.05 },
    });
  });

  test("the last good checkpoint stays", async () => {
    const files = memoryFiles();
    const checkpoint = { files, every: 1 };
    await expect(collect(train(exploding(), data(), { optimiser, steps: 10, checkpoint }))).rejects.toThrow("step 3");
    const kept = (await files.list()).map(({ name }) => name);
    expect(kept).toEqual(["checkpoint.json", "optimiser-2.safetensors", "parameters-2.safetensors"]);
  });

  test("parameters that are not finite are never saved", async () => {
    const files = memoryFiles();
    const options: TrainOptions = { optimiser: sgd({ learningRate: 1e39 }), steps: 1, checkpoint: files };
    await expect(collect(train(makeToy(), data(), options))).rejects.toMatchObject({
      code: "STATE",
      details: { step: 1 },
    });
    expect(await files.list()).toEqual([]);
  });
});

describe("memory", () => {
  test("a thousand steps leave as many tensors as ten", async () => {
    const objective = makeToy({ rate: 0.2 });
    const counts: number[] = [];
    const options = { optimiser, steps: 1000, clipNorm: 1, accumulate: 2 };
    for await (const event of train(objective, toyData(16, { size: 3, random: random(4) }), options)) {
      if (event.type === "step" && event.step % 10 === 0) counts.push(memory().numTensors);
      if (event.type === "end") disposeParameters(event.parameters);
    }
    expect(counts).toHaveLength(100);
    expect(new Set(counts).size).toBe(1);
  });

  test("an error in the loss leaves no tensors", async () => {
    const toy = makeToy();
    let calls = 0;
    const objective: Objective<ToyBatch> = {
      ...toy,
      loss(parameters, batch, context) {
        if (++calls === 4) throw new Error("no more");
        return toy.loss(parameters, batch, context);
      },
    };
    const before = memory().numTensors;
    await expect(collect(train(objective, data(), { optimiser, steps: 5, accumulate: 2 }))).rejects.toThrow("no more");
    expect(memory().numTensors).toBe(before);
  });
});

describe("bad input", () => {
  test.each([
    ["neither epochs nor steps", {}, 'give either "epochs" or "steps", got neither'],
    ["both epochs and steps", { epochs: 1, steps: 1 }, "got both"],
    ["a mistyped option", { stesp: 1 }, '"steps"'],
    [
      "patience without a best metric",
      { steps: 1, evaluate: { every: 1, run: () => ({}), patience: 1 } },
      "evaluate.best",
    ],
    ["no steps", { steps: 0 }, "steps"],
  ])("%s is refused before the first step", async (_, options, message) => {
    const run = collect(train(makeToy(), data(), { optimiser, ...options } as TrainOptions));
    await expect(run).rejects.toThrow(message);
  });

  test("an objective without parameters is refused", async () => {
    const objective: Objective<ToyBatch> = { parameters: new Map(), loss: () => scalar(0) };
    await expect(collect(train(objective, data(), { optimiser, steps: 1 }))).rejects.toThrow("no parameters to train");
  });

  test("data whose epochs have no batch are refused, in place of being asked forever", async () => {
    const empty: Batches<ToyBatch> = { describe: () => ({}), async *epoch() {} };
    await expect(collect(train(makeToy(), empty, { optimiser, steps: 2 }))).rejects.toThrow(
      "train: the data have no batch in epoch 0",
    );
  });

  test("a loss that is not a single number is refused", async () => {
    const { parameters } = makeToy();
    const objective: Objective<ToyBatch> = { parameters, loss: (_, { y }) => y.clone() as never };
    await expect(collect(train(objective, data(), { optimiser, steps: 1 }))).rejects.toThrow("got shape [8,1]");
  });

  test("given parameters can be trained again from a copy", async () => {
    const objective = makeToy();
    const copy = cloneParameters(objective.parameters);
    onTestFinished(() => disposeParameters(copy));
    const once = endOf(await collect(train(objective, data(), { optimiser, steps: 2 })));
    const again = endOf(await collect(train({ ...objective, parameters: copy }, data(), { optimiser, steps: 2 })));
    expect(bits(again.parameters)).toEqual(bits(once.parameters));
  });
});

test("timers fire while a run goes on, so that a signal stops it", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort());
  const events = await collect(train(makeToy(), data(), { optimiser, steps: 1_000_000, signal: stop.signal }));
  expect(endOf(events)).toMatchObject({ reason: "stopped" });
});
