import { describeDeltaMethod } from "../testing/index.ts";
import { c3a } from "./c3a.ts";

// in · out / blockSize for each layer; two layers of width 8 and feed-forward width 12. T5's inner width here has no common divisor.
describeDeltaMethod(c3a, {
  on: ["roberta", "gpt2", "llama"],
  configs: [
    {
      title: "oblong layers",
      options: { targets: ["attn.out", "ff.up", "ff.down"], blockSize: 4 },
      on: ["roberta", "gpt2"],
      count: 2 * (16 + 24 + 24),
    },
    { title: "another size by pattern", options: { blockSize: 2, blockSizePattern: { ".*": 1 } }, count: 2 * 2 * 64 },
  ],
});

describeDeltaMethod(c3a, {
  configs: [{ title: "the paper's start", options: { blockSize: 8, init: "uniform" }, count: 2 * 2 * 8, on: [] }],
  skip: [
    { law: "starts as the base model, to the bit", reason: "the paper's kernels start at random" },
    {
      law: "a training run lowers the loss and leaves the base alone",
      reason: "twenty steps of this size lower it by less than a twentieth from there; the runs from zero are above",
    },
  ],
});
