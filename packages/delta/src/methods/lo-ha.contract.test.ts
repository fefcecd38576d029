import { describeDeltaMethod } from "../testing/index.ts";
import { loHa } from "./lo-ha.ts";

// Tiny model: two layers of width 8 and feed-forward width 12; 2 · rank · (in + out) for each layer.
describeDeltaMethod(loHa, {
  configs: [
    { title: "queries and values", options: { rank: 3 }, count: 2 * 2 * 2 * 3 * (8 + 8) },
    {
      title: "layers of several widths, with patterns and dropout",
      options: {
        targets: ["attn.out", "ff.up", "ff.down"],
        rank: 2,
        alpha: 5,
        rankPattern: { "attention.output.dense": 3 },
        rankDropout: 0.2,
      },
      on: ["roberta", "llama"],
      count: 2 * 2 * (3 * (8 + 8) + 2 * 2 * (8 + 12)),
    },
  ],
});
