import { type Files, memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { tensor2d } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { architectures } from "./architectures/index.ts";
import { createModel } from "./create.ts";
import { fixture, fixtureJson, heads } from "./fixtures.ts";
import type { LanguageModel } from "./language-model.ts";
import { loadModel } from "./load.ts";
import { type SaveModelOptions, saveModel } from "./save.ts";
import { tinyModel } from "./testing/tiny.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "./tokenizer.ts";

const sizes = { hidden_size: 4, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 6 };
let model: LanguageModel;
let tokenizer: Tokenizer;
beforeAll(async () => {
  model = createModel({ model_type: "bert", ...sizes, vocab_size: 53 }, random(1), {
    head: heads["sequence-classification"],
  });
  tokenizer = await loadTokenizer(fixture("bert"));
});
afterAll(() => disposeParameters(model.parameters));

const text = async (files: Files, name: string): Promise<string> => new TextDecoder().decode(await files.read(name));
const namesOf = async (files: Files): Promise<string[]> => (await files.list()).map(({ name }) => name);

/** What one folder of a sentence embedding model holds beside weights and config, in odd spellings. */
async function embeddingFolder(): Promise<Record<string, Uint8Array | string>> {
  return {
    "tokenizer.json": await fixture("bert").read("tokenizer.json"),
    "tokenizer_config.json": '{ "cls_token":"[CLS]",\r\n\t"sep_token": "[SEP]", "pad_token" : "[PAD]"}',
    "special_tokens_map.json": '{"mask_token":   "[MASK]"}',
    "vocab.txt": "[PAD]\n[UNK]\n",
    "generation_config.json": '{"eos_token_id": [3, 5]}',
    "modules.json": '[{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Dense"}, {"path": "../outside"}]',
    "sentence_bert_config.json": '{"max_seq_length": 256}',
    "config_sentence_transformers.json": "{}",
    "1_Pooling/config.json": '{"pooling_mode_mean_tokens": true}',
    "2_Dense/config.json": "{}",
    "2_Dense/model.safetensors": Uint8Array.of(1, 2, 3),
  };
}

test.each<[string, Record<string, unknown>, string[]]>([
  ["bert", { initializer_range: 1 }, ['"initializer_range": 1.0,', '"layer_norm_eps": 1e-12,']],
  [
    "gpt2",
    { layer_norm_epsilon: 1, initializer_range: 2 },
    ['"layer_norm_epsilon": 1.0,', '"initializer_range": 2.0,'],
  ],
  [
    "llama",
    { rope_parameters: { rope_type: "linear", factor: 4, rope_theta: 500 }, rms_norm_eps: 1 },
    ['"factor": 4.0', '"rope_theta": 500.0', '"rms_norm_eps": 1.0', '"max_position_embeddings": 20,'],
  ],
  ["t5", {}, ['"initializer_factor": 1.0,', '"num_layers": 2,']],
])("whole numbers that are floats are written as floats (%s)", async (type, given, expected) => {
  const architecture = architectures.find(({ types }) => types.includes(type))!;
  const whole = createModel({ ...architecture.tiny(0), ...given }, random(1));
  const target = memory();
  await saveModel(whole, target);
  const written = await text(target, "config.json");
  for (const line of expected) expect(written).toContain(line);
  expect(architecture.parse("test", JSON.parse(written), "file")).toMatchObject(whole.config);
  disposeParameters(whole.parameters);
});

describe("a folder that was saved with its tokenizer", () => {
  test("holds the tokenizer's files byte for byte, and those of a sentence embedding model", async () => {
    const given = await embeddingFolder();
    const source = memory({ ...given, "README.md": "not the tokenizer's" });
    const target = memory();
    await saveModel(model, target, { tokenizer: await loadTokenizer(source) });
    expect(await namesOf(target)).toEqual([...Object.keys(given), "config.json", "model.safetensors"].sort());
    for (const name of Object.keys(given)) expect(await target.read(name)).toEqual(await source.read(name));
  });

  test("also where the folder cannot be listed", async () => {
    const source = memory(await embeddingFolder());
    const unlisted: Files = { ...source, list: () => Promise.reject(new Error("no listing")) };
    const { files } = await loadTokenizer(unlisted);
    expect([...files.keys()]).toContain("1_Pooling/config.json");
  });

  test("loads as the same model and tokenizer", async () => {
    const target = memory();
    await saveModel(model, target, { tokenizer });
    const again = await loadTokenizer(target);
    expect(again.fingerprint).toBe(tokenizer.fingerprint);
    const loaded = await loadModel(target, { head: heads["sequence-classification"] });
    expect(loaded.created).toEqual([]);
    disposeParameters(loaded.parameters);
  });

  test("holds a tokenizer that was made from JSON", async () => {
    const target = memory();
    const [json, config] = [fixtureJson("bert/tokenizer.json"), fixtureJson("bert/tokenizer_config.json")];
    await saveModel(model, target, { tokenizer: createTokenizer(json, config) });
    expect(JSON.parse(await text(target, "tokenizer.json"))).toEqual(json);
    expect((await loadTokenizer(target)).special).toEqual(tokenizer.special);
  });

  test("keeps no file of the tokenizer that was there before", async () => {
    const target = memory(await embeddingFolder());
    await saveModel(model, target, { tokenizer });
    expect(await namesOf(target)).not.toContain("special_tokens_map.json");
    expect(await namesOf(target)).not.toContain("modules.json");
    expect(await namesOf(target)).not.toContain("vocab.txt");
  });

  test("says what is true of the model: vocabulary and labels", async () => {
    const target = memory();
    await saveModel(model, target, { tokenizer });
    expect(JSON.parse(await text(target, "config.json"))).toMatchObject({
      vocab_size: 53,
      id2label: { 0: "ham", 1: "spam", 2: "phishing" },
    });
  });
});

describe("a decoder's folder", () => {
  const ends = createTokenizer(fixtureJson("tokenizers/gpt2.json"), { eos_token: "b", pad_token: "c" });
  const idsIn = async (written?: Tokenizer): Promise<unknown> => {
    const decoder = createModel({ model_type: "llama", ...sizes, vocab_size: ends.vocabularySize }, random(1));
    const target = memory();
    await saveModel(decoder, target, written === undefined ? {} : { tokenizer: written });
    disposeParameters(decoder.parameters);
    const json = JSON.parse(await text(target, "config.json")) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(json).filter(([key]) => key.endsWith("_token_id")));
  };

  test("says as the tokenizer does at which token a text ends, since readers would take another family's", async () => {
    expect(await idsIn(ends)).toEqual({ eos_token_id: ends.special.eos, pad_token_id: ends.special.pad });
    expect(await idsIn()).toEqual({});
  });

  test("keeps what its config says of that", async () => {
    const stored = createModel({ model_type: "llama", ...sizes, vocab_size: ends.vocabularySize }, random(1));
    const own = { ...stored, config: { ...stored.config, eos_token_id: [2, 7], pad_token_id: null } };
    const target = memory();
    await saveModel(own, target, { tokenizer: ends });
    disposeParameters(stored.parameters);
    expect(JSON.parse(await text(target, "config.json"))).toMatchObject({ eos_token_id: [2, 7], pad_token_id: null });
  });
});

/** A folder in memory that stops, as a process does that is killed, before its `count`-th change. */
function dyingFolder(initial: Record<string, Uint8Array | string>, count: number): { files: Files; calls(): number } {
  const files = memory(initial);
  let calls = 0;
  const step = <Result>(work: () => Promise<Result>): Promise<Result> =>
    ++calls >= count ? new Promise(() => undefined) : work();
  const dying: Files = {
    ...files,
    write: (name, content) => step(() => files.write(name, content)),
    remove: (name) => step(() => files.remove(name)),
  };
  return { files: dying, calls: () => calls };
}

test("a folder with an adapter takes no model, which transformers would put the adapter on", async () => {
  const model = tinyModel();
  const files = memory({ "adapter_config.json": "{}" });
  await expect(saveModel(model, files)).rejects.toMatchObject({ code: "CONFIG" });
  expect((await files.list()).map(({ name }) => name)).toEqual(["adapter_config.json"]);
  disposeParameters(model.parameters);
});

test("whatever moment a crash comes at, the folder loads as the old model, as the new one, or not at all", async () => {
  const old = createModel({ model_type: "bert", ...sizes, num_attention_heads: 1, vocab_size: 53 }, random(2));
  const before = memory();
  await saveModel(old, before, { tokenizer });
  const initial = Object.fromEntries(
    await Promise.all((await namesOf(before)).map(async (name) => [name, await before.read(name)] as const)),
  );
  const whole = dyingFolder(initial, Number.POSITIVE_INFINITY);
  await saveModel(model, whole.files, { tokenizer });
  const seen = new Set<string>();
  for (let count = 1; count <= whole.calls(); count++) {
    const { files, calls } = dyingFolder(initial, count);
    void saveModel(model, files, { tokenizer });
    await expect.poll(calls, { interval: 1, timeout: 200_000 }).toBe(count);
    const loaded = await loadModel(files).catch((error: { code: string }) => error.code);
    if (typeof loaded === "string") {
      seen.add(loaded);
      continue;
    }
    const { num_attention_heads: heads } = loaded.config as { num_attention_heads?: number };
    const [name, weight] = [...loaded.parameters].find(([each]) => each.endsWith("query.weight"))!;
    const source = heads === 1 ? old : model;
    expect(weight).toBeAllClose(source.parameters.get(name)!, { absolute: 0, relative: 0 });
    seen.add(heads === 1 ? "old" : "new");
    disposeParameters(loaded.parameters);
  }
  expect([...seen]).toEqual(["old", "FILE"]);
  disposeParameters(old.parameters);
});

test("when the weights cannot be written, the folder is as it was", async () => {
  const target = memory();
  await saveModel(model, target);
  const names = await namesOf(target);
  const config = await text(target, "config.json");
  const wide = { ...model, parameters: new Map([["embeddings.word_embeddings.weight", tensor2d([[1e6]])]]) };
  await expect(saveModel(wide, target, { dtype: "F16" })).rejects.toThrow("beyond F16");
  expect([await namesOf(target), await text(target, "config.json")]).toEqual([names, config]);
  disposeParameters(wide.parameters);
});

test.each([
  [{ dtpye: "F16" }, 'saveModel: unknown option "dtpye"; is "dtype" meant?'],
  [{ dtype: "F8" }, 'saveModel: dtype must be F32, F16, BF16, got "F8"'],
  [{ tokenizer: {} }, "saveModel: tokenizer must be what loadTokenizer or createTokenizer gave"],
])("%j are no options", async (options, message) => {
  await expect(saveModel(model, memory(), options as SaveModelOptions)).rejects.toThrow(message);
});

test("a tokenizer with more tokens than the model embeds is refused before anything is written", async () => {
  const target = memory();
  const other = createTokenizer(fixtureJson("tokenizers/gpt2.json"));
  await expect(saveModel(model, target, { tokenizer: other })).rejects.toThrow(
    "saveModel: the tokenizer has 264 tokens, the model embeds 53",
  );
  expect(await namesOf(target)).toEqual([]);
});
