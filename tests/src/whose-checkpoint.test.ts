/** A LoRA on a real model: the checkpoint of a run that differs in one thing is refused, whatever that is. */
import { memory, result } from "@cambium/base";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { attach, head, type LoraOptions, lora } from "@cambium/delta";
import { collate, loadModel, loadTokenizer } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import { adamW, batches, linear, train } from "@cambium/train";
import { afterAll, beforeAll, expect, test } from "vitest";

beforeAll(() => useBackend("onnx"));
afterAll(() => useBackend("cpu"));

const rows = [
  { text: "Win a free prize now, click here", label: "spam" },
  { text: "The meeting moves to Tuesday at ten", label: "ham" },
  { text: "Cheap loans, no credit check, act today", label: "spam" },
  { text: "I have attached the draft we talked about", label: "ham" },
];

const plain = {
  lora: { rank: 2, targets: ["attn.q"] } as LoraOptions,
  seed: 1,
  labels: ["ham", "spam"],
  headSeed: 0,
  model: "bert-2x128",
  rows,
  maxLength: 32,
  size: 2,
  order: 2,
  dropoutSeed: 3,
  steps: 40,
};
type Settings = typeof plain;

/** One step, or none where the checkpoint is taken up. */
async function run(settings: Settings, checkpoint = memory(), steps = 1): Promise<number> {
  const source = sapling(settings.model as "bert-2x128");
  const { labels } = settings;
  const base = await loadModel(source, {
    head: { kind: "sequence-classification", labels },
    random: random(settings.headSeed),
  });
  const tokenizer = await loadTokenizer(source);
  const tuned = attach(base, lora(base, settings.lora, random(settings.seed)), head(base));
  let taken = 0;
  try {
    const data = batches(settings.rows, collate(base, tokenizer, { maxLength: settings.maxLength }), {
      size: settings.size,
      random: random(settings.order),
    });
    const { parameters } = await result(
      train(tuned, data, {
        optimiser: adamW({ learningRate: linear(1e-3, { steps: settings.steps }) }),
        steps,
        random: random(settings.dropoutSeed),
        checkpoint,
      }),
      ({ type }) => {
        if (type === "step") taken++;
      },
    );
    disposeParameters(parameters);
  } finally {
    disposeParameters(tuned.parameters);
    disposeParameters(base.parameters);
  }
  return taken;
}

test("the same run, made again, is resumed", async () => {
  const files = memory();
  expect(await run(plain, files)).toBe(1);
  expect(await run(plain, files)).toBe(0);
  expect(await run(plain, files, 3)).toBe(2);
});

test.each<[string, Partial<Settings>, string]>([
  ["LoRA's alpha", { lora: { ...plain.lora, alpha: 7 } }, "alpha"],
  ["LoRA's dropout", { lora: { ...plain.lora, dropout: 0.1 } }, "dropout"],
  ["rsLoRA", { lora: { ...plain.lora, rsLora: true } }, "rs"],
  ["LoRA's seed", { seed: 9 }, "start.parameters"],
  ["the head's seed", { headSeed: 9 }, "start.parameters"],
  ["the order of the labels", { labels: ["spam", "ham"] }, "label"],
  ["a text", { rows: rows.with(3, { text: "I have attached another draft", label: "ham" }) }, "data.fingerprint"],
  ["a label", { rows: rows.with(0, { ...rows[0]!, label: "ham" }) }, "data.fingerprint"],
  ["the rows of another fold", { rows: [...rows.slice(2), ...rows.slice(0, 2)] }, "data.fingerprint"],
  ["the length of the longest text", { maxLength: 6 }, "data."],
  ["the size of the batches", { size: 4 }, "data.size"],
  ["the seed of the order", { order: 9 }, "data.shuffled.seed"],
  ["the seed of dropout", { dropoutSeed: 9 }, "random.seed"],
  ["the schedule", { steps: 30 }, "learningRate"],
])("%s", async (what, change, place) => {
  const files = memory();
  // A schedule that falls has its peak at the first step, whatever its length.
  const steps = what === "the schedule" ? 2 : 1;
  await run(plain, files, steps);
  await expect(run({ ...plain, ...change }, files, steps)).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringMatching(new RegExp(`belongs to another run: .*${place}`, "i")),
  });
});
