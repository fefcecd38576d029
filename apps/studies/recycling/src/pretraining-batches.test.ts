import { random } from "@cambium/core";
import { loadTokenizer } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import { expect, test } from "vitest";
import { pretrainingBatches } from "./pretraining-batches.ts";
import { shareOfSteps } from "./students.ts";

const [SHAPE, STEPS] = [{ rows: 4, length: 32 }, 4];
/** Tokens that say which stream they are from: fresh ones are odd, old ones even, none is special. */
const stream = (parity: number): Int32Array => Int32Array.from({ length: 500 }, (_, i) => 1000 + 2 * i + parity);

test("a batch hides words that its labels tell, is a function of its step, and old text comes back every so many steps", async () => {
  const tokenizer = await loadTokenizer(sapling("bert-2x128"));
  const source = { stream: stream(1), replay: { stream: stream(0), every: 3 } };
  const batches = pretrainingBatches(source, SHAPE, tokenizer, random(1));
  const read = async (from: number, count: number) => {
    const found: { ids: number[]; positions: number[]; labels: number[] }[] = [];
    for await (const { batch } of batches.epoch(0, from)) {
      const { ids, mask, positions, labels } = batch;
      found.push({
        ids: [...ids.dataSync()],
        positions: [...positions!.dataSync()],
        labels: [...labels!.dataSync()],
      });
      for (const tensor of [ids, mask, positions, labels]) tensor!.dispose();
      if (found.length === count) break;
    }
    return found;
  };
  const all = await read(0, STEPS);
  for (const [step, { ids, positions, labels }] of all.entries()) {
    expect(labels.every((label) => label % 2 === (step % 3 === 2 ? 0 : 1))).toBe(true);
    expect(positions).toHaveLength(Math.round(0.15 * SHAPE.rows * (SHAPE.length - 2)));
    const hidden = positions.filter((at) => ids[at] === tokenizer.special.mask);
    expect(hidden.length).toBeGreaterThan(positions.length / 2);
    // A window is a run of its stream: what was hidden is between its neighbours.
    for (const [i, at] of positions.entries()) {
      const before = ids[at - 1]!;
      if (before >= 1000 && !positions.includes(at - 1)) expect(labels[i]).toBe(before + 2);
    }
  }
  expect(await read(2, 1)).toEqual(all.slice(2, 3));
});

test("the share of the steps is what the old delta takes to where a new one gets", () => {
  const tuning = (...scores: readonly number[]) => ({
    parameters: new Map(),
    curve: scores.map((score, i) => ({ step: 10 * i, score })),
  });
  const scratch = tuning(20, 50, 80, 97, 100); // 95 % of its best after 30 steps
  expect(shareOfSteps(scratch, tuning(96, 99, 99, 99, 99))).toBe(0);
  expect(shareOfSteps(scratch, tuning(60, 95, 99, 99, 99))).toBeCloseTo(1 / 3);
  expect(shareOfSteps(scratch, tuning(60, 60, 60, 60, 60))).toBeCloseTo(50 / 30);
});
