import { describeDeltaMethod } from "../testing/index.ts";
import { oft } from "./oft.ts";

// Tiny model: two layers of width 8 and feed-forward width 12; blocks · size · (size − 1) / 2 for each layer.
describeDeltaMethod(oft, {
  configs: [
    { title: "the start of the series", options: { blockSize: 4 }, count: 2 * 2 * 2 * 6 },
    {
      title: "exact, with a number of blocks, on layers of several widths",
      options: { targets: ["attn.out", "ff.up", "ff.down"], blocks: 4, terms: "exact" },
      count: 2 * (4 * 1 + 4 * 1 + 4 * 3),
    },
    { title: "blocks that turn alike", options: { blockSize: 4, share: true, terms: 7 }, count: 2 * 2 * 6 },
  ],
});
