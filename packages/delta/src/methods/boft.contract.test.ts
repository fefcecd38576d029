import { describeDeltaMethod } from "../testing/index.ts";
import { boft } from "./boft.ts";

// factors · in · size + out for each layer; two layers of width 8 and feed-forward width 12.
describeDeltaMethod(boft, {
  configs: [
    {
      title: "one factor",
      options: { targets: ["ff.up", "ff.down"] },
      on: ["roberta", "t5"],
      count: 2 * (8 * 4 + 12 + 12 * 4 + 8),
    },
    {
      title: "two factors of small blocks",
      options: { blockSize: 2, factors: 2 },
      on: ["gpt2", "distilbert"],
      count: 2 * 2 * (2 * 8 * 2 + 8),
    },
    {
      title: "a number of blocks",
      options: { blocks: 2, targets: ["attn.out"] },
      on: ["llama", "qwen3"],
      count: 2 * (8 * 4 + 8),
    },
  ],
});
