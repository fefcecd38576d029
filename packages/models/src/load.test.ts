import { type CambiumError, type Files, memory } from "@cambium/base";
import { disposeParameters, loadSafetensors, type Parameters, random, saveSafetensors } from "@cambium/core";
import { cast, type Tensor, tidy, zeros } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { createModel } from "./create.ts";
import { fixture, golden, goldenBatch, heads, toTensor } from "./fixtures.ts";
import type { HeadConfig } from "./head-config.ts";
import { loadModel } from "./load.ts";
import { saveModel } from "./save.ts";

/** A fixture's files with its weights changed by `edit`, which may drop, rename and add. */
async function edited(path: string, edit: (weights: Map<string, Tensor>) => Map<string, Tensor>): Promise<Files> {
  const files = fixture(path);
  const weights = await loadSafetensors(files, "model.safetensors");
  const copy = memory({ "config.json": await files.read("config.json") });
  const changed = edit(weights);
  await saveSafetensors(copy, "model.safetensors", changed);
  disposeParameters(new Map([...[...weights.values(), ...changed.values()].entries()].map(([i, t]) => [String(i), t])));
  return copy;
}

async function failure(promise: Promise<unknown>): Promise<CambiumError> {
  return promise.then(
    () => {
      throw new Error("no error came");
    },
    (error: unknown) => error as CambiumError,
  );
}

function renamed(weights: Parameters, rename: (name: string) => string): Map<string, Tensor> {
  return new Map([...weights].map(([name, tensor]) => [rename(name), tensor]));
}

test("names with the task's prefix and TensorFlow's names of layer norms are understood", async () => {
  const files = await edited("bert/base", (weights) =>
    renamed(weights, (name) =>
      `bert.${name}`.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
    ),
  );
  const model = await loadModel(files);
  const same = await loadModel(fixture("bert/base"));
  expect([...model.parameters.keys()]).toEqual([...same.parameters.keys()]);
  for (const [name, tensor] of same.parameters) expect(model.parameters.get(name)).toBeAllClose(tensor);
  disposeParameters(model.parameters);
  disposeParameters(same.parameters);
});

test("buffers and other heads are left aside and listed", async () => {
  const files = await edited(
    "bert/masked-lm",
    (weights) => new Map([...weights, ["bert.embeddings.position_ids", zeros([1, 24], "int32")]]),
  );
  const model = await loadModel(files);
  expect(model.unused).toContain("bert.embeddings.position_ids");
  expect(model.unused).toContain("cls.predictions.transform.dense.weight");
  expect(model.unused).toHaveLength(6);
  expect(model.parameters.has("pooler.dense.weight")).toBe(false);
  expect(model.sites().some((site) => site.role === "pooler")).toBe(false);
  disposeParameters(model.parameters);
});

test("a head that the file lacks is created from the seed and named", async () => {
  const head = heads["sequence-classification"];
  const model = await loadModel(fixture("bert/base"), { head, random: random(7) });
  const again = await loadModel(fixture("bert/base"), { head, random: random(7) });
  const other = await loadModel(fixture("bert/base"), { head });
  expect(model.created).toEqual(["classifier.weight", "classifier.bias"]);
  expect(model.headParameters).toEqual(model.created);
  const weight = model.parameters.get("classifier.weight")!;
  expect(again.parameters.get("classifier.weight")).toBeAllClose(weight, { absolute: 0, relative: 0 });
  expect(other.parameters.get("classifier.weight")).not.toBeAllClose(weight);
  for (const each of [model, again, other]) disposeParameters(each.parameters);
});

test("a pooler that a sequence head needs and the file lacks is created, and trained with the head", async () => {
  const model = await loadModel(fixture("bert/masked-lm"), { head: heads.regression });
  expect(model.created).toEqual(["pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias"]);
  expect([...model.headParameters].sort()).toEqual([...model.created].sort());
  disposeParameters(model.parameters);
});

test("everything that is missing, unexpected or misshapen is in one error", async () => {
  const files = await edited("bert/sequence-classification", (weights) => {
    const changed = renamed(weights, (name) =>
      name.replace("layer.2.attention.self.key", "layer.3.attention.self.key"),
    );
    changed.delete("bert.embeddings.LayerNorm.bias");
    changed.delete("classifier.bias");
    changed.set("bert.embeddings.token_type_embeddings.weight", zeros([3, 20]));
    changed.set("bert.encoder.layer.0.output.dense.bias", zeros([20], "int32"));
    return changed;
  });
  const error = await failure(loadModel(files, { head: heads["sequence-classification"] }));
  expect(error.code).toBe("FORMAT");
  expect(error.details).toMatchObject({
    missing: [
      "embeddings.LayerNorm.bias",
      "encoder.layer.2.attention.self.key.weight",
      "encoder.layer.2.attention.self.key.bias",
      "classifier.bias",
    ],
    unexpected: ["bert.encoder.layer.3.attention.self.key.bias", "bert.encoder.layer.3.attention.self.key.weight"],
    misshapen: [
      "embeddings.token_type_embeddings.weight has shape [3,20], not [2,20]",
      "encoder.layer.0.output.dense.bias holds I32, not floats",
    ],
  });
  for (const list of ["missing", "unexpected", "misshapen"]) {
    for (const name of error.details[list] as string[]) expect(error.message).toContain(name);
  }
});

test("a head of another size is an error that tells both shapes", async () => {
  const two = { kind: "sequence-classification", labels: ["ham", "spam"] } as const;
  const error = await failure(loadModel(fixture("bert/sequence-classification"), { head: two }));
  expect(error.message).toContain("classifier.weight has shape [3,20], not [2,20]");
});

test("labels in another order than the file's are an error", async () => {
  const swapped = { kind: "sequence-classification", labels: ["spam", "ham", "phishing"] } as const;
  const error = await failure(loadModel(fixture("bert/sequence-classification"), { head: swapped }));
  expect(error.code).toBe("CONFIG");
  expect(error.message).toContain("ham, spam, phishing");
});

test("labels are compared also where another part than the classifier is created", async () => {
  const files = await edited(
    "bert/sequence-classification",
    (weights) => new Map([...weights].filter(([name]) => !name.startsWith("bert.pooler"))),
  );
  await files.write("config.json", await fixture("bert/sequence-classification").read("config.json"));
  const swapped = { kind: "sequence-classification", labels: ["spam", "ham", "phishing"] } as const;
  expect((await failure(loadModel(files, { head: swapped }))).message).toContain("ham, spam, phishing");
});

test("a classifier of several labels a text is refused", async () => {
  const source = fixture("bert/sequence-classification");
  const json = JSON.parse(new TextDecoder().decode(await source.read("config.json"))) as object;
  const files = memory({
    "config.json": JSON.stringify({ ...json, problem_type: "multi_label_classification" }),
    "model.safetensors": await source.read("model.safetensors"),
  });
  const error = await failure(loadModel(files, { head: heads["sequence-classification"] }));
  expect([error.code, error.message]).toEqual([
    "CONFIG",
    expect.stringContaining('"problem_type": "multi_label_classification"'),
  ]);
});

test("a mistyped option is an error that names the nearest", async () => {
  const options = { haed: heads.regression } as object;
  expect((await failure(loadModel(fixture("bert/base"), options))).message).toBe(
    'loadModel: unknown option "haed"; is "head" meant?',
  );
});

test.each([
  ["null", "FORMAT", "config.json in memory is no JSON object"],
  ["[]", "FORMAT", "config.json in memory is no JSON object"],
  ["{}", "CONFIG", '"model_type" is absent; supported are bert'],
  ['{"model_type": "gpt"}', "CONFIG", '"model_type" is "gpt"; did you mean "gpt2"?'],
  ['{"model_type": "mamba"}', "CONFIG", '"model_type" is "mamba"; supported are bert'],
  ['{"model_type": "gpt2", "n_layer": -1}', "CONFIG", '"n_layer": Too small'],
  ['{"model_type": "gpt2", "n_embd": 10, "n_head": 3}', "CONFIG", "n_embd must be a multiple of n_head, got 10 and 3"],
  ['{"model_type": "t5", "feed_forward_proj": 4}', "CONFIG", '"feed_forward_proj": expected string, got 4'],
  ['{"model_type": "bert", "is_decoder": true}', "CONFIG", '"is_decoder": expected false, got true'],
])("the config %s is refused by the setting at fault", async (config, code, message) => {
  const weights = await fixture("bert/base").read("model.safetensors");
  const error = await failure(loadModel(memory({ "config.json": config, "model.safetensors": weights })));
  expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)]);
});

test("one tensor under two names is an error", async () => {
  const files = await edited("bert/base", (weights) => new Map([...weights, ["bert.pooler.dense.bias", zeros([20])]]));
  expect((await failure(loadModel(files))).message).toMatch(/pooler.dense.bias \(beside (bert.)?pooler.dense.bias\)/);
});

test("a masked-LM bias under its decoder's name is understood", async () => {
  const files = await edited("roberta/masked-lm", (weights) =>
    renamed(weights, (name) => (name === "lm_head.bias" ? "lm_head.decoder.bias" : name)),
  );
  const model = await loadModel(files, { head: heads["masked-lm"] });
  expect(model.created).toEqual([]);
  const { ids, mask, heads: computed } = golden("roberta");
  tidy(() => {
    const { logits } = model.forward(goldenBatch({ ...golden("roberta"), ids, mask }));
    expect(logits).toBeAllClose(toTensor(computed["masked-lm"].logits), { absolute: 1e-4, relative: 1e-4 });
  });
  disposeParameters(model.parameters);
});

describe("a file of which safetensors.torch.save_model kept one name of tied parameters loads as before", () => {
  const roberta = {
    "roberta.embeddings.word_embeddings.weight": "lm_head.decoder.weight",
    "lm_head.decoder.bias": "lm_head.bias",
  };
  test.each<[string, HeadConfig | undefined, Record<string, string>]>([
    ["roberta/masked-lm", heads["masked-lm"], roberta],
    ["roberta/masked-lm", undefined, roberta],
    ["roberta/masked-lm", heads["sequence-classification"], roberta],
    ["gpt2/gelu", { kind: "causal-lm" }, { "transformer.wte.weight": "lm_head.weight" }],
    ["gpt2/gelu", undefined, { "transformer.wte.weight": "lm_head.weight" }],
    [
      "t5/v1.0",
      { kind: "sequence-to-sequence" },
      Object.fromEntries(
        ["lm_head.weight", "encoder.embed_tokens.weight", "shared.weight"].map((name) => [
          name,
          "decoder.embed_tokens.weight",
        ]),
      ),
    ],
  ])("%s with %j", async (path, head, metadata) => {
    const options = head === undefined ? {} : { head };
    const source = fixture(path);
    const weights = await loadSafetensors(source, "model.safetensors");
    const kept = renamed(weights, (name) => metadata[name] ?? name);
    const files = memory({ "config.json": await source.read("config.json") });
    await saveSafetensors(files, "model.safetensors", kept, { metadata });
    disposeParameters(weights);
    const [plain, loaded] = [await loadModel(source, options), await loadModel(files, options)];
    expect([...loaded.parameters.keys()]).toEqual([...plain.parameters.keys()]);
    expect([loaded.created, loaded.unused]).toEqual([plain.created, plain.unused]);
    for (const [name, tensor] of plain.parameters) {
      expect(loaded.parameters.get(name)).toBeAllClose(tensor, { absolute: 0, relative: 0 });
    }
    disposeParameters(plain.parameters);
    disposeParameters(loaded.parameters);
  });

  test("and where the config says that they are two, each has its tensor", async () => {
    const source = fixture("gpt2/gelu");
    const json = JSON.parse(new TextDecoder().decode(await source.read("config.json"))) as object;
    const weights = await loadSafetensors(source, "model.safetensors");
    const metadata = { "transformer.wte.weight": "lm_head.weight" };
    const files = memory({ "config.json": JSON.stringify({ ...json, tie_word_embeddings: false }) });
    await saveSafetensors(
      files,
      "model.safetensors",
      renamed(weights, (name) => (name === "transformer.wte.weight" ? "lm_head.weight" : name)),
      { metadata },
    );
    disposeParameters(weights);
    const { parameters } = await loadModel(files, { head: { kind: "causal-lm" } });
    const [words, scores] = ["transformer.wte.weight", "lm_head.weight"].map((name) => parameters.get(name)!);
    words!.dispose();
    expect(scores!.isDisposed).toBe(false);
    scores!.dispose();
    disposeParameters(new Map([...parameters].filter(([, tensor]) => !tensor.isDisposed)));
  });
});

test("weights split into several files are read through their index", async () => {
  const files = fixture("bert/base");
  const weights = await loadSafetensors(files, "model.safetensors");
  const names = [...weights.keys()];
  const shards = memory({ "config.json": await files.read("config.json") });
  const fileOf = (name: string): string => `model-0000${(names.indexOf(name) % 2) + 1}-of-00002.safetensors`;
  for (const shard of new Set(names.map(fileOf))) {
    await saveSafetensors(shards, shard, new Map([...weights].filter(([name]) => fileOf(name) === shard)));
  }
  const map = Object.fromEntries(names.map((name) => [name, fileOf(name)]));
  await shards.write("model.safetensors.index.json", JSON.stringify({ weight_map: map }));
  const model = await loadModel(shards);
  expect(model.parameters.size).toBe(weights.size);
  for (const [name, tensor] of weights) expect(model.parameters.get(name)).toBeAllClose(tensor);
  disposeParameters(model.parameters);
  disposeParameters(weights);
});

test.each(["F16", "BF16"] as const)("weights stored as %s are float32 in memory", async (dtype) => {
  const model = createModel(tiny, random(1));
  const files = memory();
  await saveModel(model, files, { dtype });
  const half = await loadModel(files);
  for (const [name, tensor] of half.parameters) {
    expect(tensor.dtype).toBe("float32");
    expect(tensor).toBeAllClose(model.parameters.get(name)!, { absolute: 1e-3, relative: 1e-2 });
  }
  disposeParameters(model.parameters);
  disposeParameters(half.parameters);
});

const tiny = {
  model_type: "bert",
  vocab_size: 11,
  hidden_size: 6,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 8,
  max_position_embeddings: 8,
} as const;

test.each(["bert", "roberta"] as const)("saving and loading %s with any head gives the same model", async (family) => {
  for (const head of [undefined, ...Object.values(heads)]) {
    const options = head === undefined ? {} : { head };
    const model = createModel({ ...tiny, model_type: family }, random(2), options);
    const files = memory();
    await saveModel(model, files);
    const loaded = await loadModel(files, options);
    expect([...loaded.parameters.keys()]).toEqual([...model.parameters.keys()]);
    for (const [name, tensor] of model.parameters) {
      expect(loaded.parameters.get(name)).toBeAllClose(tensor, { absolute: 0, relative: 0 });
    }
    expect(loaded.config).toMatchObject(model.config);
    expect([loaded.created, loaded.unused, loaded.head]).toEqual([[], [], head]);
    disposeParameters(model.parameters);
    disposeParameters(loaded.parameters);
  }
});

test("a saved folder has transformers' names", async () => {
  const model = createModel({ ...tiny, ...{ torch_dtype: "bfloat16" } }, random(2), {
    head: heads["token-classification"],
  });
  const files = memory();
  await saveModel(model, files, { dtype: "F16" });
  const config = JSON.parse(new TextDecoder().decode(await files.read("config.json"))) as Record<string, unknown>;
  expect(config).toMatchObject({
    architectures: ["BertForTokenClassification"],
    torch_dtype: "float16",
    id2label: { 0: "O", 4: "I-LOC" },
    label2id: { O: 0, "I-LOC": 4 },
  });
  const weights = await loadSafetensors(files, "model.safetensors");
  expect(weights.has("bert.encoder.layer.0.attention.self.query.weight")).toBe(true);
  expect(weights.has("classifier.weight")).toBe(true);
  disposeParameters(weights);
  disposeParameters(model.parameters);
});

test("a folder without weights or config is a separate error", async () => {
  expect((await failure(loadModel(memory()))).message).toContain("config.json");
  const config = await fixture("bert/base").read("config.json");
  const bare = await failure(loadModel(memory({ "config.json": config, "pytorch_model.bin": "" })));
  expect([bare.code, bare.message]).toEqual(["FILE", expect.stringContaining("model.safetensors")]);
});

test("a truncated file is a format error", async () => {
  const files = fixture("bert/base");
  const bytes = await files.read("model.safetensors");
  const cut = memory({ "config.json": await files.read("config.json"), "model.safetensors": bytes.slice(0, 20_000) });
  expect((await failure(loadModel(cut))).code).toBe("FORMAT");
});

test("equal seeds give equal weights, and equal encoders below different heads", () => {
  const a = createModel(tiny, random(3), { head: heads["masked-lm"] });
  const b = createModel(tiny, random(3), { head: heads.regression });
  const name = "encoder.layer.0.attention.self.query.weight";
  expect(b.parameters.get(name)).toBeAllClose(a.parameters.get(name)!, { absolute: 0, relative: 0 });
  tidy(() => {
    expect(cast(a.parameters.get("encoder.layer.0.output.LayerNorm.weight")!, "float32")).toBeAllClose([
      1, 1, 1, 1, 1, 1,
    ]);
  });
  disposeParameters(a.parameters);
  disposeParameters(b.parameters);
});
