import { describe } from "vitest";
import { describeDeltaMethod } from "../testing/index.ts";
import { bitFit } from "./bit-fit.ts";

// T5 and LLaMA have no biases.
const on = ["roberta", "gpt2"];

// In each layer 10 · 8 but for the feed-forward's 12: q, v, out and two norms 8 each, up 12, down 8. Norm and pooler 8 each.
describeDeltaMethod(bitFit, {
  configs: [
    { title: "every bias but the keys'", options: {}, count: 2 * (6 * 8 + 12) + 8 + 8, on },
    { title: "the half-size variant", options: { targets: ["attn.q", "ff.up"] }, count: 2 * (8 + 12), on: ["roberta"] },
  ],
});

describeDeltaMethod(bitFit, {
  configs: [{ title: "keys' biases as well", options: { keyBias: true }, count: 2 * (7 * 8 + 12) + 8 + 8, on }],
  withoutGradient: { names: /self\.key\.bias$/, reason: "softmax does not see what all keys share" },
});

describe("biases that the model has not", () => {
  describeDeltaMethod(bitFit, {
    configs: [
      {
        title: "injected beside those that it has",
        options: { inject: true },
        count: 2 * (6 * 8 + 12) + 8 + 8,
        on: ["gpt2", "llama", "t5", "qwen3"],
      },
    ],
  });
});
