/** Names and shapes in PEFT's files, on models of one layer of width 16; and what a config without targets means. */
import { memory, readJson } from "@cambium/base";
import { disposeParameters, openSafetensors, random } from "@cambium/core";
import { createModel, type HeadConfig, type LanguageModel } from "@cambium/models";
import { afterEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import type { Delta, Stack } from "../delta.ts";
import { adaLora, dora, fourierFt, head, ia3, lora, norms, prefix, prompt, vbLora, vera } from "../methods/index.ts";
import { loadAdapter } from "./load-adapter.ts";
import { saveAdapter } from "./save-adapter.ts";

const plain = {
  vocab_size: 30,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  intermediate_size: 64,
  max_position_embeddings: 32,
};
const families: Readonly<Record<string, readonly [config: object, head: HeadConfig["kind"]]>> = {
  bert: [plain, "sequence-classification"],
  roberta: [plain, "sequence-classification"],
  t5: [
    {
      vocab_size: 30,
      d_model: 16,
      d_kv: 3,
      d_ff: 64,
      num_layers: 1,
      num_heads: 4,
      feed_forward_proj: "relu",
      tie_word_embeddings: true,
    },
    "sequence-to-sequence",
  ],
  gpt2: [{ vocab_size: 30, n_embd: 16, n_layer: 1, n_head: 4, n_positions: 32 }, "causal-lm"],
  llama: [{ ...plain, num_key_value_heads: 2 }, "causal-lm"],
  mistral: [{ ...plain, num_key_value_heads: 2 }, "causal-lm"],
  qwen3: [{ ...plain, num_key_value_heads: 2, head_dim: 4 }, "causal-lm"],
};

const owned: Pick<Delta, "parameters" | "buffers" | "state">[] = [];
const own = <D extends Delta | Stack>(delta: D): D => {
  owned.push(delta);
  return delta;
};
const made: LanguageModel[] = [];
function make(family: string): LanguageModel {
  const [config, kind] = families[family]!;
  const labels = kind === "sequence-classification" ? { labels: ["a", "b", "c"] } : {};
  const model = createModel({ ...config, model_type: family }, random(1), { head: { kind, ...labels } as HeadConfig });
  made.push(model);
  return model;
}
afterEach(() => {
  for (const delta of owned.splice(0))
    for (const tree of [delta.parameters, delta.buffers, delta.state]) disposeParameters(tree);
  for (const { parameters } of made.splice(0)) disposeParameters(parameters);
});

/** `{a,b}` in a name stands for one name with each. */
function expand(keys: Readonly<Record<string, readonly number[]>>): Record<string, readonly number[]> {
  const open = Object.entries(keys).flatMap(([key, shape]): [string, readonly number[]][] => {
    const [, before, choice, after] = /^(.*?)\{(.*?)\}(.*)$/.exec(key) ?? [];
    if (choice === undefined) return [[key, shape]];
    return Object.entries(expand(Object.fromEntries(choice.split(",").map((each) => [before + each + after, shape]))));
  });
  return Object.fromEntries(open);
}

const P = "base_model.model.";
const self = `${P}bert.encoder.layer.0.attention.self`;
const classifier = { [`${P}classifier.weight`]: [3, 16], [`${P}classifier.bias`]: [3] };
const ofPrompt = { "base_model.classifier.weight": [3, 16], "base_model.classifier.bias": [3] };
const stacks = [`${P}encoder.block.0.layer.0.SelfAttention`, `${P}decoder.block.0.layer.{0.Self,1.EncDec}Attention`];
const [encoder, decoder] = stacks as [string, string];
const layer = `${P}model.layers.0`;

test.each<[string, string, (base: LanguageModel) => Delta[], Readonly<Record<string, readonly number[]>>]>([
  [
    "bert",
    "LoRA",
    (base) => [lora(base, { rank: 2 }, random(2)), head(base)],
    {
      [`${self}.{query,value}.lora_A.weight`]: [2, 16],
      [`${self}.{query,value}.lora_B.weight`]: [16, 2],
      ...classifier,
    },
  ],
  [
    "bert",
    "DoRA",
    (base) => [dora(base, { rank: 2 }, random(2)), head(base)],
    {
      [`${self}.{query,value}.lora_A.weight`]: [2, 16],
      [`${self}.{query,value}.lora_B.weight`]: [16, 2],
      [`${self}.{query,value}.lora_magnitude_vector`]: [16],
      ...classifier,
    },
  ],
  [
    "bert",
    "(IA)³",
    (base) => [ia3(base), head(base)],
    {
      [`${self}.{key,value}.ia3_l`]: [16, 1],
      [`${P}bert.encoder.layer.0.attention.output.dense.ia3_l`]: [1, 16],
      [`${P}bert.encoder.layer.0.output.dense.ia3_l`]: [1, 64],
      ...classifier,
    },
  ],
  [
    "bert",
    "a prompt",
    (base) => [prompt(base, { length: 4 }, random(2)), head(base)],
    { prompt_embeddings: [4, 16], ...ofPrompt },
  ],
  [
    "bert",
    "a prefix",
    (base) => [prefix(base, { length: 4 }, random(2)), head(base)],
    { prompt_embeddings: [4, 32], ...ofPrompt },
  ],
  [
    "t5",
    "LoRA",
    (base) => [lora(base, { rank: 2 }, random(2))],
    {
      [`${encoder}.{q,v}.lora_A.weight`]: [2, 16],
      [`${encoder}.{q,v}.lora_B.weight`]: [12, 2],
      [`${decoder}.{q,v}.lora_A.weight`]: [2, 16],
      [`${decoder}.{q,v}.lora_B.weight`]: [12, 2],
    },
  ],
  [
    "t5",
    "(IA)³",
    (base) => [ia3(base)],
    {
      [`${encoder}.{k,v}.ia3_l`]: [12, 1],
      [`${decoder}.{k,v}.ia3_l`]: [12, 1],
      [`${P}encoder.block.0.layer.1.DenseReluDense.wo.ia3_l`]: [1, 64],
      [`${P}decoder.block.0.layer.2.DenseReluDense.wo.ia3_l`]: [1, 64],
    },
  ],
  [
    "t5",
    "norms",
    (base) => [norms(base)],
    {
      [`${P}encoder.block.0.layer.{0,1}.layer_norm.ln_tuning_layers.weight`]: [16],
      [`${P}decoder.block.0.layer.{0,1,2}.layer_norm.ln_tuning_layers.weight`]: [16],
      [`${P}{encoder,decoder}.final_layer_norm.ln_tuning_layers.weight`]: [16],
    },
  ],
  [
    "gpt2",
    "LoRA",
    (base) => [lora(base, { rank: 2, targets: "attn.qkv" }, random(2))],
    {
      [`${P}transformer.h.0.attn.c_attn.lora_A.weight`]: [2, 16],
      [`${P}transformer.h.0.attn.c_attn.lora_B.weight`]: [48, 2],
    },
  ],
  [
    "gpt2",
    "(IA)³",
    (base) => [ia3(base)],
    { [`${P}transformer.h.0.attn.c_attn.ia3_l`]: [48, 1], [`${P}transformer.h.0.mlp.c_proj.ia3_l`]: [1, 64] },
  ],
  [
    "gpt2",
    "norms",
    (base) => [norms(base)],
    { [`${P}transformer.{h.0.ln_1,h.0.ln_2,ln_f}.ln_tuning_layers.{weight,bias}`]: [16] },
  ],
  [
    "llama",
    "LoRA",
    (base) => [lora(base, { rank: 2 }, random(2))],
    {
      [`${layer}.self_attn.{q,v}_proj.lora_A.weight`]: [2, 16],
      [`${layer}.self_attn.q_proj.lora_B.weight`]: [16, 2],
      [`${layer}.self_attn.v_proj.lora_B.weight`]: [8, 2],
    },
  ],
  [
    "llama",
    "(IA)³",
    (base) => [ia3(base)],
    { [`${layer}.self_attn.{k,v}_proj.ia3_l`]: [8, 1], [`${layer}.mlp.down_proj.ia3_l`]: [1, 64] },
  ],
  [
    "llama",
    "VeRA",
    (base) => [vera(base, { rank: 4 }, random(2))],
    {
      [`${layer}.self_attn.q_proj.vera_lambda_b`]: [16],
      [`${layer}.self_attn.v_proj.vera_lambda_b`]: [8],
      [`${layer}.self_attn.{q,v}_proj.vera_lambda_d`]: [4],
      "base_model.vera_A": [4, 16],
      "base_model.vera_B": [16, 4],
    },
  ],
  ["llama", "a prefix", (base) => [prefix(base, { length: 4 }, random(2))], { prompt_embeddings: [4, 16] }],
])("on %s, %s has PEFT's keys and shapes", async (family, _, deltas, expected) => {
  const base = make(family);
  const files = memory();
  const tuned = attach(base, ...deltas(base).map(own));
  expect(await saveAdapter(tuned, files, { untrained: true })).toMatchObject({ format: "peft" });
  const { entries } = await openSafetensors(files, "adapter_model.safetensors");
  expect(Object.fromEntries([...entries].map(([key, { shape }]) => [key, shape]))).toEqual(expand(expected));
});

// The table of PEFT 0.21.2 for configs that name no targets, by ends of names.
test.each<[string, string, (base: LanguageModel) => Delta, readonly string[]]>([
  ["bert", "LORA", (base) => lora(base, {}, random(2)), ["query", "value"]],
  ["roberta", "LORA", (base) => lora(base, {}, random(2)), ["query", "value"]],
  ["t5", "LORA", (base) => lora(base, {}, random(2)), ["q", "v"]],
  ["gpt2", "LORA", (base) => lora(base, {}, random(2)), ["c_attn"]],
  ["mistral", "LORA", (base) => lora(base, {}, random(2)), ["q_proj", "v_proj"]],
  ["qwen3", "LORA", (base) => lora(base, {}, random(2)), ["q_proj", "v_proj"]],
  ["llama", "VERA", (base) => vera(base, { rank: 4 }, random(2)), ["q_proj", "v_proj"]],
  ["bert", "IA3", (base) => ia3(base), ["key", "value", "output.dense"]],
  ["t5", "IA3", (base) => ia3(base), ["k", "v", "wo"]],
  ["gpt2", "IA3", (base) => ia3(base), ["c_attn", "mlp.c_proj"]],
  ["mistral", "IA3", (base) => ia3(base), ["k_proj", "v_proj", "down_proj"]],
  ["qwen3", "IA3", (base) => ia3(base), ["q_proj", "v_proj", "down_proj"]],
  ["bert", "ADALORA", (base) => adaLora(base, {}, random(2)), ["query", "value"]],
  ["roberta", "ADALORA", (base) => adaLora(base, {}, random(2)), ["query", "key", "value", "dense"]],
  ["t5", "ADALORA", (base) => adaLora(base, {}, random(2)), ["q", "k", "o", "v", "wi", "wo"]],
  ["gpt2", "ADALORA", (base) => adaLora(base, {}, random(2)), ["c_attn"]],
  ["llama", "ADALORA", (base) => adaLora(base, {}, random(2)), ["q_proj", "v_proj"]],
  ["qwen3", "ADALORA", (base) => adaLora(base, {}, random(2)), ["q_proj", "v_proj"]],
  ["gpt2", "FOURIERFT", (base) => fourierFt(base, { count: 5 }, random(2)), ["mlp.c_proj"]],
  [
    "t5",
    "VBLORA",
    (base) => vbLora(base, { vectorLength: 2, vectors: 3 }, random(2)),
    ["q", "k", "o", "v", "wi", "wo"],
  ],
  ["t5", "LN_TUNING", (base) => norms(base), ["layer_norm", "final_layer_norm"]],
  ["gpt2", "LN_TUNING", (base) => norms(base), ["ln_1", "ln_2", "ln_f"]],
  ["llama", "LN_TUNING", (base) => norms(base), ["input_layernorm", "post_attention_layernorm", "norm"]],
  ["qwen3", "LN_TUNING", (base) => norms(base), ["post_attention_layernorm"]],
])("on %s, a config of %s without targets means PEFT's usual ones", async (family, type, make_, names) => {
  const base = make(family);
  const files = memory();
  const { format } = await saveAdapter(attach(base, own(make_(base))), files, { untrained: true });
  expect(format).toBe("peft");
  const { entries } = await openSafetensors(files, "adapter_model.safetensors");
  const modules = new Set(
    [...entries.keys()].flatMap(
      (key) =>
        /^base_model\.model\.(.*)\.(?:lora|vera|ia3|ln|fourierft|vblora_logits_[AB])(?:_|$)/.exec(key)?.[1] ?? [],
    ),
  );
  const endsIn = (module: string): boolean => names.some((name) => `.${module}`.endsWith(`.${name}`));
  const all = base
    .sites()
    .flatMap(({ kind, path, part, role }) =>
      kind === (type === "LN_TUNING" ? "norm" : "linear") && part === undefined && role !== "head"
        ? [base.fileName(path)]
        : [],
    );
  expect([...modules].sort()).toEqual(all.filter(endsIn).sort());
  const { target_modules: _, ...json } = (await readJson(files, "adapter_config.json")) as Record<string, unknown>;
  await files.write("adapter_config.json", JSON.stringify({ ...json, target_modules: null }));
  const loaded = own(await loadAdapter(base, files));
  expect(loaded.parameters.size).toBeGreaterThan(0);
});

test("layers and exclusions narrow the usual targets of a config without any", async () => {
  const base = make("bert");
  const files = memory();
  await saveAdapter(attach(base, own(lora(base, { targets: "attn.q" }, random(2)))), files, { untrained: true });
  const json = (await readJson(files, "adapter_config.json")) as Record<string, unknown>;
  const narrowed = { ...json, target_modules: null, exclude_modules: ["value"], layers_to_transform: [0] };
  await files.write("adapter_config.json", JSON.stringify(narrowed));
  expect((own(await loadAdapter(base, files)) as Delta<{ targets: string[] }>).config.targets).toEqual(["query"]);
});
