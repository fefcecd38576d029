import { describe, expect, test } from "vitest";
import { modelLayout } from "../../create.ts";
import { countLayout } from "../../layout.ts";
import { parseQwen2Config, parseQwen3Config, windowsOf } from "./config.ts";

const small = {
  model_type: "qwen2",
  vocab_size: 53,
  hidden_size: 24,
  intermediate_size: 34,
  num_hidden_layers: 3,
  num_attention_heads: 6,
  num_key_value_heads: 2,
} as const;

const parse = (more: object, from: "user" | "file" = "file") => parseQwen2Config("test", { ...small, ...more }, from);
const parse3 = (more: object, from: "user" | "file" = "file") =>
  parseQwen3Config("test", { ...small, model_type: "qwen3", ...more }, from);

const full = ["full_attention", "full_attention", "full_attention"];
const some = ["full_attention", "sliding_attention", "sliding_attention"];

test("what is left out has transformers' defaults", () => {
  const common = {
    ...small,
    max_position_embeddings: 32768,
    rope_parameters: { rope_type: "default", rope_theta: 10000 },
    hidden_act: "silu",
    rms_norm_eps: 1e-6,
    attention_dropout: 0,
    initializer_range: 0.02,
    tie_word_embeddings: false,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 28,
    layer_types: full,
  };
  expect(parse({}, "user")).toEqual({ ...common, head_dim: 4 });
  expect(parse3({}, "user")).toEqual({ ...common, model_type: "qwen3", head_dim: 128, attention_bias: false });
});

describe("layers have the windows of transformers", () => {
  test.each([
    ["a window that is not used", { sliding_window: 5, max_window_layers: 0 }, full],
    ["from a layer on", { use_sliding_window: true, sliding_window: 5, max_window_layers: 1 }, some],
    ["beyond the last layer", { use_sliding_window: true, sliding_window: 5, max_window_layers: 3 }, full],
    ["no window to use", { use_sliding_window: true, sliding_window: null, max_window_layers: 0 }, full],
    [
      "by types, whatever the layer says",
      { use_sliding_window: true, sliding_window: 5, max_window_layers: 3, layer_types: some },
      some,
    ],
    ["as transformers 5 writes it", { use_sliding_window: false, sliding_window: null, layer_types: full }, full],
  ])("%s", (_, given, types) => {
    for (const config of [parse(given), parse3(given)]) {
      expect(config.layer_types).toEqual(types);
      expect(windowsOf(config)).toEqual(types.map((type) => (type === "sliding_attention" ? 5 : undefined)));
    }
    expect(parse(parse(given))).toEqual(parse(given));
  });
});

test.each([
  [{ layer_types: some }, '"layer_types" names sliding_attention, where "use_sliding_window" is false'],
  [{ use_sliding_window: true, sliding_window: null, layer_types: some }, '"sliding_window" null'],
  [{ layer_types: full.slice(1) }, '"layer_types" must name 3 layers'],
  [{ layer_types: ["linear_attention", ...full.slice(1)] }, '"layer_types'],
  [{ mlp_bias: true }, '"mlp_bias"'],
  [{ use_mrope: true }, '"use_mrope"'],
  [{ rope_scaling: { type: "yarn", factor: 4, original_max_position_embeddings: 32768 } }, '"yarn"'],
  [{ rope_scaling: { rope_type: "dynamic", factor: 4 } }, 'rope_scaling: "rope_type"'],
])("a variant that would compute something else is refused by name: %j", (given, message) => {
  expect(() => parse(given)).toThrow(message);
  expect(() => parse3(given)).toThrow(message);
});

test("a Qwen 2 without biases is refused", () => {
  expect(() => parse({ attention_bias: false })).toThrow('"attention_bias"');
  expect(parse({ attention_bias: true })).toMatchObject({ attention_bias: true });
});

describe("a language model has as many parameters as its release", () => {
  const head = { kind: "causal-lm" } as const;
  test.each([
    [
      "Qwen2.5 0.5B",
      494_032_768,
      {
        model_type: "qwen2",
        hidden_size: 896,
        intermediate_size: 4864,
        num_hidden_layers: 24,
        num_attention_heads: 14,
        num_key_value_heads: 2,
        max_window_layers: 21,
        tie_word_embeddings: true,
      },
    ],
    [
      "Qwen3 0.6B",
      596_049_920,
      {
        model_type: "qwen3",
        hidden_size: 1024,
        intermediate_size: 3072,
        num_hidden_layers: 28,
        num_attention_heads: 16,
        num_key_value_heads: 8,
        tie_word_embeddings: true,
      },
    ],
  ])("%s: %i", (_, count, config) => {
    expect(countLayout(modelLayout(config, { head }))).toBe(count);
  });
});
