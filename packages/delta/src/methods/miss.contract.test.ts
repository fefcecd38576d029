import { describeDeltaMethod } from "../testing/index.ts";
import { miss } from "./miss.ts";

// rank · out for each layer; two layers of width 8 and feed-forward width 12.
describeDeltaMethod(miss, {
  configs: [
    {
      title: "a rank that divides one width alone, with dropout",
      options: { targets: ["attn.out", "ff.up", "ff.down"], rank: 3, dropout: 0.2 },
      count: 2 * 3 * (8 + 12 + 8),
    },
    { title: "repeated over the outputs", options: { targets: ["ff.down"], rank: 2, miniRank: 2 }, count: 2 * 2 * 2 },
  ],
});
