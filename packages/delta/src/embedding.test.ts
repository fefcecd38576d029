import { memory, readJson, result } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { createModel, type EmbeddingHead, type LanguageModel, type TokenBatch } from "@cambium/models";
import { disposeFields, tinyModel } from "@cambium/models/testing";
import { adamW, type Batches, train } from "@cambium/train";
import { tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "./attach.ts";
import { loadAdapter } from "./files/load-adapter.ts";
import { saveAdapter } from "./files/save-adapter.ts";
import { lora } from "./methods/lora.ts";

const int = (rows: number[][]) => tensor2d(rows, undefined, "int32");

/** Three texts, then their pairs. */
const pairs = (): TokenBatch => ({
  ids: int([
    [3, 9, 14],
    [4, 18, 6],
    [12, 8, 21],
    [5, 11, 2],
    [17, 4, 1],
    [9, 20, 11],
  ]),
  mask: tensor2d(Array.from({ length: 6 }, () => [1, 1, 1])),
  labels: int([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]),
});

const data: Batches<TokenBatch> = {
  batchCount: 1,
  async *epoch() {
    yield { batch: pairs(), rows: 3, isLast: true };
  },
  describe: () => ({ kind: "one batch" }),
};

const tiny = (head: EmbeddingHead): LanguageModel => tinyModel({ dropout: 0, head });

test("train tunes embeddings by pairs through a delta, unchanged, and files bring the vectors back", async () => {
  const model = tiny({ kind: "embedding", symmetric: true });
  const tuned = attach(model, lora(model, { rank: 4, targets: "all-linear" }, random(1)));
  const { parameters } = await result(
    train(tuned, data, { optimiser: adamW({ learningRate: 3e-2 }), steps: 30, random: random(2) }),
  );
  const batch = pairs();
  const context = { random: random(3), training: false };
  const lossAt = (point: Parameters): number => tidy(() => tuned.loss(point, batch, context).dataSync()[0]!);
  expect(lossAt(parameters)).toBeLessThan(0.1 * lossAt(tuned.parameters));

  const files = memory();
  await saveAdapter(tuned.with(parameters), files);
  expect(await readJson(files, "adapter_config.json")).toMatchObject({ task_type: "FEATURE_EXTRACTION" });
  const plain = createModel(model.config, random(1)); // of other weights: names and shapes are what is asked
  const restored = attach(model, await loadAdapter(model, files));
  const without = attach(plain, await loadAdapter(plain, files));
  tidy(() => {
    const [a, b] = [restored.forward(batch).logits!, tuned.with(parameters).forward(batch).logits!];
    expect(a.dataSync()).toEqual(b.dataSync());
  });
  const trees = [restored, without, tuned, model, plain].map((each) => each.parameters);
  for (const tree of [parameters, ...trees]) disposeParameters(tree);
  disposeFields(batch);
});

test("a checkpoint belongs to the loss and its temperature", async () => {
  const describe = async (head: Omit<EmbeddingHead, "kind">): Promise<string> => {
    const model = tiny({ kind: "embedding", ...head });
    const tuned = attach(model, lora(model, { rank: 2 }, random(1)));
    const described = JSON.stringify(await tuned.describe());
    for (const tree of [tuned.parameters, model.parameters]) disposeParameters(tree);
    return described;
  };
  const plain = await describe({});
  expect(await describe({ scale: 20, loss: "in-batch" })).toBe(plain);
  for (const head of [{ scale: 10 }, { symmetric: true }, { loss: "cosent" }, { pooling: "cls" }] as const)
    expect(await describe(head)).not.toBe(plain);
});

test("an adapter of embeddings goes to another temperature, and not to another pooling", async () => {
  const model = tiny({ kind: "embedding", pooling: "max" });
  const tuned = attach(model, lora(model, { rank: 2 }, random(1)));
  const files = memory();
  await saveAdapter(tuned, files, { untrained: true });
  const warmer = tiny({ kind: "embedding", pooling: "max", scale: 5 });
  const loaded = await loadAdapter(warmer, files);
  const other = tiny({ kind: "embedding", pooling: "cls" });
  await expect(loadAdapter(other, files)).rejects.toThrow('"pooling":"max"');
  for (const { parameters } of [model, tuned, warmer, loaded, other]) disposeParameters(parameters);
});
