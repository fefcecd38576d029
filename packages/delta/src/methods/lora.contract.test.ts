import { describeDeltaMethod } from "../testing/index.ts";
import { lora } from "./lora.ts";

// Tiny model: two layers of width 8 and feed-forward width 12; rank · (in + out) for each layer.
describeDeltaMethod(lora, {
  configs: [
    { title: "defaults", options: {}, count: 2 * 2 * 8 * (8 + 8) },
    {
      title: "rsLoRA with dropout, patterns and every linear layer",
      options: {
        targets: "all-linear",
        exclude: "pooler",
        rank: 2,
        alpha: 5,
        rsLora: true,
        dropout: 0.2,
        init: "gaussian",
        rankPattern: { "output.dense": 3 },
        alphaPattern: { "0.output.dense": 7 },
      },
      on: [],
      count: 2 * (3 * 2 * (8 + 8) + 3 * (8 + 8) + 2 * (8 + 12) + 3 * (12 + 8)),
    },
  ],
});
