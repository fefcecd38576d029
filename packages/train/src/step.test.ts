import { cloneParameters, disposeParameters, random } from "@cambium/core";
import { backend, engine } from "@tensorflow/tfjs-core";
import { expect, onTestFinished, test, vi } from "vitest";
import type { MiniBatch } from "./data/batches.ts";
import { adafactor } from "./optimisers/adafactor.ts";
import { adamW } from "./optimisers/adam.ts";
import type { Optimiser } from "./optimisers/optimiser.ts";
import { sgd } from "./optimisers/sgd.ts";
import { linear } from "./schedules.ts";
import { createStep, type Point } from "./step.ts";
import { disposeTrees } from "./tensors.ts";
import { type ToyBatch, toyData, toyObjective } from "./toy.fixture.ts";

// What a backend that traces needs of a step: one read, and the same graph every time.

interface Watched {
  /** Values of each step's scalars, in the order of their making. */
  readonly scalars: readonly (readonly number[])[];
  /** Shapes of each step's other new tensors. */
  readonly shapes: readonly (readonly string[])[];
  readonly reads: readonly number[];
}

/** Takes three steps with equal batches and watches what passes between JavaScript and the backend: tensors made of values, and reads. */
async function watch(optimiser: Optimiser, accumulate = 1): Promise<Watched> {
  const objective = toyObjective({ rate: 0.2 });
  const batches: MiniBatch<ToyBatch>[] = [];
  for await (const batch of toyData(4 * accumulate, { size: 4 }).epoch(0)) batches.push(batch);
  let point: Point = {
    step: 0,
    parameters: cloneParameters(objective.parameters),
    state: new Map(),
    optimiser: optimiser.init(objective.parameters),
  };
  const takeStep = createStep(objective, { optimiser, clipNorm: 0.1, random: random(1) });
  const scalars: number[][] = [];
  const shapes: string[][] = [];
  const reads: number[] = [];
  const [here, tape] = [backend(), engine()];
  const read = here.read.bind(here);
  const makeTensor = tape.makeTensor.bind(tape);
  vi.spyOn(tape, "makeTensor").mockImplementation((values, shape, dtype, ...rest) => {
    const step = scalars.length - 1;
    if (shape.length === 0) scalars[step]?.push((values as Float32Array)[0]!);
    else shapes[step]?.push(`${dtype} [${shape}]`);
    return makeTensor(values, shape, dtype, ...rest);
  });
  vi.spyOn(here, "read").mockImplementation((id) => {
    reads[reads.length - 1]!++;
    return read(id);
  });
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  for (let step = 0; step < 3; step++) {
    scalars.push([]);
    shapes.push([]);
    reads.push(0);
    const next = await takeStep(point, batches);
    disposeTrees(point);
    ({ point } = next);
  }
  disposeTrees(point, batches);
  disposeParameters(objective.parameters);
  return { scalars, shapes, reads };
}

const learningRate = linear(0.1, { warmUp: 2, steps: 10 });
const groups = [{ match: /out/, learningRateFactor: 2, weightDecay: 0.3 }];

test.each([
  ["AdamW", adamW({ learningRate, groups })],
  ["SGD", sgd({ learningRate, momentum: 0.9, weightDecay: 0.1, groups })],
  ["Adafactor", adafactor({ learningRate, weightDecay: 0.1, groups })],
])("%s: scalars are the same at every step, and what varies has a shape that does not", async (_, optimiser) => {
  const { scalars, shapes } = await watch(optimiser);
  expect(scalars[0]!.length).toBeGreaterThan(0);
  expect(scalars[1]).toEqual(scalars[0]);
  expect(scalars[2]).toEqual(scalars[0]);
  expect(shapes[0]).toContain("float32 [1]");
  expect(shapes[1]).toEqual(shapes[0]);
  expect(shapes[2]).toEqual(shapes[0]);
});

test("a step reads once", async () => {
  expect((await watch(adamW({ learningRate }))).reads).toEqual([1, 1, 1]);
});

test("a step of several micro-batches reads once for each", async () => {
  expect((await watch(adamW({ learningRate }), 3)).reads).toEqual([3, 3, 3]);
});
