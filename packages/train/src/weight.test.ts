/** A loss over tokens: what micro-batches and batches of an evaluation count for. */
import { disposeParameters, type Objective } from "@cambium/core";
import {
  div,
  maximum,
  mul,
  reshape,
  type Scalar,
  square,
  sub,
  sum,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Batches, batches } from "./data/batches.ts";
import { evaluate } from "./evaluate.ts";
import type { EndEvent, StepEvent } from "./events.ts";
import { sgd } from "./optimisers/sgd.ts";
import { disposeTrees } from "./tensors.ts";
import { bits } from "./toy.fixture.ts";
import { train } from "./train.ts";
import type { TrainOptions } from "./train-options.ts";

interface Tokens {
  /** `[rows, seq]`. */
  readonly values: Tensor2D;
  /** `[rows, seq]`, 1 where a token counts. */
  readonly mask: Tensor2D;
}

/** Rows of unlike lengths; the third has no token that counts. */
const rows = [[1, 2, 3, 4], [-2], [], [0.5, 7]];
const WIDTH = 4;

const tokens = (some: readonly (readonly number[])[]): Tokens => ({
  values: tensor2d(some.map((row) => [...row, ...new Array(WIDTH - row.length).fill(9)])),
  mask: tensor2d(some.map((row) => Array.from({ length: WIDTH }, (_, i) => (i < row.length ? 1 : 0)))),
});
const data = (size: number, some: readonly (readonly number[])[] = rows): Batches<Tokens> =>
  batches(some, tokens, { size });

/** The mean square over tokens, which is 0/0 where there are none. */
function objective(weighs = true): Objective<Tokens> {
  const parameters = new Map([["w", tensor1d([0.25])]]);
  onTestFinished(() => disposeParameters(parameters));
  return {
    parameters,
    ...(weighs && { weight: ({ mask }) => [...mask.dataSync()].reduce((count, one) => count + one, 0) }),
    loss: (at, { values, mask }) =>
      tidy(() => {
        const squares = mul(square(sub(values, at.get("w")!)), mask);
        return reshape(div(sum(squares), weighs ? sum(mask) : maximum(sum(mask), 1)), []) as Scalar;
      }),
  };
}

async function run(data: Batches<Tokens>, more: Partial<TrainOptions>, of = objective()) {
  const steps: StepEvent[] = [];
  let end: EndEvent | undefined;
  const options = { optimiser: sgd({ learningRate: 0.1 }), epochs: 1, clipNorm: 1e9, ...more };
  for await (const event of train(of, data, options)) {
    if (event.type === "step") steps.push(event);
    if (event.type === "end") end = event;
  }
  const parameters = bits(end!.parameters);
  disposeTrees(end);
  return { steps, parameters };
}

describe("accumulation", () => {
  test.each([
    [1, 4],
    [2, 2],
    [3, 2],
  ])(
    "four rows as micro-batches of %d, %d of them, give the loss, norm and update of the whole",
    async (size, accumulate) => {
      const whole = await run(data(4), {});
      const parts = await run(data(size), { accumulate });
      expect(parts.steps).toHaveLength(1);
      // The same numbers, summed up in another order.
      expect(parts.steps[0]!.loss).toBeCloseTo(whole.steps[0]!.loss, 5);
      expect(parts.steps[0]!.gradientNorm).toBeCloseTo(whole.steps[0]!.gradientNorm!, 5);
      expect(parts.parameters["w"]![0]).toBeCloseTo(whole.parameters["w"]![0]!, 5);
    },
  );

  test("the loss of the whole is the mean over tokens", async () => {
    const counted = rows.flat();
    const expected = counted.reduce((sum, value) => sum + (value - 0.25) ** 2, 0) / counted.length;
    expect((await run(data(1), { accumulate: 4 })).steps[0]!.loss).toBeCloseTo(expected, 5);
  });

  test("a step that counts nothing moves nothing, and is a step", async () => {
    const { steps, parameters } = await run(data(1), {});
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(steps[2]).toMatchObject({ loss: 0, gradientNorm: 0, learningRate: 0.1 });
    const without = await run(data(1, [rows[0]!, rows[1]!, rows[3]!]), {});
    expect(parameters).toEqual(without.parameters);
    expect((await run(data(1, [[], [], []]), { accumulate: 3 })).parameters).toEqual({ w: [0.25] });
  });

  test("without a weight, rows count", async () => {
    const { steps } = await run(data(3), { accumulate: 2 }, objective(false));
    const first = [1, 2, 3, 4, -2].reduce((sum, value) => sum + (value - 0.25) ** 2, 0) / 5;
    const second = [0.5, 7].reduce((sum, value) => sum + (value - 0.25) ** 2, 0) / 2;
    expect(steps[0]!.loss).toBeCloseTo((3 * first + second) / 4, 5);
  });
});

describe("evaluation", () => {
  test("does not depend on the size of the batches", async () => {
    const of = objective();
    const whole = await evaluate(of, data(4));
    for (const size of [1, 2, 3]) {
      const { loss, rows: rowCount, weight } = await evaluate(of, data(size));
      expect(loss).toBeCloseTo(whole.loss, 5);
      expect([rowCount, weight]).toEqual([4, 7]);
    }
  });

  test("of nothing that counts is an error", async () => {
    await expect(evaluate(objective(), data(1, [[], []]))).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining("objective.weight is 0 for all 2 rows"),
    });
  });
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("a weight of %d is refused", async (weight) => {
  const of: Objective<Tokens> = { ...objective(), weight: () => weight };
  await expect(run(data(2), {}, of)).rejects.toThrow(
    `objective.weight must return a number of at least 0, got ${weight}`,
  );
  await expect(evaluate(of, data(2))).rejects.toThrow("evaluate: objective.weight");
});
