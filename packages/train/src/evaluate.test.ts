import { disposeParameters, type Objective, type Parameters } from "@cambium/core";
import {
  argMax,
  mul,
  type Scalar,
  scalar,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
} from "@tensorflow/tfjs-core";
import { expect, onTestFinished, test } from "vitest";
import { batches } from "./data/batches.ts";
import { evaluate, predict } from "./evaluate.ts";
import { accuracy } from "./metrics/classification.ts";

interface Batch {
  readonly mean: Scalar;
}

/** The loss of a batch is its rows' mean, times `w`. */
const data = batches(
  [1, 2, 3, 4, 10],
  (rows): Batch => ({ mean: scalar(rows.reduce((a, b) => a + b, 0) / rows.length) }),
  {
    size: 2,
  },
);

function makeObjective(): Objective<Batch> {
  const parameters: Parameters = new Map([["w", scalar(1)]]);
  onTestFinished(() => disposeParameters(parameters));
  return { parameters, loss: (at, { mean }) => mul(at.get("w") as Scalar, mean) };
}

test("the mean over all rows does not depend on the batches", async () => {
  expect(await evaluate(makeObjective(), data)).toEqual({ loss: 4, rows: 5, weight: 5 });
});

test("another point can be measured", async () => {
  const point = new Map([["w", scalar(3)]]);
  expect((await evaluate(makeObjective(), data, point)).loss).toBe(12);
  disposeParameters(point);
});

test("the loss is told that nothing is trained", async () => {
  const seen: boolean[] = [];
  const objective: Objective<Batch> = {
    ...makeObjective(),
    loss(_, { mean }, { training }) {
      seen.push(training);
      return mean.clone();
    },
  };
  await evaluate(objective, data);
  expect(seen).toEqual([false, false, false]);
});

interface Labelled {
  readonly scores: Tensor2D;
  readonly labels: Tensor1D;
}

const labelled = batches(
  [
    [0.9, 0.1, 0],
    [0.2, 0.8, 1],
    [0.6, 0.4, 1],
  ],
  (rows): Labelled => ({
    scores: tensor2d(rows.map(([a, b]) => [a!, b!])),
    labels: tensor1d(
      rows.map((row) => row[2]!),
      "int32",
    ),
  }),
  { size: 2 },
);

test("predictions and labels of all batches come joined", async () => {
  const { guess, label } = await predict(
    ({ scores, labels }) => ({ guess: argMax(scores, -1), label: labels }),
    labelled,
  );
  expect(guess).toEqual([0, 1, 0]);
  expect(label).toEqual([0, 1, 1]);
  expect(accuracy(guess, label)).toBeCloseTo(2 / 3, 12);
});

test("values of a higher rank come row by row", async () => {
  const { scores } = await predict((batch) => ({ scores: batch.scores }), labelled);
  expect(scores).toBeAllClose([0.9, 0.1, 0.2, 0.8, 0.6, 0.4]);
});

test("an error on the way leaves no tensors", async () => {
  const broken = (): never => {
    throw new Error("broken");
  };
  await expect(predict(broken, labelled)).rejects.toThrow("broken");
  await expect(evaluate({ ...makeObjective(), loss: broken }, data)).rejects.toThrow("broken");
});
