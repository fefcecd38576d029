import { expect, test } from "vitest";
import { maximumLength, parseBertConfig } from "./config.ts";

const sizes = {
  model_type: "bert",
  vocab_size: 53,
  hidden_size: 20,
  num_hidden_layers: 3,
  num_attention_heads: 5,
  intermediate_size: 28,
} as const;

test("what is left out has transformers' defaults", () => {
  expect(parseBertConfig("test", sizes, "user")).toEqual({
    ...sizes,
    max_position_embeddings: 512,
    type_vocab_size: 2,
    pad_token_id: 0,
    hidden_act: "gelu",
    layer_norm_eps: 1e-12,
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    initializer_range: 0.02,
  });
});

test("RoBERTa pads with 1 and leaves two positions to padding", () => {
  const config = parseBertConfig("test", { ...sizes, model_type: "roberta", max_position_embeddings: 40 }, "user");
  expect(config.pad_token_id).toBe(1);
  expect(maximumLength(config)).toBe(38);
});

test("None in a file means the default", () => {
  const config = parseBertConfig("test", { ...sizes, classifier_dropout: null, pad_token_id: null }, "file");
  expect(config).not.toHaveProperty("classifier_dropout");
  expect(config.pad_token_id).toBe(0);
});

test("a file's other keys are kept, known or not", () => {
  const kept = { torch_dtype: "float32", my_own_key: [1], bos_token_id: null };
  expect(parseBertConfig("test", { ...sizes, ...kept }, "file")).toMatchObject(kept);
});

test("transformers' other keys may be typed", () => {
  expect(parseBertConfig("test", { ...sizes, use_cache: true }, "user")).toMatchObject({ use_cache: true });
});

test("an unknown key that a user typed names the nearest one", () => {
  expect(() => parseBertConfig("createModel", { ...sizes, num_hidden_layer: 3 }, "user")).toThrow(
    'createModel: unknown key "num_hidden_layer"; is "num_hidden_layers" meant?',
  );
});

test.each([
  ["a size that is missing", { vocab_size: undefined }, "vocab_size"],
  ["a size of 0", { hidden_size: 0 }, "hidden_size"],
  ["heads that do not divide the width", { num_attention_heads: 3 }, "multiple of num_attention_heads, got 20 and 3"],
  ["dropout of everything", { hidden_dropout_prob: 1 }, "hidden_dropout_prob"],
  ["another model", { model_type: "distilbert" }, "model_type"],
  ["relative positions", { position_embedding_type: "relative_key" }, "position_embedding_type"],
  ["a decoder", { is_decoder: true }, "is_decoder"],
  ["an activation that is none", { hidden_act: "gloo" }, "hidden_act"],
])("%s is an error that names it", (_, change, message) => {
  expect(() => parseBertConfig("loadModel", { ...sizes, ...change }, "file")).toThrow(message);
});

test("a file that holds no object is an error", () => {
  expect(() => parseBertConfig("loadModel", [1], "file")).toThrow("loadModel");
  expect(() => parseBertConfig("loadModel", null, "file")).toThrow("loadModel");
});
