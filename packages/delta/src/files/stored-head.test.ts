import { type Files, memory, readJson } from "@cambium/base";
import { disposeParameters, loadSafetensors, openSafetensors, random, saveSafetensors } from "@cambium/core";
import type { HeadConfig, LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { afterEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { adapter } from "../methods/adapter.ts";
import { head } from "../methods/head.ts";
import { lora } from "../methods/lora.ts";
import { adapterHead } from "./adapter-head.ts";
import { loadAdapter } from "./load-adapter.ts";
import { saveAdapter } from "./save-adapter.ts";

const owned: LanguageModel["parameters"][] = [];
afterEach(() => {
  for (const tree of owned.splice(0)) disposeParameters(tree);
});

function model(top: HeadConfig | undefined): LanguageModel {
  const made = tinyModel({ head: top });
  owned.push(made.parameters);
  return made;
}

const classes = (...labels: string[]): HeadConfig => ({ kind: "sequence-classification", labels });

async function saved(base: LanguageModel, ...make: ((base: LanguageModel) => Delta)[]): Promise<Files> {
  const files = memory();
  const tuned = attach(base, ...make.map((each) => each(base)));
  owned.push(tuned.parameters);
  await saveAdapter(tuned, files, { untrained: true });
  return files;
}

async function load(base: LanguageModel, files: Files): Promise<void> {
  owned.push((await loadAdapter(base, files)).parameters);
}

const low = (base: LanguageModel): Delta => lora(base, { rank: 2 }, random(1));
const bottleneck = (base: LanguageModel): Delta => adapter(base, {}, random(1));
const forms = [
  ["a PEFT folder", low],
  ["the native container", bottleneck],
] as const;

test.each(forms)("labels travel in %s, and others or another order are refused with both", async (_, main) => {
  for (const deltas of [[main, head], [main]]) {
    const files = await saved(model(classes("ham", "spam")), ...(deltas as (typeof main)[]));
    await load(model(classes("ham", "spam")), files);
    for (const labels of [
      ["spam", "ham"],
      ["positive", "negative"],
    ]) {
      const loading = load(model(classes(...labels)), files);
      await expect(loading).rejects.toMatchObject({ code: "FORMAT" });
      await expect(loading).rejects.toThrow(`labels ham, spam, in this order; the model has ${labels.join(", ")}`);
    }
  }
});

test.each(forms)("a head of another kind of %s is refused by name, though its shapes are the same", async (_, main) => {
  const files = await saved(model({ kind: "token-classification", labels: ["a", "b"] }), main, head as never);
  await expect(load(model(classes("a", "b")), files)).rejects.toThrow(
    'holds a head of the kind "token-classification", and the model\'s is "sequence-classification"',
  );
});

test.each(forms)(
  "%s without a head's weights goes to a model with a head of another kind, or without one",
  async (_, main) => {
    const files = await saved(model({ kind: "masked-lm" }), main);
    await load(model(classes("a", "b")), files);
    await load(model(undefined), files);
    await load(model({ kind: "regression" }), await saved(model(undefined), main));
  },
);

test("a regression's adapter is no classifier's", async () => {
  const files = await saved(model({ kind: "regression" }), low, head as never);
  await expect(load(model(classes("a", "b")), files)).rejects.toThrow(/"regression".*"sequence-classification"/);
});

const several: HeadConfig = { kind: "sequence-classification", labels: ["a", "b"], multiLabel: true };

test.each<[string, HeadConfig, HeadConfig]>([
  ["several labels and one", several, classes("a", "b")],
  ["one label and several", classes("a", "b"), several],
  ["the mean and the first token", { kind: "regression", pool: "mean" }, { kind: "regression" }],
  ["the first token and the mean", { kind: "regression" }, { kind: "regression", pool: "mean" }],
  [
    "two outputs and two others",
    { kind: "regression", outputs: ["a", "b"] },
    { kind: "regression", outputs: ["b", "a"] },
  ],
])("adapters trained for %s are told apart, whether they hold the head or not", async (_, trained, asked) => {
  for (const deltas of [[low, head], [low]]) {
    const files = await saved(model(trained), ...(deltas as (typeof low)[]));
    await load(model(trained), files);
    const loading = load(model(asked), files);
    await expect(loading).rejects.toMatchObject({ code: "FORMAT" });
    await expect(loading).rejects.toThrow(JSON.stringify(trained));
  }
});

test.each<[HeadConfig, string, string[]]>([
  [several, "SEQ_CLS", ["classifier"]],
  [{ kind: "regression", outputs: 3 }, "SEQ_CLS", ["classifier"]],
  [{ kind: "question-answering" }, "QUESTION_ANS", ["qa_outputs"]],
])("an adapter with the head %j is a PEFT folder of its task", async (top, task, modules) => {
  const files = await saved(model(top), low, head as never);
  expect(await readJson(files, "adapter_config.json")).toMatchObject({ task_type: task, modules_to_save: modules });
});

test("an adapter with a head that reads the mean is none for PEFT, and says why", async () => {
  const base = model({ kind: "regression", pool: "mean" });
  const tuned = attach(base, low(base), head(base));
  owned.push(tuned.parameters);
  expect(await saveAdapter(tuned, memory(), { untrained: true })).toEqual({
    format: "native",
    reason: 'transformers has no head that reads "mean" on this model',
  });
});

test("the config of a PEFT folder has PEFT's keys alone, and a file without labels loads as before", async () => {
  const files = await saved(model(classes("a", "b")), low, head as never);
  expect(JSON.stringify(await readJson(files, "adapter_config.json"))).not.toMatch(/cambium|label/);
  const name = "adapter_model.safetensors";
  expect((await openSafetensors(files, name)).metadata).toEqual({
    format: "pt",
    cambium_head: '{"kind":"sequence-classification","labels":["a","b"]}',
  });
  const tensors = await loadSafetensors(files, name);
  await saveSafetensors(files, name, tensors, { metadata: { format: "pt" } });
  disposeParameters(tensors);
  await load(model(classes("b", "a")), files);
});

test("a head that cannot be meant is a typed error", async () => {
  const files = await saved(model(classes("a", "b")), low);
  const name = "adapter_model.safetensors";
  const tensors = await loadSafetensors(files, name);
  for (const text of ["7", "{", '{"kind":3}', '{"kind":"sequence-classification","labels":"ab"}']) {
    await saveSafetensors(files, name, tensors, { metadata: { cambium_head: text } });
    await expect(load(model(classes("a", "b")), files)).rejects.toMatchObject({ code: "FORMAT" });
  }
  disposeParameters(tensors);
});

test.each(forms)(
  "the head in %s is read without a model, and is the one that the adapter loads on",
  async (_, main) => {
    const files = await saved(model(classes("ham", "spam")), main, head);
    const stored = await adapterHead(files);
    expect(stored).toEqual(classes("ham", "spam"));
    await load(model(stored), files);
    expect(await adapterHead(await saved(model(undefined), main))).toBeUndefined();
  },
);

test("a head of another kind in the metadata, and a folder without an adapter, are errors", async () => {
  const files = await saved(model(classes("ham", "spam")), low, head);
  const tensors = await loadSafetensors(files, "adapter_model.safetensors");
  owned.push(tensors);
  const metadata = { cambium_head: '{"kind":"sequence-tagging"}' };
  await saveSafetensors(files, "adapter_model.safetensors", tensors, { metadata });
  await expect(adapterHead(files)).rejects.toMatchObject({ code: "FORMAT" });
  await expect(adapterHead(memory())).rejects.toMatchObject({ code: "FILE" });
});
