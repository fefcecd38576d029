import { describeDeltaMethod } from "../testing/index.ts";
import { ia3 } from "./ia3.ts";

// Width 8 and feed-forward width 12, two layers: keys, values and attention's output 8 each, feed-forward's output 12.
describeDeltaMethod(ia3, {
  configs: [
    { title: "PEFT's placement", options: {}, count: 2 * (3 * 8 + 12) },
    { title: "the paper's placement", options: { targets: ["attn.k", "attn.v", "ff.down"] }, count: 2 * (2 * 8 + 12) },
    { title: "outputs only", options: { targets: ["ff.down", "attn.q"], feedForward: [] }, count: 2 * (8 + 8) },
  ],
});
