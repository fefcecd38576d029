/** Every method that PEFT has, on a small model of every family, but for pairs that one of the two has no words for. */
import { random } from "@cambium/core";
import {
  adaLora,
  arbitrary,
  boft,
  c3a,
  type Delta,
  dora,
  fourierFt,
  head,
  hra,
  ia3,
  loHa,
  loKr,
  lora,
  miss,
  norms,
  oft,
  prefix,
  prompt,
  pTuning,
  randLora,
  road,
  tokens,
  vbLora,
  vera,
} from "@cambium/delta";
import { createModel, type HeadConfig, type LanguageModel } from "@cambium/models";

const classes: HeadConfig = { kind: "sequence-classification", labels: ["a", "b", "c"] };
const words: HeadConfig = { kind: "causal-lm" };
const sizes = {
  vocab_size: 31,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  intermediate_size: 20,
  max_position_embeddings: 32,
  initializer_range: 0.3,
};

const families: Readonly<Record<string, readonly [config: object, head: HeadConfig]>> = {
  bert: [sizes, classes],
  roberta: [sizes, classes],
  distilbert: [
    {
      vocab_size: 31,
      dim: 12,
      n_layers: 2,
      n_heads: 3,
      hidden_dim: 20,
      max_position_embeddings: 32,
      initializer_range: 0.3,
    },
    classes,
  ],
  gpt2: [{ vocab_size: 31, n_embd: 12, n_layer: 2, n_head: 3, n_positions: 32, initializer_range: 0.3 }, words],
  llama: [{ ...sizes, num_key_value_heads: 1 }, words],
  mistral: [{ ...sizes, num_key_value_heads: 1, sliding_window: 3 }, words],
  qwen2: [{ ...sizes, num_key_value_heads: 1, use_sliding_window: false }, words],
  qwen3: [{ ...sizes, num_key_value_heads: 3, head_dim: 4 }, words],
  t5: [
    {
      vocab_size: 31,
      d_model: 12,
      d_kv: 4,
      d_ff: 20,
      num_layers: 2,
      num_heads: 3,
      feed_forward_proj: "gated-gelu",
      tie_word_embeddings: false,
    },
    { kind: "sequence-to-sequence" },
  ],
};

/** Layers whose widths differ on either side, as wholes. */
const oblong = (base: LanguageModel) => ({
  targets: [base.sites().some(({ role }) => role === "attn.qkv") ? "attn.qkv" : "attn.q", "ff.up", "ff.down"],
});

/** As many entries of each query's matrix as a LoRA of rank 2 has. */
function evenly(base: LanguageModel): Delta {
  const queries = base.sites().filter(({ role, part }) => role === "attn.q" && part === undefined);
  const [rows, columns] = base.parameters.get(queries[0]!.weight!.name)!.shape as [number, number];
  const each = 2 * (rows + columns);
  const count = each * queries.length;
  return arbitrary(
    base,
    { count, roles: ["attn.q"], excludeVectors: true, minPerLayer: each, maxPerLayer: each },
    random(2),
  );
}

const queryPattern = "query|q_proj|q_lin|SelfAttention.q|c_attn";

const methods: Readonly<Record<string, (base: LanguageModel) => Delta>> = {
  lora: (base) => lora(base, { rank: 3, alpha: 5 }, random(2)),
  "lora-oblong": (base) =>
    lora(base, { ...oblong(base), rank: 2, alpha: 5, rsLora: true, rankPattern: { [queryPattern]: 3 } }, random(2)),
  pissa: (base) =>
    lora(base, { ...oblong(base), init: "pissa", rank: 2, alpha: 3, rankPattern: { [queryPattern]: 3 } }, random(2)),
  "olora-stabilised": (base) =>
    lora(base, { ...oblong(base), init: "olora", rank: 3, alpha: 5, rsLora: true }, random(2)),
  "words-lora": (base) =>
    lora(
      base,
      {
        targets: ["embed", ...oblong(base).targets.slice(0, 1)],
        rank: 2,
        alpha: 3,
        rankPattern: { "word_embeddings|embed_tokens": 3 },
      },
      random(2),
    ),
  dora: (base) => dora(base, { ...oblong(base), rank: 2, alpha: 3 }, random(2)),
  adalora: (base) => adaLora(base, { ...oblong(base), initialRank: 4, targetRank: 2, totalSteps: 10 }, random(2)),
  vera: (base) => vera(base, { ...oblong(base), rank: 4 }, random(2)),
  loha: (base) => loHa(base, { ...oblong(base), rank: 2, alpha: 3, rankPattern: { [queryPattern]: 3 } }, random(2)),
  lokr: (base) => loKr(base, { ...oblong(base), rank: 1, factor: 4, decomposeBoth: true }, random(2)),
  oft: (base) => oft(base, { ...oblong(base), blockSize: 4 }, random(2)),
  "oft-exact": (base) => oft(base, { ...oblong(base), blocks: 2, terms: "exact", share: true }, random(2)),
  boft: (base) => boft(base, { ...oblong(base), blockSize: 4 }),
  hra: (base) => hra(base, { ...oblong(base), rank: 3 }, random(2)),
  "hra-orthogonal": (base) => hra(base, { ...oblong(base), rank: 2, orthogonal: true }, random(2)),
  road: (base) => road(base, { ...oblong(base), groupSize: 4, variant: 4 }),
  c3a: (base) => c3a(base, { ...oblong(base), blockSize: 4 }, random(2)),
  miss: (base) => miss(base, { ...oblong(base), rank: 5 }),
  "miss-mini": (base) => miss(base, { ...oblong(base), rank: 4, miniRank: 4 }),
  fourier: (base) =>
    fourierFt(
      base,
      { ...oblong(base), count: 20, countPattern: { [queryPattern]: 12 }, scale: 40, seed: 5 },
      random(2),
    ),
  randlora: (base) => randLora(base, { ...oblong(base), rank: 5, alpha: 20, projection: "sparse" }, random(2)),
  vblora: (base) => vbLora(base, { ...oblong(base), rank: 2, vectors: 6, vectorLength: 4 }, random(2)),
  shira: evenly,
  norms: (base) => norms(base),
  ia3: (base) => ia3(base),
  prompt: (base) => prompt(base, { length: 3 }, random(2)),
  ptuning: (base) => pTuning(base, { length: 3, hidden: 5 }, random(2)),
  "ptuning-lstm": (base) => pTuning(base, { length: 3, hidden: 5, network: "lstm" }, random(2)),
  prefix: (base) => prefix(base, { length: 3 }, random(2)),
  tokens: (base) => tokens(base, { ids: [4, 9, 22] }),
};

/** What is left out, and why. */
const without: readonly { readonly methods: RegExp; readonly families: readonly string[]; readonly reason: string }[] =
  [
    {
      methods: /^(loha|lokr|oft.*|boft|hra.*|shira|road|miss.*|c3a)$/,
      families: ["gpt2"],
      reason: "PEFT puts these on linear layers, and GPT-2's are Conv1D",
    },
    {
      methods: /^(prompt|ptuning.*|prefix)$/,
      families: ["t5"],
      reason:
        "PEFT stores twice the rows of a prompt, and lays a prefix out by the encoder's layers: ours are written natively",
    },
    {
      methods: /^tokens$/,
      families: ["bert", "roberta", "distilbert"],
      reason: "PEFT trains no other modules beside TRAINABLE_TOKENS, and these have a new head",
    },
    {
      methods: /^tokens$/,
      families: ["t5"],
      reason:
        "transformers 5 calls a head of T5 tied that is not, and PEFT changes it with the table: ours is written natively",
    },
    {
      methods: /^prefix$/,
      families: ["bert", "roberta", "distilbert"],
      reason: "transformers 5.24 has no cache for encoders, which PEFT puts a prefix into",
    },
  ];

/** The pairs by name: model and deltas. */
export function everyMethod(): Record<string, [LanguageModel, (base: LanguageModel) => Delta[]]> {
  const pairs: Record<string, [LanguageModel, (base: LanguageModel) => Delta[]]> = {};
  for (const [family, [config, top]] of Object.entries(families)) {
    const base = createModel({ ...config, model_type: family }, random(1), { head: top });
    for (const [name, method] of Object.entries(methods)) {
      if (without.some((each) => each.methods.test(name) && each.families.includes(family))) continue;
      const heads = base.headParameters.length > 0 && top === classes;
      pairs[`${family}-${name}`] = [base, (of) => [method(of), ...(heads ? [head(of)] : [])]];
    }
  }
  return pairs;
}
