/**
 * Writes adapters for `check_adapters.py`, which loads them with PEFT and compares the predictions.
 *
 *     pnpm exec tsx --conditions @cambium/source packages/delta/scripts/write-adapters.ts FOLDER [TEXT]
 *     python packages/delta/scripts/check_adapters.py FOLDER
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { memory } from "@cambium/base";
import { mapParameters, random, useBackend } from "@cambium/core";
import { attach, type Delta, head, ia3, loadAdapter, lora, prefix, prompt, saveAdapter, whole } from "@cambium/delta";
import { createModel, type HeadConfig, type LanguageModel, saveModel } from "@cambium/models";
import { add, mul, tensor2d } from "@tensorflow/tfjs-core";
import { everyMethod } from "./every-method.ts";

const [target, only] = process.argv.slice(2);
if (target === undefined)
  throw new Error("usage: write-adapters.ts FOLDER [a regular expression for the names of those to write]");
await useBackend("cpu");

/** Layers whose widths differ on either side. */
const oblong = { targets: ["attn.q", "ff.up", "ff.down"] };
const classes: HeadConfig = { kind: "sequence-classification", labels: ["a", "b", "c"] };
const tokens: HeadConfig = { kind: "token-classification", labels: ["x", "y"] };
const sizes = {
  vocab_size: 31,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  intermediate_size: 20,
  max_position_embeddings: 32,
  initializer_range: 0.3,
};
const make = (type: "bert" | "roberta", top?: HeadConfig): LanguageModel =>
  createModel({ ...sizes, model_type: type }, random(1), top === undefined ? {} : { head: top });

const decoder = (type: "llama" | "gpt2"): LanguageModel =>
  createModel(
    type === "llama"
      ? { ...sizes, model_type: type, num_key_value_heads: 1 }
      : {
          model_type: type,
          vocab_size: 31,
          n_embd: 12,
          n_layer: 2,
          n_head: 3,
          n_positions: 32,
          initializer_range: 0.3,
        },
    random(1),
    { head: { kind: "causal-lm" } },
  );

const cases: Record<string, [LanguageModel, (base: LanguageModel) => Delta[]]> = {
  "bert-lora": [
    make("bert", classes),
    (base) => [lora(base, { rank: 3, alpha: 5, dropout: 0.1 }, random(2)), head(base)],
  ],
  "bert-rslora-patterns": [
    make("bert", classes),
    (base) => [
      head(base),
      lora(
        base,
        {
          targets: ["attn.q", "ff.down"],
          rank: 4,
          alpha: 7,
          rsLora: true,
          rankPattern: { "0\\.attention.*": 2 },
          alphaPattern: { "output.dense": 3 },
        },
        random(2),
      ),
    ],
  ],
  "bert-lora-one-layer": [
    make("bert", classes),
    (base) => [lora(base, { targets: "all-linear", layers: [1], rank: 2 }, random(2)), head(base)],
  ],
  "bert-lora-without-head": [make("bert", classes), (base) => [lora(base, { rank: 3 }, random(2))]],
  "bert-lora-tokens": [make("bert", tokens), (base) => [lora(base, { rank: 3 }, random(2)), head(base)]],
  "bert-lora-masked-lm": [
    make("bert", { kind: "masked-lm" }),
    (base) => [lora(base, { rank: 3, targets: /.*dense/ }, random(2))],
  ],
  "bert-lora-regression": [
    make("bert", { kind: "regression" }),
    (base) => [lora(base, { rank: 3 }, random(2)), head(base)],
  ],
  "bert-lora-bare": [make("bert"), (base) => [lora(base, { rank: 3, targets: "all-linear" }, random(2))]],
  "bert-lora-norms": [
    make("bert", classes),
    (base) => [
      lora(base, { rank: 3 }, random(2)),
      head(base),
      whole(base, { modules: [...base.parameters.keys()].flatMap((name) => name.match(/^.*LayerNorm/)?.[0] ?? []) }),
    ],
  ],
  "bert-lora-layer": [
    make("bert", classes),
    (base) => [
      lora(base, { rank: 3, layers: [0] }, random(2)),
      head(base),
      whole(base, { modules: ["encoder.layer.1", "embeddings.word_embeddings"] }),
    ],
  ],
  "bert-prompt-pooler": [
    make("bert", classes),
    (base) => [prompt(base, { length: 3 }, random(2)), head(base), whole(base, { modules: ["pooler"] })],
  ],
  "bert-lora-biases": [
    make("bert", classes),
    (base) => [lora(base, { rank: 3, alpha: 5, bias: "all" }, random(2)), head(base)],
  ],
  "roberta-lora-own-biases": [
    make("roberta", classes),
    (base) => [lora(base, { ...oblong, rank: 3, bias: "lora_only", loraBias: true }, random(2)), head(base)],
  ],
  "bert-pissa-biases": [
    make("bert", classes),
    (base) => [
      lora(base, { rank: 2, alpha: 3, init: "pissa", bias: "lora_only", loraBias: true }, random(2)),
      head(base),
    ],
  ],
  "bert-bare-biases": [make("bert"), (base) => [lora(base, { rank: 3, bias: "all" }, random(2))]],
  "bert-biases-masked-lm": [
    make("bert", { kind: "masked-lm" }),
    (base) => [lora(base, { rank: 3, bias: "all" }, random(2))],
  ],
  "gpt2-words-biases": [
    decoder("gpt2"),
    (base) => [lora(base, { targets: ["wte", "c_attn"], rank: 2, alpha: 3, rsLora: true, bias: "all" }, random(2))],
  ],
  "bert-ia3": [make("bert", classes), (base) => [ia3(base), head(base)]],
  "bert-ia3-paper": [
    make("bert", classes),
    (base) => [ia3(base, { targets: ["attn.k", "attn.v", "ff.down"] }), head(base)],
  ],
  "bert-prompt": [make("bert", classes), (base) => [prompt(base, { length: 3 }, random(2)), head(base)]],
  "bert-prompt-bare": [make("bert"), (base) => [prompt(base, { length: 3, types: "ignored" }, random(2))]],
  "roberta-lora": [
    make("roberta", classes),
    (base) => [lora(base, { rank: 3, alpha: 5, rsLora: true }, random(2)), head(base)],
  ],
  "roberta-ia3": [make("roberta", classes), (base) => [ia3(base), head(base)]],
  "roberta-prompt-tokens": [make("roberta", tokens), (base) => [prompt(base, { length: 3 }, random(2)), head(base)]],
  "llama-prefix-network": [
    decoder("llama"),
    (base) => [prefix(base, { length: 3, network: { width: 4, hidden: 5 } }, random(2))],
  ],
  ...everyMethod(),
};

const batch = (pad: number) => ({
  ids: [
    [3, 9, 14, 7, 22],
    [4, 18, 6, pad, pad],
  ],
  mask: [
    [1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0],
  ],
});

/** What a model from sequence to sequence is to say. */
const targets = [
  [5, 13, 2],
  [17, 4, 1],
];

async function write(name: string, base: LanguageModel, deltas: (base: LanguageModel) => Delta[]): Promise<void> {
  const folder = `${target}/${name}`;
  const start = attach(base, ...deltas(base));
  const tuned = start.with(
    mapParameters(start.parameters, (value, key) => add(value, mul(random(3).at(key).normal(value.shape), 0.3))),
  );
  const saved = memory();
  const { format, reason } = await saveAdapter(tuned, saved, { base: `${folder}/base` });
  if (format !== "peft") throw new Error(reason);
  mkdirSync(`${folder}/adapter`, { recursive: true });
  await saveModel(base, `${folder}/base`);
  for (const file of await saved.list()) writeFileSync(`${folder}/adapter/${file.name}`, await saved.read(file.name));
  const again = attach(base, await loadAdapter(base, saved));
  const { ids, mask } = batch(base.architecture.padding?.(base.config) ?? 0);
  const labels = base.head?.kind === "sequence-to-sequence" ? targets : undefined;
  const input = {
    ids: tensor2d(ids, undefined, "int32"),
    mask: tensor2d(mask, undefined, "float32"),
    ...(labels && { labels: tensor2d(labels, undefined, "int32") }),
  };
  const output = again.forward(input);
  const expected = output.logits ?? output.hidden;
  writeFileSync(
    `${folder}/expected.json`,
    JSON.stringify({ head: base.head?.kind ?? null, ids, mask, labels, expected: await expected.array() }),
  );
}

// What PEFT has no words for stands in every-method.ts, with the reasons.
for (const [name, [base, deltas]] of Object.entries(cases)) {
  if (only !== undefined && !new RegExp(only).test(name)) continue;
  try {
    await write(name, base, deltas);
    console.log(name);
  } catch (error) {
    console.error(`FAILED ${name}: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
