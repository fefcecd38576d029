import { type Files, memory, readJson } from "@cambium/base";
import { disposeParameters, loadSafetensors, random, saveSafetensors } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { fill, type Tensor, tensor1d, zeros } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import { type Delta, named, type Stack, stack } from "../delta.ts";
import { seedlessMethod } from "../method.ts";
import { adapter } from "../methods/adapter.ts";
import { bitFit } from "../methods/bit-fit.ts";
import { head } from "../methods/head.ts";
import { lora } from "../methods/lora.ts";
import { prefix } from "../methods/prefix.ts";
import { prompt } from "../methods/prompt.ts";
import { whole } from "../methods/whole.ts";
import { describeStatus } from "../status.ts";
import { goldenFolder, loadGoldenBase } from "./golden.fixture.ts";
import { loadAdapter } from "./load-adapter.ts";
import { saveAdapter } from "./save-adapter.ts";

let model: LanguageModel;
const owned: { dispose(): void }[] = [];
beforeEach(() => {
  model = tinyModel();
});
afterEach(() => {
  disposeParameters(model.parameters);
  for (const tensor of owned.splice(0)) tensor.dispose();
});

function own<D extends Delta | Stack>(delta: D): D {
  owned.push(...delta.parameters.values());
  return delta;
}

async function saved(...deltas: readonly Delta[]): Promise<Files> {
  const files = memory();
  await saveAdapter(attach(model, ...deltas.map(own)), files, { untrained: true });
  return files;
}

const loraAndHead = (): Promise<Files> => saved(lora(model, { rank: 2, targets: ["attn.q"] }, random(1)), head(model));

/** Changes the tensors of a saved adapter. */
async function edit(
  files: Files,
  change: (tensors: Map<string, Tensor>) => void,
  name = "adapter_model.safetensors",
): Promise<void> {
  const tensors = await loadSafetensors(files, name);
  const before = [...tensors.values()];
  change(tensors);
  await saveSafetensors(files, name, tensors);
  for (const tensor of new Set([...before, ...tensors.values()])) tensor.dispose();
}

async function editJson(files: Files, change: Record<string, unknown>, name = "adapter_config.json"): Promise<void> {
  const config = { ...((await readJson(files, name)) as object), ...change };
  await files.write(name, JSON.stringify(config));
}

const failure = (files: Files, base = model): Promise<Error & { readonly code?: string }> =>
  loadAdapter(base, files).then(
    () => {
      throw new Error("it was read");
    },
    (error: Error) => error,
  );

const query = (layer: number, matrix: string): string =>
  `base_model.model.bert.encoder.layer.${layer}.attention.self.query.lora_${matrix}.weight`;

test("everything that does not fit is in one error", async () => {
  const files = await loraAndHead();
  await edit(files, (tensors) => {
    tensors.delete(query(0, "A"));
    tensors.set("base_model.model.bert.encoder.layer.7.stray", zeros([1]));
    tensors.set(query(1, "B"), zeros([9, 2]));
    tensors.set("base_model.model.classifier.bias", tensor1d([1, 2, 3], "int32"));
  });
  await editJson(files, { target_modules: ["query", "vlaue"] });
  const error = await failure(files);
  expect(error).toMatchObject({ code: "FORMAT" });
  expect(error.message).toContain('the target "vlaue" is no layer');
  expect(error.message).toContain("missing encoder.layer.0.attention.self.query.lora_A.weight");
  expect(error.message).toContain("unexpected base_model.model.bert.encoder.layer.7.stray");
  expect(error.message).toContain(`${query(1, "B")} has shape [9,2], not [8,2]`);
  expect(error.message).toContain("base_model.model.classifier.bias holds I32, not floats");
  expect(error.message).toMatch(/Was it made for another base\?$/);
});

test("an adapter with a head on a model without one says how to load the model", async () => {
  const bare = tinyModel({ head: undefined });
  const error = await failure(await loraAndHead(), bare);
  expect(error.message).toMatch(/it holds the head "classifier", and the model was loaded without one/);
  disposeParameters(bare.parameters);
});

test("an adapter of a model of another shape is refused, whatever the form", async () => {
  const other = tinyModel({ type: "roberta" });
  expect((await failure(await loraAndHead(), other)).message).toMatch(/does not fit this model/);
  const native = await saved(adapter(model, {}, random(1)));
  expect((await failure(native, other)).message).toMatch(/was made for another base: a bert of \d+ tensors/);
  disposeParameters(other.parameters);
});

test.each([
  ["bare keys", (key: string) => key.replace("base_model.model.", "")],
  ["keys of a bare encoder", (key: string) => key.replace("bert.", "")],
  ["keys of a compiled model", (key: string) => key.replace("base_model.model.", "base_model.model._orig_mod.")],
  ["keys of a compiled adapter", (key: string) => `_orig_mod.${key}`],
  ["the adapter's name inside", (key: string) => key.replace(/(lora_[AB])/, "$1.default")],
  [
    "the head under PEFT's own wrapper",
    (key: string) => key.replace("classifier.", "classifier.modules_to_save.default."),
  ],
])("%s are understood", async (_, rename) => {
  const files = await loraAndHead();
  await edit(files, (tensors) => {
    for (const [key, tensor] of [...tensors]) {
      tensors.delete(key);
      tensors.set(rename(key), tensor);
    }
  });
  own(await loadAdapter(model, files));
});

test("an empty tensor is told as one that was not gathered", async () => {
  const files = await loraAndHead();
  await edit(files, (tensors) => tensors.set(query(0, "A"), zeros([0])));
  expect((await failure(files)).message).toMatch(/lora_A.weight is empty, as a sharded training leaves it/);
});

test("one tensor under two names is an error", async () => {
  const files = await loraAndHead();
  await edit(files, (tensors) => tensors.set(query(0, "A").replace("bert.", ""), zeros([2, 8])));
  expect((await failure(files)).message).toMatch(
    /unexpected base_model.model.(bert.)?encoder.layer.0.attention.self.query/,
  );
});

test.each([
  ["init_lora_weights", "pissa_niter_4", /only fits the base weights that its start took a part out of/],
  ["init_lora_weights", "olora", /only fits the base weights/],
  ["bias", "all", /missing embeddings.LayerNorm.bias, encoder.layer.0.attention.self.query.bias/],
  ["bias", "query", /"bias"/],
  ["layer_replication", [[0, 1]], /a deeper model of the same weights/],
  ["trainable_token_indices", [1], /trained tokens/],
  ["r", 0, /"r"/],
  ["peft_type", "POLY", /peft_type "POLY"; .*LORA.* are read/],
  ["peft_type", undefined, /has no "peft_type", so it is not PEFT's/],
])("%s %j is refused with the reason", async (key, value, reason) => {
  const files = await loraAndHead();
  await editJson(files, { [key]: value });
  const error = await failure(files);
  expect(error).toMatchObject({ code: "FORMAT" });
  expect(error.message).toMatch(reason);
});

test.each([
  [
    "target_modules",
    "(query|key",
    /adapter_config.json in .* cannot be read: .*"\(query\|key" has a "\(" without its "\)" at 0/,
  ],
  ["exclude_modules", String.raw`(a)\1`, /a backreference, which is not read/],
  ["rank_pattern", { "(?i)query": 3 }, /flags for all of it elsewhere than at its start/],
  ["alpha_pattern", { "(?<n>query)": 3 }, /unknown group/],
  ["modules_to_save", ["classifier", "["], /"\[" without its "\]"/],
])(
  "an expression in %s that cannot be read is a typed error that names the construct: %j",
  async (key, value, reason) => {
    const files = await loraAndHead();
    await editJson(files, { [key]: value });
    const error = await failure(files);
    expect(error).toMatchObject({ code: "FORMAT" });
    expect(error.message).toMatch(reason);
  },
);

test("alternatives in layers_pattern outside of a group are refused, as they would cut PEFT's own pattern", async () => {
  const files = await loraAndHead();
  await editJson(files, { layers_to_transform: [0], layers_pattern: "layer|h" });
  expect((await failure(files)).message).toMatch(/"layers_pattern" "layer\|h" has alternatives outside of a group/);
});

test("an expression of Python that backtracking never ends on is read, and targets nothing", async () => {
  const files = await loraAndHead();
  await editJson(files, { target_modules: "(.*)+query!$" });
  expect((await failure(files)).message).toMatch(/the target "\(\.\*\)\+query!\$" is no layer/);
});

test.each([["token_adapter.trainable_tokens_delta", /"trainable_token_indices"/]])(
  "tensors of the kind %s are refused by the setting that makes them",
  async (end, reason) => {
    const files = await loraAndHead();
    await edit(files, (tensors) =>
      tensors.set(`base_model.model.bert.encoder.layer.0.attention.self.query.${end}`, zeros([8])),
    );
    expect((await failure(files)).message).toMatch(reason);
  },
);

test.each([
  [{ layers_to_transform: [0], target_modules: ".*query" }, /"layers_to_transform" beside one expression/],
  [{ layers_pattern: "layer" }, /"layers_pattern" without "layers_to_transform"/],
])("settings that PEFT refuses together are refused: %j", async (change, reason) => {
  const files = await loraAndHead();
  await editJson(files, change);
  expect((await failure(files)).message).toMatch(reason);
});

test("a whole table of embeddings of another size beside a LoRA is refused as what PEFT writes for a resized vocabulary", async () => {
  const files = await loraAndHead();
  const key = "base_model.model.bert.embeddings.word_embeddings.weight";
  await edit(files, (tensors) => tensors.set(key, zeros([40, 8])));
  expect((await failure(files)).message).toMatch(
    /was made for a vocabulary of another size: .*of \[40,8\], and this model's is/,
  );
});

test("a tied head among the trained modules is refused as a copy of the embeddings", async () => {
  const gpt2 = tinyModel({ type: "gpt2", head: { kind: "causal-lm" } });
  const tuned = attach(gpt2, own(lora(gpt2, {}, random(1))));
  const files = memory();
  await saveAdapter(tuned, files, { untrained: true });
  await editJson(files, { modules_to_save: ["lm_head"] });
  const error = await failure(files, gpt2);
  disposeParameters(gpt2.parameters);
  expect(error.message).toMatch(/"lm_head" is a copy of the head's matrix, which this model shares/);
});

test("a head that is trained by its name among other modules is a head to PEFT, also beside a prompt", async () => {
  const files = memory();
  const parts = [prompt(model, { length: 2 }, random(1)), whole(model, { modules: ["classifier", "pooler"] })];
  expect(await saveAdapter(attach(model, ...parts.map(own)), files, { untrained: true })).toEqual({ format: "peft" });
  expect(await readJson(files, "adapter_config.json")).toMatchObject({
    modules_to_save: ["pooler", "classifier"],
    task_type: "SEQ_CLS",
  });
  own(await loadAdapter(model, files));
});

test("one layer of a head that the base's file holds is its own module, and comes back alone", async () => {
  const roberta = tinyModel({ type: "roberta" });
  const files = memory();
  const part = whole(roberta, { modules: ["classifier.out_proj"] });
  await saveAdapter(attach(roberta, own(lora(roberta, {}, random(1))), own(part)), files, { untrained: true });
  expect(await readJson(files, "adapter_config.json")).toMatchObject({
    modules_to_save: ["out_proj"],
    task_type: null,
  });
  const again = attach(roberta, own(await loadAdapter(roberta, files)));
  disposeParameters(roberta.parameters);
  expect([...again.parameters.keys()].filter((name) => name.startsWith("whole/"))).toEqual([
    "whole/classifier.out_proj.weight",
    "whole/classifier.out_proj.bias",
  ]);
});

test.each(["PROMPT_TUNING", "PREFIX_TUNING"])("%s of a model of two stacks is refused by its type", async (type) => {
  const two = tinyModel({ type: "t5" });
  const files = await saved(lora(model, {}, random(1)));
  await editJson(files, { peft_type: type, num_virtual_tokens: 2 });
  expect((await failure(files, two)).message).toMatch(`has the "peft_type" "${type}": PEFT `);
  disposeParameters(two.parameters);
});

test("a variant of a type is refused by the method of the type when its own is not in the table", async () => {
  const files = await loraAndHead();
  await editJson(files, { use_dora: true });
  await expect(loadAdapter(model, files, { methods: { lora } })).rejects.toThrow(/"use_dora" true \(DoRA scales/);
});

test.each([
  ["init_lora_weights", "gaussian"],
  ["fan_in_fan_out", true],
  ["loftq_config", {}],
  ["a_key_of_the_future", 7],
])("%s %j changes nothing", async (key, value) => {
  const files = await loraAndHead();
  await editJson(files, { [key]: value });
  own(await loadAdapter(model, files));
});

test("settings that the method itself refuses are an error of the file", async () => {
  const files = memory();
  const source = goldenFolder("bert-adalora-pruned");
  for (const { name } of await source.list()) await files.write(name, await source.read(name));
  await editJson(files, { target_r: 1000 });
  const base = await loadGoldenBase("delta/fixtures/peft/bert");
  owned.push(...base.parameters.values());
  await expect(loadAdapter(base, files)).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(/adapter_config.json in .* targetRank 1000 is above initialRank/),
  });
});

test("a weight that is NaN is named, when it is read and when it is saved", async () => {
  const files = await loraAndHead();
  const bytes = (await files.read("adapter_model.safetensors")).slice();
  new DataView(bytes.buffer, bytes.byteOffset).setFloat32(bytes.length - 4, Number.NaN, true);
  await files.write("adapter_model.safetensors", bytes);
  expect(await failure(files)).toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(/damaged, or its training diverged: .* holds NaN at \d+ of its \d+ numbers/),
  });
  const delta = own(lora(model, { rank: 2 }, random(1)));
  const [name, tensor] = [...delta.parameters][0]!;
  const bad = fill(tensor.shape, Number.POSITIVE_INFINITY);
  const broken = attach(model, { ...delta, parameters: new Map([...delta.parameters, [name, bad]]) });
  await expect(saveAdapter(broken, memory())).rejects.toMatchObject({
    code: "STATE",
    message: expect.stringMatching(/holds Infinity at 0/),
  });
  bad.dispose();
});

test("weights that are no file of PyTorch's are refused with the reason", async () => {
  const files = await loraAndHead();
  await files.remove("adapter_model.safetensors");
  await files.write("adapter_model.bin", "…");
  expect(await failure(files)).toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(/"adapter_model.bin" in .* is no archive/),
  });
});

test("an empty folder and a truncated file are typed errors", async () => {
  expect(await failure(memory())).toMatchObject({ code: "FILE" });
  const files = await loraAndHead();
  const bytes = await files.read("adapter_model.safetensors");
  await files.write("adapter_model.safetensors", bytes.slice(0, -5));
  expect(await failure(files)).toMatchObject({ code: "FORMAT" });
});

test("what PEFT has no words for goes into the native container, with the reason, and comes back", async () => {
  const deltas = [named("style", lora(model, { rank: 2 }, random(1))), named("facts", bitFit(model)), head(model)];
  const files = memory();
  const tuned = attach(model, ...deltas.map(own));
  expect(await saveAdapter(tuned, files, { untrained: true })).toEqual({
    format: "native",
    reason: "PEFT keeps one method in a folder",
  });
  const again = attach(model, own(await loadAdapter(model, files)));
  expect([...again.parameters.keys()]).toEqual([...tuned.parameters.keys()]);
  for (const [name, value] of tuned.parameters)
    expect(again.parameters.get(name)!.dataSync()).toEqual(value.dataSync());
  expect(again.deltas.map(({ config }) => config)).toEqual(deltas.map(({ config }) => config));
});

test.each<[string, (base: LanguageModel) => Delta[]]>([
  ["PEFT has no file for modules that are trained whole, and nothing else", (base) => [head(base)]],
  ['PEFT has no method "adapter"', (base) => [adapter(base, {}, random(1)), head(base)]],
  [
    "PEFT wants a head in the file when prompts stand before a task model",
    (base) => [prompt(base, { length: 2 }, random(1))],
  ],
  [
    "PEFT keeps one copy of a module",
    (base) => [lora(base, {}, random(1)), head(base), named("again", whole(base, { modules: ["classifier"] }))],
  ],
  [
    "PEFT trains whole modules, and bert.pooler.dense.bias is a part of one",
    (base) => [lora(base, {}, random(1)), whole(base, { modules: ["pooler.dense.bias"] })],
  ],
  [
    "PEFT moves the positions of the words behind a prefix",
    (base) => [prefix(base, { length: 2, positions: "kept" }, random(1)), head(base)],
  ],
  [
    "PEFT's prompts stand before words that the former embeddings.word_embeddings.weight gives",
    (base) => [prompt(base, { length: 2 }, random(1)), head(base), whole(base, { modules: ["embeddings"] })],
  ],
  [
    'PEFT leaves out layers inside "layer.1", which is trained whole',
    (base) => [lora(base, {}, random(1)), whole(base, { modules: ["encoder.layer.1"] })],
  ],
  [
    'PEFT leaves out layers inside "pooler", which is trained whole',
    (base) => [lora(base, { targets: "all-linear" }, random(1)), whole(base, { modules: ["pooler"] })],
  ],
])("the native container is taken when %s", async (reason, make) => {
  const files = memory();
  expect(await saveAdapter(attach(model, ...make(model).map(own)), files, { untrained: true })).toEqual({
    format: "native",
    reason,
  });
  own(await loadAdapter(model, files));
});

test("a pooler that is trained whole is one of PEFT's saved modules", async () => {
  const files = await saved(lora(model, {}, random(1)), head(model), whole(model, { modules: ["pooler"] }));
  expect(await readJson(files, "adapter_config.json")).toMatchObject({ modules_to_save: ["classifier", "pooler"] });
  const loaded = own(await loadAdapter(model, files));
  expect(attach(model, loaded).deltas.map(({ name }) => name)).toEqual(["lora", "head", "whole"]);
});

test("a save leaves no files of the other form, and both at once are refused", async () => {
  const files = await loraAndHead();
  await saveAdapter(attach(model, own(adapter(model, {}, random(1)))), files, { untrained: true });
  expect((await files.list()).map(({ name }) => name)).toEqual(["delta_config.json", "delta_model.safetensors"]);
  await files.write("adapter_config.json", "{}");
  expect((await failure(files)).message).toMatch(/has both .* a save was interrupted/);
});

test("a container of an unknown method names it and the way to read it", async () => {
  const mine = seedlessMethod({ ...bitFit, kind: "mine" });
  const files = await saved(mine(model));
  expect((await failure(files)).message).toMatch(/holds the method "mine"; pass it as methods: \{ "mine": … \}/);
  own(await loadAdapter(model, files, { methods: { mine } }));
});

test("a damaged container is a typed error", async () => {
  const files = await saved(adapter(model, {}, random(1)));
  await editJson(files, { version: 2 }, "delta_config.json");
  expect((await failure(files)).message).toMatch(/is not what saveAdapter writes/);
  const short = await saved(adapter(model, {}, random(1)));
  await edit(short, (tensors) => tensors.delete([...tensors.keys()][0]!), "delta_model.safetensors");
  expect((await failure(short)).message).toMatch(/missing adapter\/encoder/);
});

test("half precision on disk becomes float32", async () => {
  const files = memory();
  const tuned = attach(model, own(lora(model, {}, random(1))));
  await saveAdapter(tuned, files, { dtype: "F16", untrained: true });
  const again = own(await loadAdapter(model, files));
  for (const [name, value] of again.parameters) {
    expect(value.dtype).toBe("float32");
    expect(value).toBeAllClose(tuned.parameters.get(`lora/${name}`)!, { relative: 1e-3, absolute: 1e-4 });
  }
});

test("a stack keeps its order and loads as one delta", async () => {
  const loaded = own(await loadAdapter(model, await loraAndHead()));
  expect(loaded.kind).toBe("stack");
  expect(attach(model, stack(loaded)).deltas.map(({ kind }) => kind)).toEqual(["lora", "head"]);
});

test("settings that are not known are an error where they switch something on, unless the caller vouches for them", async () => {
  const files = await loraAndHead();
  await editJson(files, { use_moonlora: true, moon_config: { phase: 3 }, use_rslorra: [1] });
  const error = await failure(files);
  expect(error).toMatchObject({ code: "FORMAT" });
  expect(error.message).toMatch(
    /asks for "use_moonlora" true.*, "moon_config" \{"phase":3\}.*, "use_rslorra" \[1\] \(is "use_rslora" meant\?\), which is not known here/,
  );
  const ignore = ["use_moonlora", "moon_config", "use_rslorra"];
  expect(attach(model, own(await loadAdapter(model, files, { ignore }))).warnings).toBe(undefined);
});

test("numbers and texts that are not known are said before training and by the status; what is off is nothing", async () => {
  const files = await loraAndHead();
  await editJson(files, { use_moonlora: false, moon_phase: 3, unsloth_version: "2026.1" });
  const tuned = attach(model, own(await loadAdapter(model, files)));
  expect(tuned.warnings).toEqual([
    expect.stringContaining('"moon_phase" 3'),
    expect.stringContaining('"unsloth_version" "2026.1"'),
  ]);
  expect(describeStatus(tuned).problems).toEqual(tuned.warnings);
});

test("biases that PEFT trained and did not save are told as lost", async () => {
  const files = await loraAndHead();
  await editJson(files, { bias: "lora_only" });
  expect((await failure(files)).message).toMatch(
    /"lora_only", and the weights hold no biases: PEFT before 0\.21 trained them/,
  );
});
