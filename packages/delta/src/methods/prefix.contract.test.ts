import { describeDeltaMethod } from "../testing/index.ts";
import { prefix } from "./prefix.ts";

// length · 2 · layers · width of the keys
describeDeltaMethod(prefix, {
  configs: [
    { title: "zero start", options: { length: 3 }, count: 3 * 2 * 2 * 8 },
    { title: "normal start", options: { length: 2, init: "normal" }, count: 2 * 2 * 2 * 8 },
    {
      title: "made by a network",
      options: { length: 3, network: { width: 4, hidden: 5 } },
      count: 3 * 4 + (4 * 5 + 5) + (5 * 32 + 32), // a row has 2 · 2 · 8 columns
    },
    {
      title: "words at their own positions",
      options: { length: 2, init: "normal", positions: "kept" },
      count: 2 * 2 * 2 * 8,
      on: ["gpt2"],
    },
    {
      title: "behind gates",
      options: { length: 2, init: "normal", gate: true },
      count: 2 * 2 * 2 * 8 + 2 * (8 + 1),
      on: ["roberta"],
    },
  ],
  skip: [{ law: "starts as the base model, to the bit", reason: "a prefix takes part of the softmax even at zero" }],
});
