import { describeDeltaMethod } from "../testing/index.ts";
import { head } from "./head.ts";
import { whole } from "./whole.ts";

const skip = [
  {
    law: "two of it on one model act together",
    reason: "each replaces the weights, so the second hides the first",
  },
] as const;

// Embeddings (23 + 20 + 2) · 8 and norm 2 · 8; in each layer four 8 x 8, two norms, 12 x 8 and 8 x 12; pooler; classifier.
const layer = 4 * (64 + 8) + 2 * 16 + (96 + 12) + (96 + 8);

describeDeltaMethod(whole, {
  configs: [{ title: "every weight", options: {}, count: 45 * 8 + 16 + 2 * layer + 72 + 27 }],
  withoutGradient: { names: /(self\.key|k_lin)\.bias$/, reason: "softmax does not see what all keys share" },
  skip,
});

describeDeltaMethod(whole, {
  configs: [
    {
      title: "one module",
      options: { modules: ["encoder.layer.1.output", "pooler"] },
      count: 96 + 8 + 16 + 72,
      on: [],
    },
  ],
  skip,
});

describeDeltaMethod(head, {
  configs: [{ title: "the head", options: {}, count: 3 * 8 + 3 }],
  skip,
});
