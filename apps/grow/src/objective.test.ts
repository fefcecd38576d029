import { memory } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { adamW, train } from "@cambium/train";
import { expect, test } from "vitest";
import { pretrainingData } from "./data.ts";
import { createSeedling, pretraining, type Seedling } from "./objective.ts";
import { maskedPerplexity } from "./perplexity.ts";
import { loadSeedling, saveSeedling } from "./seedling-files.ts";

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

function dispose({ parameters }: Seedling): void {
  disposeParameters(parameters);
}

async function trainFor(
  seedling: Seedling,
  steps: number,
): Promise<{ readonly losses: readonly number[]; readonly parameters: Parameters }> {
  const data = pretrainingData(stream, {
    phases: [{ shape: { batch: 8, seq: 16 }, steps }],
    maskCount: 16,
    vocabularySize: 25,
    random: random(2),
  });
  const losses: number[] = [];
  for await (const event of train(pretraining(seedling), data, { optimiser: adamW({ learningRate: 2e-2 }), steps })) {
    if (event.type === "step") losses.push(event.loss);
    if (event.type === "end") return { losses, parameters: event.parameters };
  }
  throw new Error("no end");
}

test("before training the loss is that of blind guesses: twice ln of the vocabulary", async () => {
  const seedling = createSeedling(config, random(1));
  const { losses, parameters } = await trainFor(seedling, 1);
  expect(Math.abs(losses[0]! - 2 * Math.log(25))).toBeLessThan(0.3); // random scores are small, not zero
  disposeParameters(parameters);
  dispose(seedling);
});

test("training lowers the loss and the held-out perplexity, and moves the pooler and the head", async () => {
  const seedling = createSeedling(config, random(1));
  const before = await maskedPerplexity(seedling.model, seedling.parameters, stream.subarray(0, 300));
  const { losses, parameters } = await trainFor(seedling, 12);
  const after = await maskedPerplexity(seedling.model, parameters, stream.subarray(0, 300));
  expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.5);
  expect(before).toBeGreaterThan(20);
  expect(after).toBeLessThan(0.7 * before);
  for (const name of ["pooler.dense.weight", "cls.predictions.bias", "embeddings.token_type_embeddings.weight"]) {
    expect(await parameters.get(name)!.data(), name).not.toEqual(await seedling.parameters.get(name)!.data());
  }
  disposeParameters(parameters);
  dispose(seedling);
});

test("a stored seedling comes back with its pooler, in 16 bits", async () => {
  const seedling = createSeedling(config, random(3));
  const files = memory();
  await saveSeedling(seedling, seedling.parameters, files);
  const stored = await loadSeedling(files);
  expect([...stored.parameters.keys()].sort()).toEqual([...seedling.parameters.keys()].sort());
  for (const [name, tensor] of seedling.parameters) {
    const [values, read] = await Promise.all([tensor.data(), stored.parameters.get(name)!.data()]);
    // Half precision keeps 11 bits: half a unit in the last place is below 2^-11 of the value, or 2^-25 near zero.
    expect(
      read.every((value, i) => Math.abs(value - values[i]!) <= Math.max(Math.abs(values[i]!) * 2 ** -11, 2 ** -25)),
    ).toBe(true);
  }
  dispose(seedling);
  dispose(stored);
});
