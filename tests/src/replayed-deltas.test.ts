/** Training steps of every method of deltas, on onnx: traced three times, replayed from then on. */
import { result } from "@cambium/base";
import { disposeParameters, type Objective, random, useBackend } from "@cambium/core";
import {
  adapter,
  adapterFusion,
  attach,
  bitFit,
  type Delta,
  dora,
  head,
  ia3,
  lora,
  prefix,
  prompt,
  pTuning,
  vera,
  whole,
} from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { train } from "@cambium/train";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adaLoraRun } from "./ada-lora-run.ts";

beforeAll(() => useBackend("onnx"));
afterAll(() => useBackend("cpu"));

const methods: Readonly<Record<string, (model: LanguageModel) => Delta>> = {
  adapter: (model) => adapter(model, {}, random(1)),
  adapterFusion: (model) => adapterFusion(model, { adapters: { a: {}, b: { bottleneck: 2 } } }, random(1)),
  bitFit: (model) => bitFit(model),
  dora: (model) => dora(model, { rank: 3 }, random(1)),
  head: (model) => head(model),
  ia3: (model) => ia3(model),
  lora: (model) => lora(model, { dropout: 0.1 }, random(1)),
  "lora on the table, with biases": (model) => lora(model, { targets: ["embed", "attn.q"], bias: "all" }, random(1)),
  "lora behind gates": (model) => lora(model, { gate: true, loraBias: true }, random(1)),
  "prefix behind gates": (model) => prefix(model, { length: 2, gate: true }, random(1)),
  prefix: (model) => prefix(model, { length: 2 }, random(1)),
  prompt: (model) => prompt(model, { length: 2 }, random(1)),
  "pTuning by an LSTM": (model) => pTuning(model, { length: 2, hidden: 3, network: "lstm", layers: 1 }, random(1)),
  vera: (model) => vera(model, { rank: 3 }, random(1)),
  whole: (model) => whole(model),
};

test.each(Object.entries(methods))("%s", async (_, make) => {
  const { objective, data, options } = adaLoraRun();
  const { base } = objective;
  const delta = make(base);
  const tuned = attach(base, delta);
  let losses = 0;
  const watched: Objective<TokenBatch> = {
    ...tuned,
    loss(at, batch, context) {
      losses++;
      return tuned.loss(at, batch, context);
    },
  };
  const end = await result(train(watched, data, { ...options, steps: 9, random: random(4) }));
  expect(losses).toBe(3);
  const trees = [end.parameters, delta.parameters, delta.buffers, objective.parameters, objective.state!];
  for (const tree of [...trees, base.parameters]) disposeParameters(tree);
});
