import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, random } from "@cambium/core";
import { type BertConfig, createModel } from "@cambium/models";
import { dispose, ones, type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blocksOf } from "../text/blocks.ts";
import { framedRows } from "./framing.ts";
import { fromCodes, type Targets, targetsIn, toCodes } from "./targets.ts";
import { type Teacher, teacherOf } from "./teacher.ts";

const model = createModel<BertConfig>(
  {
    ...{ model_type: "bert", vocab_size: 30, hidden_size: 12, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{ intermediate_size: 24, max_position_embeddings: 32 },
  },
  random(9),
);
const shape = { batch: 2, seq: 8 };
const stream = Uint16Array.from({ length: 400 }, (_, i) => 5 + (i % 20));
const blocks = blocksOf(stream, { batch: 2, width: 6 }, random(1));
const ids = Array.from({ length: 30 }, (_, id) => 29 - id);
let folder: string;
let teacher: Teacher;
let asked = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "grow-targets-"));
  const own = await teacherOf(model);
  teacher = {
    ...own,
    represent(batch) {
      asked++;
      return own.represent(batch);
    },
  };
});
afterAll(async () => {
  disposeParameters(model.parameters);
  await rm(folder, { recursive: true });
});

/** A block's targets as numbers, and how often the teacher was asked for them. */
async function targetsAt(number: number, teacherIds: readonly number[] = ids) {
  const before = asked;
  const block = blocks(number);
  const targets: Targets = await targetsIn(folder, teacher, teacherIds)(block, framedRows(block.texts, 8), shape);
  const values = Object.values(targets).map((tensor) => [...tensor.dataSync()]);
  for (const tensor of Object.values(targets)) tensor.dispose();
  return { values, asked: asked - before };
}

test("what the teacher said once is read the next time, to the bit, in any order", async () => {
  const first = [await targetsAt(5), await targetsAt(2)];
  expect(first.map((each) => each.asked)).toEqual([1, 1]);
  const again = [await targetsAt(2), await targetsAt(5)];
  expect(again.map((each) => each.asked)).toEqual([0, 0]);
  expect(again.map(({ values }) => values)).toEqual([first[1]!.values, first[0]!.values]);
});

test("it is what the teacher says, within half a step of its piece's scale", async () => {
  const block = blocks(7);
  const rows = framedRows(block.texts, 8);
  const { values } = await targetsAt(7);
  const batch = {
    ids: tensor2d(
      rows.ids.map((id) => ids[id]!),
      [2, 8],
      "int32",
    ),
    types: tensor2d(rows.types, [2, 8], "int32"),
    mask: ones([2, 8]) as Tensor2D,
  };
  const said = teacher.represent(batch);
  const pieces = said.pieces.dataSync() as Float32Array;
  for (let i = 0; i < pieces.length; i += 12) {
    const own = [...pieces.subarray(i, i + 12)];
    const half = Math.max(...own.map(Math.abs)) / 127 / 2;
    for (const [j, value] of own.entries()) expect(Math.abs(values[0]![i + j]! - value)).toBeLessThan(1.001 * half);
  }
  expect(values[1]).toEqual([...said.rows.dataSync()]);
  dispose([said.pieces, said.rows, ...Object.values(batch)]);
});

test("a record that a crash cut or changed is worked out again", async () => {
  const whole = await targetsAt(3);
  const [name] = await readdir(folder);
  const file = await open(join(folder, name!), "r+");
  const size = 4 + 4 * (16 + 24) + 16 * 12;
  await file.write(Buffer.from([77, 77, 77]), 0, 3, blocks(3).index * size + 40);
  await file.close();
  const again = await targetsAt(3);
  expect(again.asked).toBe(1);
  expect(again.values).toEqual(whole.values);
  expect((await targetsAt(3)).asked).toBe(0);
});

test("another vocabulary has targets of its own", async () => {
  await targetsAt(4);
  const other = await targetsAt(4, [...ids].reverse());
  expect(other.asked).toBe(1);
});

test("numbers in 8 bits come back within half a step, and zeros as zeros", () => {
  const values = Float32Array.from([1, -2, 0.5, 0, 0, 0, 300, 1, -1]);
  const back = fromCodes(toCodes(values, 3));
  expect(Math.max(...[0, 1, 2].map((i) => Math.abs(back[i]! - values[i]!)))).toBeLessThan(1.001 / 127);
  expect([...back.subarray(3, 6)]).toEqual([0, 0, 0]);
  expect(back[6]).toBeCloseTo(300, 3);
});
