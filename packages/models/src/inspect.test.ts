import { fileURLToPath } from "node:url";
import { memory as memoryFiles } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { memory } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fixture, fixtureJson, heads } from "./fixtures.ts";
import type { HeadConfig } from "./head-config.ts";
import { inspectModel } from "./inspect.ts";
import { countLayout } from "./layout.ts";
import { loadModel } from "./load.ts";

test.each<[string, HeadConfig | undefined]>([
  ["bert/base", undefined],
  ["bert/sequence-classification", heads["sequence-classification"]],
  ["bert/token-classification", heads["token-classification"]],
  ["bert/regression", heads.regression],
  ["bert/masked-lm", heads["masked-lm"]],
  ["gpt2/gelu", { kind: "causal-lm" }],
  ["llama/bare", undefined],
  [
    "heads/roberta/multi-label",
    { kind: "sequence-classification", labels: ["urgent", "polite", "long", "odd"], multiLabel: true },
  ],
  ["heads/gpt2/regression", { kind: "regression", outputs: ["height", "weight", "age"] }],
  ["heads/llama/token-classification", { kind: "token-classification", labels: ["O", "B", "I"] }],
  ["heads/llama/question-answering", { kind: "question-answering" }],
  ["heads/bert/mean", { kind: "sequence-classification", labels: ["ham", "spam", "phishing"], pool: "mean" }],
])("the head of %s is the one that its file says", async (folder, head) => {
  expect((await inspectModel(fixture(folder))).head).toEqual(head);
});

test("sites, parameters and counts are those of the loaded model, and no tensor is made", async () => {
  const files = fixture("bert/sequence-classification");
  const before = memory().numTensors;
  const seen = await inspectModel(files);
  expect(memory().numTensors).toBe(before);
  const model = await loadModel(files, { head: heads["sequence-classification"] });
  expect(seen.sites).toEqual(model.sites());
  const shapes = [...model.parameters].map(([name, { shape }]) => [name, shape]);
  expect([...seen.stored].map(([name, { shape }]) => [name, shape])).toEqual(shapes);
  expect(countLayout(seen)).toBe([...model.parameters.values()].reduce((sum, { size }) => sum + size, 0));
  expect(seen.stored.get("classifier.weight")).toMatchObject({ fileName: "classifier.weight", dtype: "F32" });
  disposeParameters(model.parameters);
});

test("a head that the file lacks is named as random, one that is not used as unused", async () => {
  const head = heads["sequence-classification"];
  const seen = await inspectModel(fixture("bert/masked-lm"), { head });
  const model = await loadModel(fixture("bert/masked-lm"), { head, random: random(1) });
  expect(seen.created).toEqual(model.created);
  expect(seen.unused).toEqual(model.unused);
  expect(seen.unused.length).toBeGreaterThan(0);
  disposeParameters(model.parameters);
});

test("a GGUF file is a language model, whose blocks are named", async () => {
  const path = fileURLToPath(new URL("../fixtures/gguf/llama3.gguf", import.meta.url));
  const seen = await inspectModel(path);
  expect(seen.head).toEqual({ kind: "causal-lm" });
  expect(seen.created).toEqual([]);
});

test("labels without names are transformers' own", async () => {
  const {
    id2label: _,
    label2id: __,
    ...config
  } = fixtureJson<Record<string, unknown>>("bert/sequence-classification/config.json");
  const weights = await fixture("bert/sequence-classification").read("model.safetensors");
  const files = memoryFiles({
    "config.json": JSON.stringify({ ...config, num_labels: 3 }),
    "model.safetensors": weights,
  });
  expect((await inspectModel(files)).head).toMatchObject({ labels: ["LABEL_0", "LABEL_1", "LABEL_2"] });
});

test("files that do not fit their config are refused", async () => {
  const config = fixtureJson<Record<string, unknown>>("bert/base/config.json");
  const weights = await fixture("bert/base").read("model.safetensors");
  const files = memoryFiles({
    "config.json": JSON.stringify({ ...config, intermediate_size: 7 }),
    "model.safetensors": weights,
  });
  await expect(inspectModel(files)).rejects.toMatchObject({ code: "FORMAT" });
});
