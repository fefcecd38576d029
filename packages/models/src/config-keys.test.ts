import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { describe, expect, test } from "vitest";
import { architectures } from "./architectures/index.ts";
import { createModel } from "./create.ts";
import { fixture, fixtureJson } from "./fixtures.ts";
import { loadModel } from "./load.ts";
import { saveModel } from "./save.ts";

const types = architectures.map((architecture) => architecture.types[0]!);

const parse = (type: string, more: object, from: "user" | "file" = "file") => {
  const architecture = architectures.find((each) => each.types.includes(type))!;
  return architecture.parse("test", { ...architecture.tiny(0), ...more }, from);
};

describe("a file's key", () => {
  test.each(types)("that no family of transformers has is kept (%s)", (type) => {
    const given = { my_own_key: [1], temperature: 0.7, "transformers.js_config": { dtype: "q4" } };
    expect(parse(type, given)).toMatchObject(given);
  });

  test.each(types)("that another family computes by is refused by name (%s)", (type) => {
    for (const given of [
      { alibi: true },
      { attn_logit_softcapping: 50 },
      { embedding_multiplier: 12 },
      { query_pre_attn_scalar: 256 },
      { use_parallel_residual: true },
      { num_local_experts: 8 },
      { position_embedding_type: "relative_key" },
      { scale_depth: 1.4 },
      { use_bidirectional_attention: true },
      { pruned_heads: { "0": [1] } },
      { per_layer_config: { "1": { num_attention_heads: 1 } } },
    ]) {
      expect(() => parse(type, given)).toThrow(`"${Object.keys(given)[0]}`);
    }
  });

  test.each(types)("that another family computes by is kept with a value that changes nothing (%s)", (type) => {
    const given = {
      alibi: false,
      attn_logit_softcapping: null,
      embedding_multiplier: 1,
      num_local_experts: 0,
      position_embedding_type: "absolute",
      pruned_heads: {},
      final_logit_softcapping: null,
    };
    expect(parse(type, given)).toMatchObject(given);
  });

  test.each([
    ["gpt2", { sliding_window: 64 }],
    ["gpt2", { rope_theta: 10000 }],
    ["t5", { rope_scaling: { type: "linear", factor: 2 } }],
    ["bert", { layer_types: ["sliding_attention", "full_attention"] }],
    ["distilbert", { attention_window: 64 }],
    ["llama", { is_causal: false }],
    ["qwen2", { is_causal: false }],
    ["bert", { is_causal: true }],
  ] as const)("of one family is none of another (%s, %j)", (type, given) => {
    expect(() => parse(type, given)).toThrow(`"${Object.keys(given)[0]}`);
  });

  test("that names code of the folder for its model is refused, and one for its tokenizer kept", () => {
    const own = { AutoConfig: "configuration.Own", AutoModelForCausalLM: "modeling.Own" };
    expect(() => parse("qwen2", { auto_map: own })).toThrow('"auto_map" names code of the folder\'s authors');
    const tokenizer = { auto_map: { AutoTokenizer: ["tokenization.Own", null] } };
    expect(parse("qwen2", tokenizer)).toMatchObject(tokenizer);
  });
});

describe("a setting in another word", () => {
  const aliases = [
    ["gpt2", "hidden_size", "n_embd", 12],
    ["gpt2", "max_position_embeddings", "n_positions", 24],
    ["gpt2", "num_attention_heads", "n_head", 4],
    ["gpt2", "num_hidden_layers", "n_layer", 3],
    ["t5", "hidden_size", "d_model", 12],
    ["t5", "num_attention_heads", "num_heads", 3],
    ["t5", "num_hidden_layers", "num_layers", 3],
    ["t5", "head_dim", "d_kv", 5],
    ["distilbert", "hidden_size", "dim", 12],
    ["distilbert", "num_attention_heads", "n_heads", 4],
    ["distilbert", "num_hidden_layers", "n_layers", 3],
  ] as const;

  test.each(aliases)("is read as transformers reads it: %s's %s is %s", (type, alias, key, value) => {
    for (const from of ["user", "file"] as const) {
      const config = parse(type, { [key]: undefined, [alias]: value }, from) as unknown as Record<string, unknown>;
      expect(config[key]).toBe(value);
      expect(config).not.toHaveProperty(alias);
      expect(parse(type, { [key]: value, [alias]: value }, from)).toEqual(config);
      expect(parse(type, { [key]: value, [alias]: null }, from)).toEqual(config);
    }
  });

  test.each(aliases)("that disagrees is an error that names both: %s's %s and %s", (type, alias, key, value) => {
    expect(() => parse(type, { [key]: value, [alias]: value + 1 })).toThrow(
      `"${alias}" (${value + 1}) and "${key}" (${value}) are one setting, and disagree`,
    );
  });

  test.each([
    ["llama", "n_head", "num_attention_heads", 2],
    ["mistral", "dim", "hidden_size", 12],
    ["qwen3", "activation_function", "hidden_act", "relu"],
    ["gpt2", "hidden_act", "activation_function", "relu"],
    ["gpt2", "layer_norm_eps", "layer_norm_epsilon", 1e-12],
    ["distilbert", "hidden_act", "activation", "relu"],
  ])("of another family is refused where the file lacks its own: %s, %s for %s", (type, foreign, mine, value) => {
    const given = { [mine]: undefined, [foreign]: value };
    expect(() => parse(type, given)).toThrow(`"${foreign}" is ${JSON.stringify(value)}`);
    expect(() => parse(type, given)).toThrow(`calls it "${mine}", which is absent`);
  });

  test("of another family is kept beside the family's own, and where it says the default", () => {
    expect(parse("llama", { hidden_act: "silu", activation_function: "gelu" })).toMatchObject({ hidden_act: "silu" });
    expect(parse("gpt2", { activation_function: undefined, hidden_act: "gelu_new" })).toMatchObject({
      activation_function: "gelu_new",
    });
  });
});

test("a GPT-2 whose file spells its sizes as other families do is loaded, and saved in its own words", async () => {
  const { n_embd, n_head, n_layer, n_positions, ...rest } =
    fixtureJson<Record<string, unknown>>("gpt2/gelu/config.json");
  const config = {
    ...rest,
    hidden_size: n_embd,
    num_attention_heads: n_head,
    num_hidden_layers: n_layer,
    max_position_embeddings: n_positions,
  };
  const weights = await fixture("gpt2/gelu").read("model.safetensors");
  const model = await loadModel(memory({ "config.json": JSON.stringify(config), "model.safetensors": weights }));
  expect(model.config).toMatchObject({ n_embd, n_head, n_layer, n_positions });
  const files = memory();
  await saveModel(model, files);
  const written = JSON.parse(new TextDecoder().decode(await files.read("config.json"))) as object;
  expect(written).toMatchObject({ n_embd, n_head, n_layer, n_positions });
  expect(written).not.toHaveProperty("hidden_size");
  disposeParameters(model.parameters);
});

const defaults = fixtureJson<Readonly<Record<string, Readonly<Record<string, unknown>>>>>("config-defaults.json");

test.each(Object.keys(defaults))("the config that transformers makes of nothing is read whole (%s)", (type) => {
  const { architectures: _, ...given } = defaults[type]!;
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const architecture = architectures.find(({ types: all }) => all.includes(type))!;
  const config = architecture.parse("test", given, "file");
  expect(config).toMatchObject(said);
  expect(architecture.parse("test", config, "file")).toEqual(config);
});

test.each(["distilbert", "gpt2", "llama", "mistral", "qwen2", "qwen3", "t5"])(
  "what a config leaves out has the defaults of transformers (%s)",
  (type) => {
    const architecture = architectures.find(({ types: all }) => all.includes(type))!;
    const config = architecture.parse("test", { model_type: type }, "user");
    const known = Object.entries(config).filter(([key]) => defaults[type]![key] != null);
    expect(known.length).toBeGreaterThan(10);
    for (const [key, value] of known) expect([key, value]).toEqual([key, defaults[type]![key]]);
  },
);

test("a user's typing of another family's key names the nearest of this one", () => {
  const typed = { model_type: "llama", num_attention_head: 3 };
  expect(() => createModel(typed, random(1))).toThrow('is "num_attention_heads" meant?');
});
