import { random } from "@cambium/core";
import type { MiniBatch } from "@cambium/train";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { pretrainingData } from "./data.ts";
import type { PretrainingBatch } from "./objective.ts";

const stream = Uint16Array.from({ length: 3000 }, (_, i) => 5 + (i % 90));
const options = {
  phases: [
    { shapes: [{ batch: 4, seq: 16 }], steps: 3 },
    {
      shapes: [
        { batch: 2, seq: 32 },
        { batch: 8, seq: 8 },
      ],
      steps: 3,
    },
  ],
  maskCount: 8,
  teacherIds: Array.from({ length: 95 }, (_, id) => 1000 + id),
  random: random(1),
};

async function take(
  from: number,
  count: number,
): Promise<
  { readonly shape: number[]; readonly ids: Int32Array; readonly labels: Int32Array; readonly rows: number }[]
> {
  const taken = [];
  for await (const { batch, rows } of pretrainingData(stream, options).epoch(0, from) as AsyncIterable<
    MiniBatch<PretrainingBatch>
  >) {
    taken.push({
      shape: batch.ids.shape,
      ids: (await batch.ids.data()) as Int32Array,
      labels: (await batch.labels.data()) as Int32Array,
      rows,
    });
    dispose(Object.values(batch) as Tensor[]);
    if (taken.length === count) break;
  }
  return taken;
}

test("a run that goes on later gets the batches it would have got", async () => {
  expect((await take(0, 6)).slice(2)).toEqual(await take(2, 4));
});

test("rows get longer in the second phase and take turns with short ones, and the number of hidden pieces stays", async () => {
  const all = await take(0, 8);
  expect(all.map(({ shape }) => shape.join())).toEqual(["4,16", "4,16", "4,16", "2,32", "8,8", "2,32", "8,8", "2,32"]);
  expect(all.map(({ rows }) => rows)).toEqual([4, 4, 4, 2, 8, 2, 8, 2]);
  expect(all.every(({ labels }) => labels.length === options.maskCount)).toBe(true);
});
