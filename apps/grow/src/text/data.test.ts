import { random } from "@cambium/core";
import { dispose, type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type DataOptions, growingData } from "./data.ts";

const source = { stream: Uint16Array.from({ length: 6000 }, (_, i) => i) };
const short = { batch: 4, seq: 16 };
const options: DataOptions<{ readonly ids: Tensor2D; readonly lot: number }> = {
  phases: [
    { shapes: [short], steps: 3 },
    {
      shapes: [
        { batch: 2, seq: 32 },
        { batch: 8, seq: 8 },
      ],
    },
  ],
  random: random(1),
  about: null,
  toBatch: ({ texts }, { batch, seq }, lots) => ({
    ids: tensor2d(Int32Array.from(texts.flatMap((text) => [...text])), [batch, seq], "int32"),
    lot: lots.integers(1, 1e6)[0]!,
  }),
};

async function take(from: number, count: number) {
  const taken = [];
  for await (const { batch, rows } of growingData(source, options).epoch(0, from)) {
    taken.push({ shape: batch.ids.shape.join(), ids: [...batch.ids.dataSync()], lot: batch.lot, rows });
    dispose(batch.ids);
    if (taken.length === count) break;
  }
  return taken;
}

test("a run that goes on later gets the batches and the draws that it would have got", async () => {
  expect((await take(0, 6)).slice(2)).toEqual(await take(2, 4));
});

test("rows get longer in the second phase and take turns with short ones", async () => {
  const all = await take(0, 8);
  expect(all.map(({ shape }) => shape)).toEqual(["4,16", "4,16", "4,16", "2,32", "8,8", "2,32", "8,8", "2,32"]);
  expect(all.map(({ rows }) => rows)).toEqual([4, 4, 4, 2, 8, 2, 8, 2]);
});

test("data of another text, share or mask describe themselves otherwise", async () => {
  const told = (data: Parameters<typeof growingData>[0], about: string) =>
    JSON.stringify(growingData(data, { ...options, about }).describe());
  const replay = { stream: source.stream, share: 0.1 };
  const all = [told(source, "a"), told(source, "b"), told({ ...source, replay }, "a")];
  expect(new Set(all).size).toBe(3);
  expect(told(source, "a")).toBe(all[0]);
});
