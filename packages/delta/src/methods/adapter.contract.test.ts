import { describeDeltaMethod } from "../testing/index.ts";
import { adapter } from "./adapter.ts";

// Smooth activations: a finite difference across relu's kink is no derivative.
// 2 · dModel · bottleneck + bottleneck + dModel for each adapter, dModel 8, two layers.
const each = (bottleneck: number): number => 2 * 8 * bottleneck + bottleneck + 8;

describeDeltaMethod(adapter, {
  configs: [
    { title: "Houlsby", options: { bottleneck: 3 }, count: 2 * 2 * each(3) },
    {
      title: "Pfeiffer",
      options: { placement: "pfeiffer", bottleneck: 3, activation: "gelu" },
      count: 2 * each(3),
      on: ["roberta"], // the others norm first
    },
    { title: "parallel", options: { placement: "parallel", activation: "gelu_new" }, count: 2 * each(4) },
    {
      // rule, and 2 · (dModel + bottleneck) factors and biases for each
      title: "Compacter",
      options: { phm: { division: 2 }, bottleneck: 4 },
      count: 8 + 2 * 2 * (2 * (8 + 4) + 8 + 4),
      on: ["roberta", "gpt2", "t5"], // LLaMA's width here is 10
    },
    {
      title: "Compacter++ with rules apart",
      options: { placement: "feed-forward", phm: { division: 2, share: false }, bottleneck: 2, activation: "tanh" },
      count: 2 * (2 * 8 + 2 * (8 + 2) + 8 + 2),
    },
    {
      title: "behind gates",
      options: { bottleneck: 3, activation: "gelu", gate: true, init: "zero" },
      count: 2 * 2 * (each(3) + 8 + 1),
      on: ["roberta"],
    },
    {
      title: "one layer",
      options: { bottleneck: 2, activation: "tanh", layers: [1], scale: 0.5 },
      count: 2 * each(2),
    },
  ],
});

describeDeltaMethod(adapter, {
  configs: [{ title: "near zero", options: { init: "near-zero", bottleneck: 3 }, count: 2 * 2 * each(3) }],
  skip: [{ law: "starts as the base model, to the bit", reason: "Houlsby's own start is small, not zero" }],
});
