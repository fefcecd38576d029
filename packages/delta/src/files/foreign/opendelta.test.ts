/** Folders that OpenDelta wrote, and weights of PEFT in a file of PyTorch's: see fixtures/README.md. */
import { readFileSync } from "node:fs";
import { type Files, folder, memory } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { loadModel } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../../attach.ts";
import { adapterHead } from "../adapter-head.ts";
import { type GoldenBatch, goldenBatch, loadGoldenBase } from "../golden.fixture.ts";
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
])("OpenDelta's %s does what it does there", async (name, kinds) => {
  const source = new URL(`foreign/opendelta-${name}/expected.json`, fixtures);
  const golden = JSON.parse(readFileSync(source, "utf8")) as { base: string; batch: GoldenBatch; logits: number[] };
  const base = own(await loadGoldenBase(golden.base));
  const delta = own(await loadAdapter(base, at(`foreign/opendelta-${name}`)));
  const tuned = attach(base, delta);
  expect(tuned.deltas.map(({ kind }) => kind)).toEqual(kinds);
  const batch = goldenBatch(golden.batch);
  const logits = tidy(() => Array.from(tuned.forward(batch).logits!.dataSync()));
  expect(logits).toBeAllClose(golden.logits, { absolute: 1e-4, relative: 1e-4 });
  disposeFields(batch);
});

test("a delta that is not read is refused by its type", async () => {
  const base = own(await loadGoldenBase(bert));
  await expect(loadAdapter(base, at("foreign/opendelta-refused-compacter"))).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(/delta_type "compacter"; "lora", "adapter", "bitfit", "soft_prompt" are read/),
  });
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
  ["of another model", "t5-lora", {}, bert, /is no linear layer of the model/],
])("a folder %s is refused with the reason", async (_, name, change, path, reason) => {
  const base = own(await loadGoldenBase(path));
  const files = await changed(name, (config) => Object.assign(config, change));
  await expect(loadAdapter(base, files)).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(reason),
  });
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
