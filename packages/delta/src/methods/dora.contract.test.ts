import { describeDeltaMethod } from "../testing/index.ts";
import { dora } from "./dora.ts";

// Tiny model: two layers of width 8 and feed-forward width 12; rank · (in + out) + out for each layer.
const skip = [
  {
    law: "gradients are those of finite differences",
    reason: "no gradient passes through the norm, as in the paper; the others are tested against PEFT",
  },
] as const;

describeDeltaMethod(dora, {
  configs: [
    { title: "defaults", options: {}, count: 2 * 2 * (8 * (8 + 8) + 8) },
    {
      title: "every layer outside the head, with another scale and dropout",
      options: { targets: "all-linear", rank: 2, alpha: 5, rsLora: true, dropout: 0.2 },
      count: 2 * (4 * (2 * (8 + 8) + 8) + (2 * (8 + 12) + 12) + (2 * (12 + 8) + 8)) + 2 * (8 + 8) + 8,
    },
  ],
  skip,
});
