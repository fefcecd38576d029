/** Folders that OpenDelta wrote, and weights of PEFT in a file of PyTorch's: see fixtures/README.md. */
import { readFileSync } from "node:fs";
import { type Files, folder, memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { createModel, type LanguageModel, loadModel } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import type { Tensor } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../../attach.ts";
import { adapterHead } from "../adapter-head.ts";
import { type GoldenBatch, goldenBatch, goldenLogits, loadGoldenBase } from "../golden.fixture.ts";
import { loadAdapter } from "../load-adapter.ts";

const fixtures = new URL("../../../fixtures/", import.meta.url);
const at = (name: string): Files => folder(new URL(name, fixtures).pathname);
const bert = "delta/fixtures/peft/bert";

const owned: { readonly parameters: ReadonlyMap<string, Tensor> }[] = [];
const own = <D extends { readonly parameters: ReadonlyMap<string, Tensor> }>(owner: D): D => {
  owned.push(owner);
  return owner;
};
afterEach(() => {
  for (const { parameters } of owned.splice(0)) disposeParameters(parameters);
});

test.each([
  ["bert-lora", ["head", "lora"]],
  ["bert-lora-names", ["head", "lora"]],
  ["bert-bitfit", ["whole", "head"]],
  ["bert-adapter", ["head", "adapter"]],
  ["bert-adapter-relu", ["head", "adapter"]],
  ["bert-soft-prompt", ["head", "prompt"]],
  ["t5-lora", ["lora"]],
  ["t5-adapter", ["adapter"]],
  ["bert-compacter", ["head", "adapter"]],
  ["t5-compacter", ["adapter"]],
  ["bert-parallel", ["head", "adapter"]],
  ["gpt2-parallel", ["adapter"]],
  ["t5-parallel", ["adapter"]],
  ["bert-prefix", ["head", "prefix"]],
  ["bert-prefix-network", ["head", "prefix"]],
  ["roberta-prefix", ["head", "prefix"]],
  ["gpt2-prefix", ["prefix"]],
])("OpenDelta's %s does what it does there", async (name, kinds) => {
  const source = new URL(`foreign/opendelta-${name}/expected.json`, fixtures);
  const golden = JSON.parse(readFileSync(source, "utf8")) as { base: string; batch: GoldenBatch; logits: number[] };
  const base = own(await loadGoldenBase(golden.base));
  const delta = own(await loadAdapter(base, at(`foreign/opendelta-${name}`)));
  const tuned = attach(base, delta);
  expect(tuned.deltas.map(({ kind }) => kind)).toEqual(kinds);
  const batch = goldenBatch(golden.batch);
  const logits = goldenLogits(tuned, batch, base);
  expect([...logits.dataSync()]).toBeAllClose(golden.logits, { absolute: 1e-4, relative: 1e-4 });
  logits.dispose();
  disposeFields(batch);
});

/** A folder with its config changed. */
async function changed(name: string, change: (config: Record<string, unknown>) => void): Promise<Files> {
  const source = at(`foreign/opendelta-${name}`);
  const config = JSON.parse(new TextDecoder().decode(await source.read("config.json")));
  change(config);
  return memory({
    "config.json": JSON.stringify(config),
    "pytorch_model.bin": await source.read("pytorch_model.bin"),
  });
}

test.each([
  ["of another type", "bert-lora", { delta_type: "adapter" }, bert, /unexpected bert\.encoder\.layer\.0.*lora_A/],
  ["of an activation that is not read", "bert-adapter", { non_linearity: "mish" }, bert, /non_linearity "mish"; relu/],
  ["of several LoRAs", "bert-lora", { lora_r: 4 }, bert, /is of rank 2, and the config of rank 4: of several LoRAs/],
  ["of a rank that is none", "bert-lora", { lora_r: 0 }, bert, /settings that cannot be meant/],
  [
    "of low-rank adapters",
    "bert-lora",
    { delta_type: "low_rank_adapter" },
    bert,
    /"low_rank_adapter"; it has the products of two vectors for matrices, which no method here has; "lora", .* are read/,
  ],
  ["of a type that is not known", "bert-lora", { delta_type: "new" }, bert, /the delta_type "new"; "lora", "adapter"/],
  [
    "of a Compacter of more than rank 1",
    "bert-compacter",
    { phm_rank: 2 },
    bert,
    /has "phm_rank" 2; Compacters with 1 are read/,
  ],
  ["of a Compacter whose rule was not trained", "bert-compacter", { learn_phm: false }, bert, /they are lost/],
  [
    "of a Compacter of another division",
    "bert-compacter",
    { hypercomplex_division: 3 },
    bert,
    /phm\.division 3 must divide/,
  ],
  [
    "of parallel adapters beside attention",
    "bert-parallel",
    { modified_modules: ["attn@", "attn@", "ff@.w1@", "ff@.w2@"] },
    bert,
    /modified_modules \["attn@".*; those beside feed-forward parts are read/,
  ],
  [
    "of parallel adapters that end in attention too",
    "bert-parallel",
    { modified_modules: ["intermediate.dense", "output.dense"] },
    bert,
    /modified_modules \["intermediate\.dense"/,
  ],
  [
    "of a prefix on T5",
    "bert-prefix",
    {},
    "models/fixtures/t5/v1.0",
    /a prefix on a model of t5: it runs every layer but/,
  ],
  ["of another model", "t5-lora", {}, bert, /is no linear layer of the model/],
])("a folder %s is refused with the reason", async (_, name, change, path, reason) => {
  const base = own(await loadGoldenBase(path));
  const files = await changed(name, (config) => Object.assign(config, change));
  await expect(loadAdapter(base, files)).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(reason),
  });
});

test("a prefix of fewer layers than the model has, and adapters of another model, are refused without a list of their tensors", async () => {
  const sizes = {
    vocab_size: 30,
    hidden_size: 12,
    num_hidden_layers: 3,
    num_attention_heads: 3,
    intermediate_size: 20,
  };
  const kind = { kind: "sequence-classification", labels: ["LABEL_0", "LABEL_1", "LABEL_2"] } as const;
  const deep = own(createModel({ ...sizes, model_type: "bert" }, random(1), { head: kind }));
  const llama = own(createModel({ ...sizes, model_type: "llama" }, random(1), { head: { kind: "causal-lm" } }));
  const refused: [LanguageModel, string, RegExp][] = [
    [deep, "bert-prefix", /missing in front of some of the 3 attentions; prefixes of all are read\. Was/],
    [deep, "bert-prefix-network", /keys and values of 2 of 3 attentions; prefixes of all are read\. Was/],
    [llama, "bert-parallel", /stands at "bert\.encoder\.layer\.0\.intermediate\.dense"/],
    [llama, "bert-compacter", /stands at "bert\.encoder\.layer\.0\.attention\.output\.dense"; those behind/],
  ];
  for (const [base, name, reason] of refused)
    await expect(loadAdapter(base, at(`foreign/opendelta-${name}`))).rejects.toThrow(reason);
});

test("a head in the file needs one in the model", async () => {
  const base = own(await loadModel(at("peft/bert")));
  await expect(loadAdapter(base, at("foreign/opendelta-bert-lora"))).rejects.toThrow(
    /holds "classifier\.weight" of a head, and the model was loaded without one/,
  );
});

test("the head that an adapter was trained under is told where its file says it", async () => {
  const labels = ["LABEL_0", "LABEL_1", "LABEL_2"];
  for (const name of ["adapters-seq-bn", "adapters-pickled"])
    expect(await adapterHead(at(`foreign/${name}`))).toEqual({ kind: "sequence-classification", labels });
  for (const name of ["opendelta-bert-lora", "peft-pickled"])
    expect(await adapterHead(at(`foreign/${name}`))).toBeUndefined();
  await expect(adapterHead(memory())).rejects.toMatchObject({ code: "FILE" });
});

test.each(["peft-pickled", "peft-pickled-before-1.6"])(
  "PEFT's weights in %s are those of its safetensors",
  async (name) => {
    const base = own(await loadGoldenBase(bert));
    const [pickled, plain] = [
      own(await loadAdapter(base, at(`foreign/${name}`))),
      own(await loadAdapter(base, at("peft/bert-lora"))),
    ];
    const valuesOf = ({ parameters }: { readonly parameters: ReadonlyMap<string, Tensor> }) =>
      [...parameters].map(([key, value]) => [key, [...value.dataSync()]]);
    expect(valuesOf(pickled)).toEqual(valuesOf(plain));
  },
);
