import { describeDeltaMethod } from "../testing/index.ts";
import { vbLora } from "./vb-lora.ts";

const start = { law: "starts as the base model, to the bit", reason: "bank and logits start at random" } as const;

// vectors · length, and rank · vectors · (in + out) / length for each layer; two layers of width 8 and feed-forward width 12.
describeDeltaMethod(vbLora, {
  configs: [
    {
      title: "oblong layers, with dropout",
      options: { targets: ["ff.up", "ff.down"], rank: 2, vectors: 5, vectorLength: 2, dropout: 0.1 },
      on: ["roberta", "gpt2", "llama", "t5"],
      count: 5 * 2 + 2 * 2 * 2 * 5 * 10,
    },
    {
      title: "queries and values",
      options: { rank: 3, vectors: 6, vectorLength: 4, top: 2 },
      on: ["roberta", "gpt2"],
      count: 6 * 4 + 2 * 2 * 3 * 6 * 4,
    },
  ],
  skip: [
    start,
    {
      law: "gradients are those of finite differences",
      reason: "a step may change which logits are the largest; goldens and the case below check them",
    },
  ],
});

describeDeltaMethod(vbLora, {
  configs: [
    {
      title: "mixtures of all vectors",
      options: { targets: ["attn.q"], rank: 2, vectors: 3, vectorLength: 4, top: 3 },
      on: [],
      count: 3 * 4 + 2 * 2 * 3 * 4,
    },
  ],
  skip: [
    start,
    {
      law: "a training run lowers the loss and leaves the base alone",
      reason: "one layer of two small factors does so by less than a twentieth; the cases above train",
    },
  ],
});
