import { memory as files, result } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { adamW, type Batches, batches } from "@cambium/train";
import { tensor1d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type TargetBatch, targets, towards, vector } from "../targets.fixture.ts";
import { fitShared } from "./fit-shared.ts";
import { fitSubspace } from "./fit-subspace.ts";
import type { Solution } from "./solution.ts";
import { turnsOf } from "./turns.ts";

/** Three rows that come as a stream, which says what was read and how often it was let go of. */
function stream() {
  const seen: number[] = [];
  const closed: number[] = [];
  const rows = {
    async *[Symbol.asyncIterator]() {
      try {
        for (const row of [1, 2, 3]) yield row;
      } finally {
        closed.push(seen.length);
      }
    },
  };
  const toBatch = ([row]: readonly number[]): TargetBatch => {
    seen.push(row!);
    return { target: tensor1d([row!, 0]) };
  };
  return { seen, closed, data: batches(rows, toBatch, { size: 1 }) as Batches<TargetBatch> };
}

const optimiser = adamW({ learningRate: 0.01 });

test("of a stream every batch has its turn, and it starts again when it ends", async () => {
  const [start, end] = [vector([0, 0]), vector([1, 1])];
  const solution: Solution<TargetBatch> = { task: "t", method: "m", tuned: towards(end), start };
  const fitted = stream();
  const options = { dimension: 1, steps: 5, optimiser };
  (await result(fitSubspace([solution], { ...options, data: { t: fitted.data } }), () => undefined)).dispose();
  expect(fitted.seen.slice(0, 5)).toEqual([1, 2, 3, 1, 2]);
  expect(fitted.closed).toHaveLength(2);
  const shared = stream();
  (await result(fitShared({ m: towards(start) }, { ...options, data: { t: shared.data } }))).dispose();
  expect(shared.seen.slice(0, 5)).toEqual([1, 2, 3, 1, 2]);
  expect(shared.closed).toHaveLength(2);
  for (const tree of [start, end]) disposeParameters(tree);
});

test("of an array any turn can be taken, as a run that resumes does", async () => {
  const turns = turnsOf(targets([[1], [2], [3]]));
  const found: number[] = [];
  for (const turn of [4, 0, 3]) {
    const { batch } = await turns.take(turn);
    found.push(batch.target.dataSync()[0]!);
    batch.target.dispose();
  }
  expect(found).toEqual([2, 1, 1]);
});

test("a stream and checkpoints do not go together", async () => {
  const start = vector([0, 0]);
  const options = { dimension: 1, steps: 5, optimiser, checkpoint: files(), data: { t: stream().data } };
  await expect(result(fitShared({ m: towards(start) }, options))).rejects.toThrow(/the data of t are a stream/);
  const solution: Solution<TargetBatch> = { task: "t", method: "m", tuned: towards(start), start: "zero" };
  await expect(result(fitSubspace([solution], options))).rejects.toThrow(/the data of t are a stream/);
  disposeParameters(start);
});
