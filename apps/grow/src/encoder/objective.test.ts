import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { type BertConfig, createModel } from "@cambium/models";
import { adamW, train } from "@cambium/train";
import { zerosLike } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { growingData } from "../text/data.ts";
import { toMaskedBatch } from "./batch.ts";
import { framedRows, textWidth } from "./framing.ts";
import { maskPieces } from "./masking.ts";
import { createSeedling, pretraining, type Seedling, TOWARDS, towardsTeacher } from "./objective.ts";
import { maskedPerplexity } from "./perplexity.ts";
import { loadSeedling, saveSeedling } from "./seedling-files.ts";
import { targetsIn } from "./targets.ts";
import { type Teacher, teacherOf } from "./teacher.ts";

const stream = Uint16Array.from({ length: 2000 }, (_, i) => (i % 4 === 0 ? 6 + (i % 19) : 5)); // three of four pieces are the same
const config = {
  model_type: "bert",
  vocab_size: 25,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 128,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
} as const;

/** An encoder with random weights: one that is wider, as teachers are. */
const teacherModel = createModel<BertConfig>({ ...config, hidden_size: 24, num_attention_heads: 3 }, random(9));
const teacher: Teacher = await teacherOf(teacherModel);
const folder = await mkdtemp(join(tmpdir(), "grow-targets-"));
const targetsOf = targetsIn(
  folder,
  teacher,
  Array.from({ length: 25 }, (_, id) => 24 - id),
);
afterAll(async () => {
  disposeParameters(teacherModel.parameters);
  await rm(folder, { recursive: true });
});

const seedlingOf = (seed: number): Seedling =>
  towardsTeacher(createSeedling(config, random(seed)), teacher.width, random(seed));

function dispose({ parameters }: Seedling): void {
  disposeParameters(parameters);
}

async function trainFor(
  seedling: Seedling,
  steps: number,
): Promise<{ readonly losses: readonly number[]; readonly parameters: Parameters }> {
  const data = growingData(
    { stream },
    {
      phases: [{ shapes: [{ batch: 8, seq: 16 }] }],
      random: random(2),
      textWidth,
      about: null,
      async toBatch(block, shape, lots) {
        const rows = framedRows(block.texts, shape.seq);
        const masked = maskPieces(rows.ids, { count: 16, vocabularySize: 25 }, lots);
        return { ...toMaskedBatch(rows, masked, shape), ...(await targetsOf(block, rows, shape)) };
      },
    },
  );
  const losses: number[] = [];
  for await (const event of train(pretraining(seedling), data, {
    optimiser: adamW({ learningRate: 2e-2 }),
    steps,
  })) {
    if (event.type === "step") losses.push(event.loss);
    if (event.type === "end") return { losses, parameters: event.parameters };
  }
  throw new Error("no end");
}

test("before training the loss is that of blind guesses: ln of the vocabulary, the teacher's variance and a right angle", async () => {
  const drawn = seedlingOf(1);
  const towards = [...drawn.parameters].filter(([name]) => name.startsWith(TOWARDS));
  const guess = new Map(towards.map(([name, value]) => [name, zerosLike(value)]));
  const seedling = { ...drawn, parameters: new Map([...drawn.parameters, ...guess]) };
  const { losses, parameters } = await trainFor(seedling, 1);
  expect(Math.abs(losses[0]! - Math.log(25) - 2 - 4)).toBeLessThan(0.2); // scores of pieces are small, not zero
  disposeParameters(new Map(towards));
  disposeParameters(parameters);
  dispose(seedling);
});

test("training lowers the loss and the held-out perplexity, and moves the pooler and the head", async () => {
  const seedling = seedlingOf(1);
  const before = await maskedPerplexity(seedling.model, seedling.parameters, stream.subarray(0, 300));
  const { losses, parameters } = await trainFor(seedling, 12);
  const after = await maskedPerplexity(seedling.model, parameters, stream.subarray(0, 300));
  expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.5);
  expect(before).toBeGreaterThan(20);
  expect(after).toBeLessThan(0.7 * before);
  for (const name of [
    "pooler.dense.weight",
    "cls.predictions.bias",
    `${TOWARDS}rows.weight`,
    `${TOWARDS}pieces.bias`,
  ]) {
    expect(await parameters.get(name)!.data(), name).not.toEqual(await seedling.parameters.get(name)!.data());
  }
  disposeParameters(parameters);
  dispose(seedling);
});

test("a stored seedling comes back with its pooler, in 16 bits", async () => {
  const seedling = seedlingOf(3);
  const files = memory();
  await saveSeedling(seedling, seedling.parameters, files);
  const stored = await loadSeedling(files);
  const kept = [...seedling.parameters].filter(([name]) => !name.startsWith(TOWARDS));
  expect([...stored.parameters.keys()].sort()).toEqual(kept.map(([name]) => name).sort());
  for (const [name, tensor] of kept) {
    const [values, read] = await Promise.all([tensor.data(), stored.parameters.get(name)!.data()]);
    // Half precision keeps 11 bits: half a unit in the last place is below 2^-11 of the value, or 2^-25 near zero.
    expect(
      read.every((value, i) => Math.abs(value - values[i]!) <= Math.max(Math.abs(values[i]!) * 2 ** -11, 2 ** -25)),
    ).toBe(true);
  }
  dispose(seedling);
  dispose(stored);
});
