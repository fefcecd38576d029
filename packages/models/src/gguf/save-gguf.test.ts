import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { mul, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { createModel } from "../create.ts";
import { fixture, fixtureJson } from "../fixtures.ts";
import { loadModel } from "../load.ts";
import { loadTokenizer } from "../load-tokenizer.ts";
import { createTokenizer } from "../tokenizer.ts";
import { openGguf } from "./load-gguf.ts";
import type { GgufDtype } from "./quantise.ts";
import { saveGguf } from "./save-gguf.ts";

const head = { kind: "causal-lm" } as const;
const exactly = { relative: 0, absolute: 0 };

/** Sizes of whole blocks of 32. */
const llama = {
  model_type: "llama",
  vocab_size: 403,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
} as const;
const gpt2 = {
  model_type: "gpt2",
  vocab_size: 403,
  n_embd: 64,
  n_layer: 2,
  n_head: 4,
  n_inner: 96,
  n_positions: 32,
} as const;

describe.each([["llama/llama3"], ["llama/linear"], ["gpt2/gelu-new"]])("%s", (folder) => {
  test("is the same model after it was a GGUF file in float32", async () => {
    const model = await loadModel(fixture(folder), { head });
    const files = memory();
    await saveGguf(model, files, { dtype: "float32" });
    const again = await loadModel(files, { head });
    expect([...again.parameters.keys()]).toEqual([...model.parameters.keys()]);
    for (const [name, wanted] of model.parameters) expect(again.parameters.get(name)).toBeAllClose(wanted, exactly);
    tidy(() => {
      const batch = {
        ids: tensor2d([[3, 1, 4, 1, 5, 9, 2, 6]], undefined, "int32"),
        mask: tensor2d([[1, 1, 1, 1, 1, 1, 1, 1]]),
      };
      const close = { relative: 0, absolute: 1e-4 };
      expect(again.forward(batch).logits).toBeAllClose(model.forward(batch).logits!, close);
    });
    for (const { parameters } of [model, again]) disposeParameters(parameters);
  });
});

/** The largest distance of a rounded number, as a part of the largest number of its block. */
const steps: Readonly<Record<GgufDtype, number>> = {
  float32: 0,
  float16: 2 ** -11,
  bfloat16: 2 ** -8,
  q8_0: 0.6 / 127,
  q4_0: 1.05 / 8, // the number farthest from 0 on the other side is cut to 7 of its 8 parts
};

const qwen2 = { ...llama, model_type: "qwen2" } as const;
const qwen3 = { ...llama, model_type: "qwen3" } as const;

describe.each([llama, qwen2, qwen3, gpt2])("a $model_type", (config) => {
  test.each(Object.entries(steps))(
    "in %s is rounded as its type says, norms and biases not at all",
    async (dtype, step) => {
      const model = createModel(config, random(3), { head });
      const files = memory();
      await saveGguf(model, files, { dtype: dtype as GgufDtype });
      const again = await loadModel(files, { head });
      for (const [name, wanted] of model.parameters) {
        const isRounded = wanted.shape.length === 2 && !name.includes("wpe");
        const values = Array.from(await wanted.data(), Math.abs);
        const most = values.reduce((a, b) => Math.max(a, b), 0);
        const absolute = isRounded ? most * step : 0;
        expect(again.parameters.get(name), name).toBeAllClose(wanted, { relative: 0, absolute });
      }
      for (const { parameters } of [model, again]) disposeParameters(parameters);
    },
  );

  test("saved again from its own file has the same bytes", async () => {
    const model = createModel(config, random(3), { head });
    const [first, second] = [memory(), memory()];
    await saveGguf(model, first, { dtype: "q8_0" });
    const again = await loadModel(first, { head });
    await saveGguf(again, second, { dtype: "q8_0" });
    const [a, b] = await Promise.all([first, second].map((files) => files.read("model.gguf")));
    expect(b).toEqual(a); // the largest code of a block is 127 again, and its scale the same half
    const file = await openGguf({ files: second, name: "model.gguf" });
    expect([...file.header.tensors.values()].map(({ type }) => type.name)).toContain("Q8_0");
    for (const { parameters } of [model, again]) disposeParameters(parameters);
  });
});

test("tables of word embeddings and of the head keep 8 bits where the rest has 4", async () => {
  const model = createModel(llama, random(3), { head });
  const files = memory();
  await saveGguf(model, files, { dtype: "q4_0" });
  const { header } = await openGguf({ files, name: "model.gguf" });
  const typeOf = (name: string) => header.tensors.get(`${name}.weight`)!.type.name;
  expect(["token_embd", "output", "blk.1.ffn_up", "blk.1.ffn_norm"].map(typeOf)).toEqual([
    "Q8_0",
    "Q8_0",
    "Q4_0",
    "F32",
  ]);
  expect(header.metadata.get("general.file_type")).toBe(2);
  disposeParameters(model.parameters);
});

describe("the tokenizer goes with the model", () => {
  const texts = ["Grafting joins two plants.", "  It's 1234, e\u0301 \u{1f333}", "a<|im_start|>user\n<think> b", ""];

  test.each(["gpt-2", "smollm", "llama-bpe", "tekken", "qwen2", "pieces", "pieces-bare"])("%s", async (name) => {
    const model = createModel({ ...llama, vocab_size: 470 }, random(3), { head });
    const tokenizer = await loadTokenizer(memory({ "m.gguf": await fixture("gguf/tokenizers").read(`${name}.gguf`) }));
    const files = memory();
    await saveGguf(model, files, { tokenizer });
    const again = await loadTokenizer(files);
    expect(texts.map((text) => again.encode(text))).toEqual(texts.map((text) => tokenizer.encode(text)));
    expect(again.special).toEqual(tokenizer.special);
    expect(again.vocabularySize).toBe(470);
    const loaded = await loadModel(files, { head });
    for (const { parameters } of [model, loaded]) disposeParameters(parameters);
  });

  test.each([
    ["gpt2", undefined],
    ["qwen2", undefined],
    ["smollm", undefined],
    ["llama3", "<|begin_of_text|>"],
  ])("that of a folder of %s, where it says of places what changes no ids", async (name, bos) => {
    const model = createModel({ ...llama, vocab_size: 470 }, random(3), { head });
    const config = bos === undefined ? {} : { bos_token: bos };
    const tokenizer = createTokenizer(fixtureJson(`tokenizer-strings/${name}.json`), config);
    const files = memory();
    await saveGguf(model, files, { tokenizer });
    const again = await loadTokenizer(files);
    expect(texts.map((text) => again.encode(text).ids)).toEqual(texts.map((text) => tokenizer.encode(text).ids));
    disposeParameters(model.parameters);
  });

  test("with its chat template", async () => {
    const model = createModel(llama, random(3), { head });
    const tokenizer = await loadTokenizer(memory({ "m.gguf": await fixture("gguf/tokenizers").read("qwen2.gguf") }));
    const files = memory();
    await saveGguf(model, files, { tokenizer });
    const { header } = await openGguf({ files, name: "model.gguf" });
    expect(header.metadata.get("tokenizer.chat_template")).toContain("message.content");
    disposeParameters(model.parameters);
  });

  test.each([
    ["roberta", "ends texts by RobertaProcessing"],
    ["bert", "is of the kind WordPiece"],
  ])("%s's cannot be said, and is refused", async (family, message) => {
    const model = createModel(llama, random(3), { head });
    const tokenizer = await loadTokenizer(fixture(family));
    await expect(saveGguf(model, memory(), { tokenizer })).rejects.toThrow(message);
    disposeParameters(model.parameters);
  });

  const split = { type: "Split", pattern: { Regex: "\\s+" }, behavior: "Isolated", invert: false };

  test.each([
    ["without the keys that have defaults is the same", { type: "ByteLevel", add_prefix_space: false }, "gpt-2"],
    ["with a blank in front", { type: "ByteLevel", add_prefix_space: true }, undefined],
    ["without words", { type: "ByteLevel", add_prefix_space: false, use_regex: false }, undefined],
    ["by another pattern", { type: "Sequence", pretokenizers: [split] }, undefined],
  ])("a pre-tokenizer %s", async (_, pre_tokenizer, name) => {
    const model = createModel(llama, random(3), { head });
    const given = await loadTokenizer(memory({ "m.gguf": await fixture("gguf/tokenizers").read("gpt-2.gguf") }));
    const json = JSON.parse(new TextDecoder().decode(given.files.get("tokenizer.json"))) as object;
    const tokenizer = createTokenizer({ ...json, pre_tokenizer });
    const files = memory();
    const saved = saveGguf(model, files, { tokenizer });
    if (name === undefined) await expect(saved).rejects.toThrow("cuts texts into words as none of");
    else {
      await saved;
      const { header } = await openGguf({ files, name: "model.gguf" });
      expect(header.metadata.get("tokenizer.ggml.pre")).toBe(name);
    }
    disposeParameters(model.parameters);
  });

  test("one that begins texts with another token than BOS, or merges whole words otherwise, is refused", async () => {
    const model = createModel(llama, random(3), { head });
    const given = await loadTokenizer(memory({ "m.gguf": await fixture("gguf/tokenizers").read("llama-bpe.gguf") }));
    const [json, config] = ["tokenizer.json", "tokenizer_config.json"].map((name) =>
      JSON.parse(new TextDecoder().decode(given.files.get(name))),
    );
    const other = createTokenizer(json, { ...config, bos_token: "<|im_start|>" });
    await expect(saveGguf(model, memory(), { tokenizer: other })).rejects.toThrow('puts "<|endoftext|>" at an end');
    const merging = createTokenizer({ ...json, model: { ...json.model, ignore_merges: false } }, config);
    await expect(saveGguf(model, memory(), { tokenizer: merging })).rejects.toThrow("cuts texts into words as none of");
    disposeParameters(model.parameters);
  });

  test("flags of tokens that such files have no word for are refused", async () => {
    const model = createModel(llama, random(3), { head });
    const given = await loadTokenizer(memory({ "m.gguf": await fixture("gguf/tokenizers").read("gpt-2.gguf") }));
    const json = JSON.parse(new TextDecoder().decode(given.files.get("tokenizer.json"))) as { added_tokens: object[] };
    for (const flag of ["lstrip", "rstrip", "single_word"]) {
      const [first, ...others] = json.added_tokens;
      const tokenizer = createTokenizer({ ...json, added_tokens: [{ ...first, [flag]: true }, ...others] });
      await expect(saveGguf(model, memory(), { tokenizer })).rejects.toThrow(`has "${flag}"`);
    }
    disposeParameters(model.parameters);
  });

  test("merges that no scores mean, and blanks in another place, are refused", async () => {
    const model = createModel({ ...llama, vocab_size: 470 }, random(3), { head });
    const given = await loadTokenizer(memory({ "m.gguf": await fixture("gguf/tokenizers").read("pieces.gguf") }));
    const json = JSON.parse(new TextDecoder().decode(given.files.get("tokenizer.json")));
    const fewer = createTokenizer({ ...json, model: { ...json.model, merges: json.model.merges.slice(1) } });
    await expect(saveGguf(model, memory(), { tokenizer: fewer })).rejects.toThrow("merges that no scores");
    const metaspace = { type: "Metaspace", replacement: "\u2581", prepend_scheme: "first", split: false };
    const spaced = createTokenizer({ ...json, normalizer: null, pre_tokenizer: metaspace });
    await expect(saveGguf(model, memory(), { tokenizer: spaced })).rejects.toThrow("puts blanks in front");
    disposeParameters(model.parameters);
  });

  test("and one of more tokens than the model has rows is refused", async () => {
    const model = createModel({ ...llama, vocab_size: 402 }, random(3), { head });
    const tokenizer = await loadTokenizer(memory({ "m.gguf": await fixture("gguf/tokenizers").read("qwen2.gguf") }));
    await expect(saveGguf(model, memory(), { tokenizer })).rejects.toThrow("has 403 tokens, the model embeds 402");
    disposeParameters(model.parameters);
  });
});

describe("what a GGUF file cannot say is refused by name", () => {
  test.each([
    [{ ...llama, hidden_act: "gelu" }, '"hidden_act" is "gelu"'],
    [{ ...qwen2, use_sliding_window: true, max_window_layers: 1 }, '"layer_types"'],
    [{ ...qwen3, attention_bias: true }, '"attention_bias" is true'],
    [{ ...gpt2, activation_function: "relu" }, '"activation_function" is "relu"'],
    [{ ...gpt2, scale_attn_weights: false }, '"scale_attn_weights" is false'],
    [{ ...gpt2, scale_attn_by_inverse_layer_idx: true }, '"scale_attn_by_inverse_layer_idx" is true'],
  ])("%j", async (config, message) => {
    const model = createModel(config, random(3), { head });
    await expect(saveGguf(model, memory())).rejects.toThrow(message);
    disposeParameters(model.parameters);
  });

  test("a body, a classifier, a family without such files", async () => {
    const classifier = { kind: "sequence-classification", labels: ["a", "b"] } as const;
    const models = [createModel(llama, random(3)), createModel(llama, random(3), { head: classifier })];
    for (const model of models) await expect(saveGguf(model, memory())).rejects.toThrow("load the model with head");
    const bert = createModel(
      {
        model_type: "bert",
        vocab_size: 9,
        hidden_size: 4,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 4,
      },
      random(1),
    );
    await expect(saveGguf(bert, memory())).rejects.toThrow("no GGUF file of a bert");
    for (const { parameters } of [...models, bert]) disposeParameters(parameters);
  });

  test("layers in 8 bits, rows that are no whole blocks, numbers beyond the type", async () => {
    const rounded = await loadModel(fixture("gpt2/gelu-new"), { head, frozen: "int8" });
    await expect(saveGguf(rounded, memory())).rejects.toThrow("are in 8 bits");
    const odd = await loadModel(fixture("llama/linear"), { head });
    await expect(saveGguf(odd, memory(), { dtype: "q8_0" })).rejects.toThrow("no whole blocks of 32");
    const large = createModel(llama, random(3), { head });
    const name = "model.layers.0.mlp.up_proj.weight";
    const values = large.parameters.get(name)!;
    const parameters = new Map([...large.parameters, [name, tidy(() => mul(values, 1e9))]]);
    await expect(saveGguf({ ...large, parameters }, memory())).rejects.toThrow(`of "${name}" is`);
    parameters.get(name)!.dispose();
    for (const { parameters: each } of [rounded, odd, large]) disposeParameters(each);
  });

  test("another dtype, and a path that is no such file", async () => {
    const model = createModel(llama, random(3), { head });
    await expect(saveGguf(model, memory(), { dtype: "q6_k" as "q8_0" })).rejects.toThrow("dtype must be float32");
    await expect(saveGguf(model, "models/out")).rejects.toThrow("must end in .gguf");
    disposeParameters(model.parameters);
  });
});
