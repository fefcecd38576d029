import { describeDeltaMethod } from "../testing/index.ts";
import { road } from "./road.ts";

// variant · out for each layer; two layers of width 8 and feed-forward width 12. T5's inner width here is odd.
describeDeltaMethod(road, {
  on: ["roberta", "gpt2", "llama"],
  configs: [
    { title: "one angle for a pair", options: { groupSize: 4 }, count: 2 * 2 * 8 },
    { title: "one for each of the two", options: { groupSize: 2, variant: 2 }, count: 2 * 2 * 2 * 8 },
    {
      title: "one for each entry",
      options: { targets: ["attn.out", "ff.up"], groupSize: 2, variant: 4 },
      count: 2 * 4 * (8 + 12),
    },
  ],
});
