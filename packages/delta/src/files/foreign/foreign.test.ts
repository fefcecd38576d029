import { readFileSync } from "node:fs";
import { type Files, folder, memory } from "@cambium/base";
import { disposeParameters, openSafetensors, random, saveSafetensors } from "@cambium/core";
import { type LanguageModel, loadModel, saveModel } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import { mul, type Tensor, tensor1d, tidy, transpose } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../../attach.ts";
import type { Delta, Stack } from "../../delta.ts";
import { type GoldenBatch, goldenBatch, goldenFolder, loadGoldenBase } from "../golden.fixture.ts";
import { loadAdapter } from "../load-adapter.ts";

const fixtures = new URL("../../../fixtures/foreign/", import.meta.url);
const owned: { readonly parameters: ReadonlyMap<string, Tensor> }[] = [];
const own = <D extends { readonly parameters: ReadonlyMap<string, Tensor> }>(owner: D): D => {
  owned.push(owner);
  return owner;
};
afterEach(() => {
  for (const { parameters } of owned.splice(0)) disposeParameters(parameters);
});

interface Golden {
  readonly base: string;
  readonly batch: GoldenBatch;
  readonly logits: number[][];
}

test.each(["lora", "seq-bn", "double-seq-bn", "par-bn", "pickled"])(
  "the adapters library's %s, its head included, does what it does there",
  async (name) => {
    const source = new URL(`adapters-${name}/`, fixtures);
    const golden = JSON.parse(readFileSync(new URL("expected.json", source), "utf8")) as Golden;
    const base = own(await loadGoldenBase(golden.base));
    const delta = own(await loadAdapter(base, folder(source.pathname)));
    const batch = goldenBatch(golden.batch);
    const logits = tidy(() => Array.from(attach(base, delta).forward(batch).logits!.dataSync()));
    expect(logits).toBeAllClose(golden.logits.flat(), { absolute: 1e-4, relative: 1e-4 });
    disposeFields(batch);
  },
);

/** A folder's content in memory, some files changed. */
async function copyOf(source: Files, change: (name: string, text: string) => string): Promise<Files> {
  const copy = memory();
  for (const { name } of await source.list()) {
    const bytes = await source.read(name);
    await copy.write(name, name.endsWith(".json") ? change(name, new TextDecoder().decode(bytes)) : bytes);
  }
  return copy;
}

test.each([
  ['"use_gating": false', '"use_gating": true', /"use_gating" true, which is not read/],
  ['"non_linearity": "relu"', '"non_linearity": "mish"', /non_linearity "mish"; relu, gelu/],
  ['"scaling": 1.0', '"scaling": "learned"', /scaling "learned"; only a fixed one/],
  ['"original_ln_before": true', '"original_ln_before": false', /"seq_bn", "double_seq_bn" and "par_bn" are read/],
  ['"name": "tuned"', '"name": "other"', /unexpected bert\.encoder\.layer\.0\.output\.adapters\.tuned/],
  ['"LABEL_0": 0', '"SPAM": 0', /was trained with the labels SPAM, LABEL_1, LABEL_2/],
])("an adapters folder with %s as %s is refused with the reason", async (from, to, reason) => {
  const source = folder(new URL("adapters-seq-bn/", fixtures).pathname);
  const files = await copyOf(source, (_, text) => text.replace(from, to));
  const base = own(await loadGoldenBase("delta/fixtures/peft/bert"));
  await expect(loadAdapter(base, files)).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(reason),
  });
});

test("a head of one label, which transformers trains as a number, is a regression's", async () => {
  const source = folder(new URL("adapters-seq-bn/", fixtures).pathname);
  const files = await copyOf(source, (_, text) => text.replace(/,\s*"LABEL_1": 1,\s*"LABEL_2": 2/, ""));
  const weights = new Map([
    ["classifier.weight", random(1).normal([1, 12])],
    ["classifier.bias", random(2).normal([1])],
  ]);
  await saveSafetensors(files, "model_head.safetensors", weights);
  const body = own(await loadModel(folder(new URL("../peft/bert/", fixtures).pathname)));
  const bert = memory();
  await saveModel(body, bert);
  const number = own(await loadModel(bert, { head: { kind: "regression" }, random: random(3) }));
  const { parameters } = own(await loadAdapter(number, files));
  expect(parameters.get("head/classifier.bias")).toBeAllClose(weights.get("classifier.bias")!);
  const base = own(await loadGoldenBase("delta/fixtures/peft/bert"));
  await expect(loadAdapter(base, files)).rejects.toThrow(/holds a head of the kind "regression"/);
  disposeParameters(weights);
});

/** The tensors of PEFT's LoRA on LLaMA under the names of another program, and what it does. */
async function renamed(
  rename: (module: string, which: "A" | "B", value: Tensor) => readonly (readonly [string, Tensor])[],
): Promise<{ base: LanguageModel; peft: Delta | Stack; tensors: Map<string, Tensor> }> {
  const base = own(await loadGoldenBase("models/fixtures/llama/llama3"));
  const peft = own(await loadAdapter(base, goldenFolder("llama-lora")));
  const file = await openSafetensors(goldenFolder("llama-lora"), "adapter_model.safetensors");
  const tensors = new Map<string, Tensor>();
  for (const [key, value] of await file.load()) {
    const [, module, which] = /^base_model\.model\.(.*)\.lora_([AB])\.weight$/.exec(key)!;
    for (const [name, each] of rename(module!, which as "A" | "B", value)) tensors.set(name, each);
  }
  return { base, peft, tensors };
}

const alphaOf = (delta: Delta | Stack) => (delta as Delta<{ alpha: number; rank: number }>).config;

const logitsOf = (model: Pick<LanguageModel, "forward">): number[] => {
  const batch = goldenBatch({ ids: [[5, 9, 14]], mask: [[1, 1, 1]] });
  const logits = tidy(() => Array.from(model.forward(batch).logits!.dataSync()));
  disposeFields(batch);
  return logits;
};

test("a folder of MLX, whose matrices stand the other way round, does what the same LoRA of PEFT does", async () => {
  const { base, peft, tensors } = await renamed((module, which, value) => {
    const turned = tidy(() => transpose(value));
    value.dispose();
    return [[`${module}.lora_${which.toLowerCase()}`, turned]];
  });
  const { alpha, rank } = alphaOf(peft);
  const files = memory({
    "adapter_config.json": JSON.stringify({
      fine_tune_type: "lora",
      num_layers: 2,
      lora_parameters: { rank, scale: alpha / rank, dropout: 0 },
    }),
  });
  await saveSafetensors(files, "adapters.safetensors", tensors);
  const loaded = own(await loadAdapter(base, files));
  expect(logitsOf(attach(base, loaded))).toBeAllClose(logitsOf(attach(base, peft)), { absolute: 1e-5 });
  await files.write("adapter_config.json", JSON.stringify({ fine_tune_type: "full", lora_parameters: { scale: 1 } }));
  await expect(loadAdapter(base, files)).rejects.toThrow(/fine_tune_type "full"; "lora" is read/);
  disposeParameters(tensors);
});

test.each([["lora_te_"], ["lora_unet_"], [""]])(
  "a file of kohya's names with %j in front does what PEFT's does",
  async (prefix) => {
    const { base, peft, tensors } = await renamed((module, which, value) => {
      const name = prefix === "" ? module : `${prefix}${module.replaceAll(".", "_")}`;
      return [
        [`${name}.lora_${which === "A" ? "down" : "up"}.weight`, value],
        ...(which === "A" ? [[`${name}.alpha`, tidy(() => mul(tensor1d([1]), 1))] as const] : []),
      ];
    });
    const { alpha } = alphaOf(peft);
    for (const [name, value] of tensors) {
      if (!name.endsWith(".alpha")) continue;
      value.dispose();
      tensors.set(name, tensor1d([alpha]));
    }
    const files = memory();
    await saveSafetensors(files, "my-lora.safetensors", tensors);
    const loaded = own(await loadAdapter(base, files));
    expect(logitsOf(attach(base, loaded))).toBeAllClose(logitsOf(attach(base, peft)), { absolute: 1e-5 });
    disposeParameters(tensors);
    const stray = tensor1d([1]);
    await saveSafetensors(files, "my-lora.safetensors", new Map([["lora_te_nowhere.lora_down.weight", stray]]));
    await expect(loadAdapter(base, files)).rejects.toThrow(/"lora_te_nowhere" is no linear layer of the model/);
    stray.dispose();
  },
);
