import { expect, test } from "vitest";
import { modelLayout } from "../../create.ts";
import { countLayout } from "../../layout.ts";
import { parseMistralConfig } from "./config.ts";

const small = {
  model_type: "mistral",
  vocab_size: 53,
  hidden_size: 32,
  intermediate_size: 34,
  num_hidden_layers: 3,
  num_attention_heads: 8,
} as const;

const parse = (more: object, from: "user" | "file" = "file") => parseMistralConfig("test", { ...small, ...more }, from);

test("what is left out has transformers' defaults", () => {
  expect(parse({}, "user")).toEqual({
    ...small,
    num_key_value_heads: 8,
    head_dim: 4,
    max_position_embeddings: 131072,
    rope_parameters: { rope_type: "default", rope_theta: 10000 },
    hidden_act: "silu",
    rms_norm_eps: 1e-6,
    attention_dropout: 0,
    initializer_range: 0.02,
    tie_word_embeddings: false,
    sliding_window: 4096,
  });
});

test("None in a file is no window and as many heads of keys, where an absent key is 4096 and 8, as in transformers", () => {
  const config = parse({ num_attention_heads: 16, sliding_window: null, num_key_value_heads: null, head_dim: null });
  expect(config).toMatchObject({ sliding_window: null, num_key_value_heads: 16, head_dim: 2 });
  expect(parse({ num_attention_heads: 16 })).toMatchObject({ sliding_window: 4096, num_key_value_heads: 8 });
  expect(parse(config)).toEqual(config);
});

test("a config of transformers 4 is read in its spelling", () => {
  const older = { rope_theta: 1e6, sliding_window: null, torch_dtype: "bfloat16", use_cache: true };
  const config = parse(older);
  expect(config).toMatchObject({ ...older, rope_parameters: { rope_type: "default", rope_theta: 1e6 } });
  expect(parse(config)).toEqual(config);
});

test.each([
  { sliding_window: 0 },
  { sliding_window: 2.5 },
  { layer_types: ["full_attention", "sliding_attention", "full_attention"] },
  { layer_types: ["full_attention", "full_attention", "full_attention"] },
  { layer_types: ["chunked_attention"] },
  { use_sliding_window: false },
  { attention_bias: true },
  { rope_scaling: { rope_type: "yarn", factor: 2 } },
])("a variant that would compute something else is refused by name: %j", (given) => {
  expect(() => parse(given)).toThrow(Object.keys(given)[0]);
});

test.each([
  { layer_types: ["sliding_attention", "sliding_attention", "sliding_attention"] },
  { layer_types: ["full_attention", "full_attention", "full_attention"], sliding_window: null },
  { use_sliding_window: true },
])("what says the same twice is read: %j", (given) => {
  expect(parse(given)).toMatchObject(given);
});

test("a language model has as many parameters as its release: Mistral 7B", () => {
  const layout = modelLayout({ model_type: "mistral", sliding_window: 4096 }, { head: { kind: "causal-lm" } });
  expect(countLayout(layout)).toBe(7_241_732_096);
});
