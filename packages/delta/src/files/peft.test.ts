import { readFileSync } from "node:fs";
import { folder, memory, readJson } from "@cambium/base";
import { disposeParameters, openSafetensors } from "@cambium/core";
import { type LanguageModel, loadModel, type TokenBatch } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import { type Tensor, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
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
