import { describeDeltaMethod } from "../testing/index.ts";
import { loKr } from "./lo-kr.ts";

// Tiny model: two layers of width 8 and feed-forward width 12. With a factor of 2, 8 is 2 · 4 and 12 is 2 · 6.
describeDeltaMethod(loKr, {
  configs: [
    { title: "queries and values", options: { rank: 1, factor: 2 }, count: 2 * 2 * (2 * 2 + (4 + 4)) },
    { title: "second factors that are no product", options: { rank: 8 }, count: 2 * 2 * (2 * 2 + 4 * 4) },
    {
      title: "both factors products, with dropout",
      options: {
        targets: ["ff.up", "ff.down"],
        rank: 1,
        factor: 4,
        alpha: 3,
        decomposeBoth: true,
        rankDropout: 0.2,
      },
      on: ["roberta", "llama"],
      count: 2 * 2 * (4 + 4 + (2 + 3)),
    },
  ],
});
