import { readFileSync } from "node:fs";
import { folder, memory, readJson } from "@cambium/base";
import { disposeParameters, openSafetensors, random } from "@cambium/core";
import { type LanguageModel, loadModel, type TokenBatch } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import { type Tensor, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { head } from "../methods/head.ts";
import { prefix } from "../methods/prefix.ts";
import { prompt } from "../methods/prompt.ts";
import { loadAdapter } from "./load-adapter.ts";
import { matchPeftTargets } from "./peft-targets.ts";
import { saveAdapter } from "./save-adapter.ts";

// Written by PEFT: see make.py and README.md beside them.
const fixtures = new URL("../../fixtures/peft/", import.meta.url);
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, fixtures), "utf8"));
const at = (name: string): ReturnType<typeof folder> => folder(new URL(name, fixtures).pathname);

type Family = "bert" | "roberta";
const labels = ["LABEL_0", "LABEL_1", "LABEL_2"];
const loadBase = (family: Family, isBare: boolean): Promise<LanguageModel> =>
  loadModel(at(family), isBare ? {} : { head: { kind: "sequence-classification", labels } });

function inputsOf(family: Family): TokenBatch {
  const rows = (json("inputs.json") as Record<Family, Record<"ids" | "mask" | "types", number[][]>>)[family];
  return {
    ids: tensor2d(rows.ids, undefined, "int32"),
    mask: tensor2d(rows.mask, undefined, "float32"),
    types: tensor2d(rows.types, undefined, "int32"),
  };
}

interface Adapter {
  readonly name: string;
  readonly family: Family;
}

const adapters: readonly Adapter[] = [
  "bert-lora",
  "bert-rslora",
  "bert-ia3",
  "bert-prompt",
  "bert-prefix",
  "bert-bare-lora",
  "roberta-lora",
  "roberta-ia3",
  "roberta-prompt",
  "roberta-prefix",
  "roberta-bare-lora",
].map((name) => ({ name, family: name.split("-")[0] as Family }));

test.each(adapters)("$name gives the logits that PEFT gives", async ({ name, family }) => {
  const base = await loadBase(family, name.includes("bare"));
  const batch = inputsOf(family);
  const tuned = attach(base, await loadAdapter(base, at(name)));
  const expected = json(`${name}/expected.json`) as { logits?: number[][]; hidden?: number[][][] };
  const output = tuned.forward(batch);
  const received = (expected.logits === undefined ? output.hidden : output.logits) as Tensor;
  // Two float32 implementations of a random encoder differ by up to 9e-6.
  expect(received).toBeAllClose((expected.logits ?? expected.hidden)!, { absolute: 1e-4, relative: 0 });
  disposeFields(output);
  disposeFields(batch);
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
});

test.each(adapters)("$name saved again has the tensors of PEFT's file, to the bit", async ({ name, family }) => {
  const base = await loadBase(family, name.includes("bare"));
  const tuned = attach(base, await loadAdapter(base, at(name)));
  const files = memory();
  expect(await saveAdapter(tuned, files)).toEqual({ format: "peft" });
  const [ours, theirs] = await Promise.all(
    [files, at(name)].map((source) => openSafetensors(source, "adapter_model.safetensors")),
  );
  expect([...ours!.entries.keys()].sort()).toEqual([...theirs!.entries.keys()].sort());
  expect(ours!.metadata).toMatchObject(theirs!.metadata);
  for (const key of theirs!.entries.keys()) {
    expect(ours!.entries.get(key)!.shape).toEqual(theirs!.entries.get(key)!.shape);
    expect(await ours!.values(key)).toEqual(await theirs!.values(key));
  }
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
});

/** Fields whose form may differ for the same meaning: patterns are written by path, starts and names are not restored. */
const free = ["rank_pattern", "alpha_pattern", "init_lora_weights", "auto_mapping", "base_model_name_or_path"];

test.each(adapters)("the config of $name saved again agrees with PEFT's", async ({ name, family }) => {
  const base = await loadBase(family, name.includes("bare"));
  const tuned = attach(base, await loadAdapter(base, at(name)));
  const files = memory();
  await saveAdapter(tuned, files);
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
  const ours = (await readJson(files, "adapter_config.json")) as Record<string, unknown>;
  const theirs = json(`${name}/adapter_config.json`) as Record<string, unknown>;
  expect(Object.keys(theirs)).toEqual(expect.arrayContaining(Object.keys(ours)));
  for (const [key, value] of Object.entries(ours)) {
    if (free.includes(key)) continue;
    if (key === "target_modules") expect(paths(base, value)).toEqual(paths(base, theirs[key]));
    // PEFT lists a second name for classifiers, which these models do not have.
    else if (key === "modules_to_save") expect(value).toEqual(theirs[key] === null ? null : ["classifier"]);
    else if (key === "task_type") expect([value, "FEATURE_EXTRACTION"]).toContain(theirs[key] ?? "FEATURE_EXTRACTION");
    else expect(value).toEqual(theirs[key]);
  }
});

/** The linear layers that PEFT's rules give for target modules. */
function paths(base: LanguageModel, targets: unknown): readonly string[] {
  const names = base.sites().flatMap(({ kind, path }) => (kind === "linear" ? [path] : []));
  return matchPeftTargets(
    names.map((name) => base.fileName(name)),
    { target_modules: targets as string | string[], modules_to_save: ["classifier"] },
  ).matched;
}

test.each(["bert-bare-prompt", "bert-bare-prefix"])(
  "%s ignores types, as PEFT does without a head, and is its file again",
  async (name) => {
    const base = await loadBase("bert", true);
    const batch = inputsOf("bert");
    const delta = await loadAdapter(base, at(name));
    expect((delta as Delta).config).toMatchObject({ types: "ignored" });
    const tuned = attach(base, delta);
    const output = tuned.forward(batch);
    const { hidden } = json(`${name}/expected.json`) as { hidden: number[][][] };
    expect(output.hidden).toBeAllClose(hidden, { absolute: 1e-4, relative: 0 });
    const files = memory();
    expect(await saveAdapter(tuned, files)).toEqual({ format: "peft" });
    const [ours, theirs] = [
      await loadAdapter(base, files),
      await openSafetensors(at(name), "adapter_model.safetensors"),
    ];
    expect(Array.from(ours.parameters.get("prompt_embeddings")!.dataSync())).toEqual(
      Array.from((await theirs.values("prompt_embeddings")) as Float32Array),
    );
    disposeFields(output);
    disposeFields(batch);
    for (const tree of [ours.parameters, tuned.parameters, base.parameters]) disposeParameters(tree);
  },
);

test("a prompt under a head on tokens gives PEFT's scores of the words, without those of the prompt's rows", async () => {
  const config = { ...(json("bert/config.json") as object), architectures: ["BertForTokenClassification"] };
  const name = "model.safetensors";
  const files = memory({ "config.json": JSON.stringify(config), [name]: await at("bert").read(name) });
  const base = await loadModel(files, { head: { kind: "token-classification", labels } });
  const batch = inputsOf("bert");
  const tuned = attach(base, await loadAdapter(base, at("bert-token-prompt")));
  const output = tuned.forward(batch);
  const { logits } = json("bert-token-prompt/expected.json") as { logits: number[][][] };
  const [rows, words] = [logits[0]!.length, batch.ids.shape[1]];
  expect(rows - words).toBe(3);
  expect(output.logits!).toBeAllClose(
    logits.map((row) => row.slice(3)),
    { absolute: 1e-4, relative: 0 },
  );
  disposeFields(output);
  disposeFields(batch);
  disposeParameters(tuned.parameters);
  disposeParameters(base.parameters);
});

test.each([
  ["read", true, /^PEFT ignores types on a model without a head.*types: "ignored"/],
  ["ignored", false, /^PEFT reads types where the model has a head/],
] as const)(
  "types that are %s where PEFT does otherwise are saved natively, with the reason",
  async (types, isBare, reason) => {
    const base = await loadBase("bert", isBare);
    for (const make of [prompt, prefix]) {
      const tuned = attach(base, make(base, { length: 2, types }, random(1)), ...(isBare ? [] : [head(base)]));
      const files = memory();
      expect(await saveAdapter(tuned, files, { untrained: true })).toEqual({
        format: "native",
        reason: expect.stringMatching(reason),
      });
      disposeParameters((await loadAdapter(base, files)).parameters);
      disposeParameters(tuned.parameters);
    }
    disposeParameters(base.parameters);
  },
);
