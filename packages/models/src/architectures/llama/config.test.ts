import { disposeParameters, random } from "@cambium/core";
import { describe, expect, test } from "vitest";
import { createModel, modelLayout } from "../../create.ts";
import { fixtureJson } from "../../fixtures.ts";
import { countLayout } from "../../layout.ts";
import { parseLlamaConfig } from "./config.ts";
import { rotaryFrequencies } from "./rotary.ts";

const small = {
  model_type: "llama",
  vocab_size: 53,
  hidden_size: 24,
  intermediate_size: 34,
  num_hidden_layers: 3,
  num_attention_heads: 6,
} as const;

const parse = (more: object, from: "user" | "file" = "file") => parseLlamaConfig("test", { ...small, ...more }, from);
const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };

test("what is left out has transformers' defaults", () => {
  expect(parse({}, "user")).toEqual({
    ...small,
    num_key_value_heads: 6,
    head_dim: 4,
    max_position_embeddings: 2048,
    rope_parameters: { rope_type: "default", rope_theta: 10000 },
    hidden_act: "silu",
    rms_norm_eps: 1e-6,
    attention_bias: false,
    mlp_bias: false,
    attention_dropout: 0,
    initializer_range: 0.02,
    tie_word_embeddings: false,
  });
});

test.each(["llama3", "linear"])("an older config gives the same frequencies as today's (%s)", (name) => {
  const [older, today] = ["older-config.json", "config.json"].map((file) =>
    parseLlamaConfig("test", fixtureJson(`llama/${name}/${file}`), "file"),
  );
  expect(older!.rope_parameters).toEqual(today!.rope_parameters);
  const frequencies = [older!, today!].map((config) => rotaryFrequencies(config.rope_parameters, config.head_dim));
  expect(frequencies[0]).toEqual(frequencies[1]);
});

describe("rotary positions", () => {
  test.each([
    ["θ alone", { rope_theta: 5e5 }, { rope_type: "default", rope_theta: 5e5 }],
    ["no scaling", { rope_theta: 5e5, rope_scaling: null }, { rope_type: "default", rope_theta: 5e5 }],
    ["θ beside today's keys", { rope_theta: 7, rope_parameters: {} }, { rope_type: "default", rope_theta: 7 }],
    [
      "type and rope_type",
      { rope_scaling: { type: "linear", rope_type: "linear", factor: 2 } },
      { rope_type: "linear", rope_theta: 10000, factor: 2 },
    ],
    [
      "original positions left out",
      { max_position_embeddings: 64, rope_scaling: llama3 },
      { ...llama3, rope_theta: 10000, original_max_position_embeddings: 64 },
    ],
    [
      "original positions beside them",
      { original_max_position_embeddings: 32, rope_scaling: llama3 },
      { ...llama3, rope_theta: 10000, original_max_position_embeddings: 32 },
    ],
  ])("are read from either spelling: %s", (_, given, wanted) => {
    const config = parse(given);
    expect(config.rope_parameters).toEqual(wanted);
    expect(parse(config)).toEqual(config);
  });

  test("stay in a file as it spells them, beside today's keys", () => {
    const given = { rope_theta: 500, rope_scaling: { type: "linear", factor: 2 } };
    expect(parse(given)).toMatchObject(given);
  });

  test.each([
    [{ rope_scaling: { rope_type: "yarn", factor: 2 } }, 'rope_scaling: "rope_type"'],
    [{ rope_scaling: { type: "dynamic", factor: 2 } }, '"dynamic"'],
    [{ rope_parameters: { rope_type: "longrope", rope_theta: 3 } }, 'rope_parameters: "rope_type"'],
    [{ rope_parameters: { rope_type: "linear", factor: 2, attention_factor: 1.5 } }, '"attention_factor"'],
    [{ rope_parameters: { rope_type: "linear" } }, '"factor"'],
    [{ rope_parameters: { partial_rotary_factor: 0.5 } }, '"partial_rotary_factor"'],
    [{ rope_parameters: { ...llama3, low_freq_factor: 4 } }, "low_freq_factor must be less"],
    [{ rope_scaling: { type: "linear", rope_type: "llama3", factor: 2 } }, "which one is it?"],
    [
      { original_max_position_embeddings: 32, rope_scaling: { ...llama3, original_max_position_embeddings: 64 } },
      '"original_max_position_embeddings" and "rope_scaling" disagree',
    ],
    [{ rope_theta: 5, rope_parameters: { rope_theta: 6 } }, '"rope_theta" and "rope_parameters" disagree'],
    [
      { rope_scaling: { type: "linear", factor: 2 }, rope_parameters: { rope_type: "linear", factor: 3 } },
      '"rope_scaling" and "rope_parameters" disagree',
    ],
  ])("of another kind are refused by name: %j", (given, message) => {
    expect(() => parse(given)).toThrow(message);
  });
});

test.each([
  { pretraining_tp: 2 },
  { sliding_window: 4096 },
  { use_sliding_window: true },
  { layer_types: ["full_attention", "sliding_attention", "full_attention"] },
  { partial_rotary_factor: 0.5 },
  { rope_interleaved: true },
  { add_cross_attention: true },
  { hidden_act: "softplus" },
])("a variant that would compute something else is refused by name: %j", (given) => {
  expect(() => parse(given)).toThrow(`"${Object.keys(given)[0]}`);
});

test("what means the plain model is read and kept", () => {
  const given = { pretraining_tp: 1, layer_types: ["full_attention"], rope_interleaved: false, my_own_key: 3 };
  expect(parse({ ...given, sliding_window: null })).toMatchObject(given);
});

test.each([
  [{ num_attention_heads: 5 }, "hidden_size must be a multiple of num_attention_heads, got 24 and 5"],
  [{ head_dim: 5 }, "head_dim must be even"],
  [{ num_key_value_heads: 4 }, "must be a multiple of num_key_value_heads, got 6 and 4"],
])("sizes that do not fit are an error: %j", (given, message) => {
  expect(() => parse(given)).toThrow(message);
});

test("heads need not fill the width", () => {
  const model = createModel({ ...small, head_dim: 10, num_key_value_heads: 2 }, random(1));
  const shape = (name: string) => model.parameters.get(`model.layers.0.self_attn.${name}.weight`)?.shape;
  expect(["q_proj", "k_proj", "v_proj", "o_proj"].map(shape)).toEqual([
    [60, 24],
    [20, 24],
    [20, 24],
    [24, 60],
  ]);
  disposeParameters(model.parameters);
});

describe("a language model has as many parameters as its release", () => {
  const head = { kind: "causal-lm" } as const;
  test.each([
    ["LLaMA 2 7B", 6_738_415_616, {}],
    [
      "LLaMA 3 8B",
      8_030_261_248,
      { vocab_size: 128256, intermediate_size: 14336, num_key_value_heads: 8, rope_parameters: { rope_theta: 5e5 } },
    ],
    [
      "LLaMA 3.2 1B",
      1_235_814_400,
      {
        vocab_size: 128256,
        hidden_size: 2048,
        intermediate_size: 8192,
        num_hidden_layers: 16,
        num_key_value_heads: 8,
        head_dim: 64,
        tie_word_embeddings: true,
      },
    ],
    [
      "SmolLM2 135M",
      134_515_008,
      {
        vocab_size: 49152,
        hidden_size: 576,
        intermediate_size: 1536,
        num_hidden_layers: 30,
        num_attention_heads: 9,
        num_key_value_heads: 3,
        tie_word_embeddings: true,
      },
    ],
  ])("%s: %i", (_, count, config) => {
    expect(countLayout(modelLayout({ model_type: "llama", ...config }, { head }))).toBe(count);
  });
});
