import { describeDeltaMethod } from "../testing/index.ts";
import { adaLora } from "./ada-lora.ts";

// Tiny model: two layers of width 8 and feed-forward width 12; rank · (in + out + 1) for each layer.
describeDeltaMethod(adaLora, {
  configs: [
    { title: "queries and values", options: { initialRank: 3, targetRank: 2 }, count: 2 * 2 * 3 * (8 + 8 + 1) },
    {
      title: "layers of several widths, with dropout",
      options: { targets: ["attn.out", "ff.up", "ff.down"], initialRank: 2, targetRank: 1, alpha: 5, dropout: 0.2 },
      count: 2 * 2 * (8 + 8 + 1 + 2 * (8 + 12 + 1)),
    },
  ],
});
