import { describe } from "vitest";
import { describeDeltaMethod } from "../testing/index.ts";
import { arbitrary } from "./arbitrary.ts";

const noGradient = {
  names: /(attention\.self\.key|Attention\.k|attention\.k_lin)\.bias/,
  reason: "softmax does not see a constant that is added to all scores of a query",
};

describeDeltaMethod(arbitrary, {
  configs: [
    { title: "scalars", options: { count: 150, excludeEmbeddings: true }, count: 150 },
    { title: "rows", options: { count: 150, granularity: "row", excludeEmbeddings: true }, count: 150 },
    { title: "tensors", options: { count: 150, granularity: "tensor", excludeEmbeddings: true }, count: 150 },
    {
      title: "groups of two pools",
      options: { count: 300, granularity: "group", pool: ["weights", "lora"], excludeEmbeddings: true },
      count: 300,
    },
    { title: "biases", options: { count: 40, pool: "bias" }, count: 40 },
  ],
  withoutGradient: noGradient,
});

describe("what does not merge", () => {
  describeDeltaMethod(arbitrary, {
    configs: [
      {
        title: "adapters and weights",
        options: {
          count: 500,
          granularity: "group",
          pool: ["weights", "adapter"],
          adapter: { bottleneck: 2 },
          excludeEmbeddings: true,
        },
        count: 500,
      },
    ],
    withoutGradient: noGradient,
  });
});

describe("what does not start as the base", () => {
  describeDeltaMethod(arbitrary, {
    // Not where attention has a window: a chosen row may lie outside of it, and then has no gradient.
    on: ["roberta", "gpt2", "llama", "t5"],
    configs: [
      { title: "rows of prompts", options: { count: 24, granularity: "group", pool: "prompt" }, count: 24 },
      { title: "rows of prefixes", options: { count: 64, granularity: "group", pool: "prefix" }, count: 64 },
    ],
    skip: [{ law: "starts as the base model, to the bit", reason: "prompts and prefixes are seen by attention" }],
  });
});
