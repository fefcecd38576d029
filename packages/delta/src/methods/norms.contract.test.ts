import { describeDeltaMethod } from "../testing/index.ts";
import { norms } from "./norms.ts";

// Two norms in each of two layers, and one of the embeddings; gains and biases of width 8.
describeDeltaMethod(norms, {
  configs: [
    { title: "every norm", options: {}, count: 5 * 16 },
    { title: "of the feed-forward part", options: { targets: ["ff.norm"], layers: [1] }, count: 16 },
  ],
  skip: [
    {
      law: "two of it on one model act together",
      reason: "each replaces the weights, so the second hides the first",
    },
  ],
});
