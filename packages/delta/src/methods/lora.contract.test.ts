import { describeDeltaMethod } from "../testing/index.ts";
import { lora } from "./lora.ts";

const start = {
  law: "starts as the base model, to the bit",
  reason: "products that are equal, or zero, are so up to rounding; lora-starts.test.ts has them",
} as const;

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

describeDeltaMethod(lora, {
  configs: [
    {
      title: "an orthogonal start",
      options: { init: "orthogonal", rank: 4, targets: ["ff.up", "ff.down"] },
      count: 2 * 2 * 4 * (8 + 12),
    },
  ],
  skip: [start],
});

describeDeltaMethod(lora, {
  configs: [
    {
      title: "PiSSA",
      options: { init: "pissa", rank: 2, alpha: 6, targets: ["ff.up", "attn.out"] },
      count: 2 * 2 * (8 + 12 + 8 + 8),
    },
    {
      title: "OLoRA with rank stabilisation",
      options: { init: "olora", rank: 3, rsLora: true, targets: ["ff.down"] },
      count: 2 * 3 * (8 + 12),
    },
  ],
  skip: [
    start,
    {
      law: "files bring back equal predictions",
      reason: "PEFT's hold a plain LoRA of twice the rank; its test compares the predictions",
    },
  ],
});

const oneBias = {
  law: "two of it on one model act together",
  reason: "a layer has one bias, so that attaching two is refused; lora-biases.test.ts has it",
} as const;

// tinyModel's vocabulary has 23 words: rank · (words + dModel) for its table.
describeDeltaMethod(lora, {
  configs: [
    {
      title: "the table of words beside a layer",
      options: { targets: ["embed", "attn.q"], rank: 2, alpha: 3 },
      count: 2 * (23 + 8) + 2 * 2 * (8 + 8),
    },
    {
      title: "B with a bias",
      options: { loraBias: true, rank: 2, alpha: 3 },
      count: 2 * 2 * (2 * (8 + 8) + 8),
    },
    {
      title: "behind gates",
      options: { gate: true, rank: 2, alpha: 3 },
      count: 2 * 2 * (2 * (8 + 8) + 8 + 1),
      on: ["roberta"],
    },
  ],
});

describeDeltaMethod(lora, {
  configs: [
    {
      title: "every bias",
      options: { bias: "all", rank: 2 },
      count: 2 * 2 * 2 * (8 + 8) + 2 * (7 * 8 + 12) + 8 + 8,
      on: ["roberta", "gpt2"],
    },
  ],
  skip: [oneBias],
  withoutGradient: { names: /self\.key\.bias$/, reason: "softmax does not see what all keys share" },
});

describeDeltaMethod(lora, {
  configs: [
    {
      title: "biases of its layers",
      options: { bias: "lora_only", targets: ["attn.q", "ff.down"], rank: 2 },
      count: 2 * (2 * (8 + 8) + 8 + 2 * (12 + 8) + 8),
      on: ["roberta", "gpt2"],
    },
  ],
  skip: [oneBias],
});
