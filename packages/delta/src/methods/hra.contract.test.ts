import { describeDeltaMethod } from "../testing/index.ts";
import { hra } from "./hra.ts";

// rank · in for each layer; two layers of width 8 and feed-forward width 12.
describeDeltaMethod(hra, {
  configs: [
    { title: "pairs of reflections", options: { rank: 4 }, count: 2 * 2 * 4 * 8 },
    { title: "an odd number", options: { targets: ["ff.up", "ff.down"], rank: 3 }, count: 2 * 3 * (8 + 12) },
    { title: "orthogonal to each other", options: { rank: 2, orthogonal: true }, count: 2 * 2 * 2 * 8 },
  ],
  skip: [
    {
      law: "starts as the base model, to the bit",
      reason: "two reflections undo each other up to rounding, and an odd number or orthogonal ones do not",
    },
  ],
});
