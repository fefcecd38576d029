import { describeDeltaMethod } from "../testing/index.ts";
import { randLora } from "./rand-lora.ts";

// bases · (rank + least) for each layer; two layers of width 8 and feed-forward width 12.
describeDeltaMethod(randLora, {
  configs: [
    { title: "queries and values", options: { rank: 3, alpha: 3 }, count: 2 * 2 * 3 * (3 + 8) },
    {
      title: "oblong layers, sparse, without the matrices in files",
      options: {
        targets: ["ff.up", "ff.down"],
        rank: 4,
        alpha: 4,
        projection: "sparse",
        saveProjection: false,
        dropout: 0.2,
        projectionSeed: 7,
      },
      count: 2 * 2 * 2 * (4 + 8),
    },
  ],
});
