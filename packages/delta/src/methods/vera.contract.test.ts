import { describeDeltaMethod } from "../testing/index.ts";
import { vera } from "./vera.ts";

// Tiny model: two layers of width 8 and feed-forward width 12; rank + out for each layer.
describeDeltaMethod(vera, {
  configs: [
    { title: "queries and values", options: { rank: 5 }, count: 2 * 2 * (5 + 8) },
    {
      title: "layers of several widths, without projections in files",
      options: {
        targets: ["attn.out", "ff.up", "ff.down"],
        rank: 3,
        saveProjection: false,
        projectionSeed: 7,
        dropout: 0.2,
      },
      count: 2 * (3 * 3 + 8 + 12 + 8),
    },
  ],
});
