import { describeDeltaMethod } from "../testing/index.ts";
import { adapterFusion } from "./adapter-fusion.ts";

// Deviations of 0.01 at the start make outputs near 1e-4: times 4000 they count.
const settings = { bottleneck: 3, activation: "gelu", init: "near-zero", scale: 4000 } as const;

// 3 · dModel² + dModel at each place, dModel 8; two places in each of two layers with Houlsby's, else one.
describeDeltaMethod(adapterFusion, {
  configs: [
    {
      title: "two of Houlsby's",
      options: { adapters: { one: settings, two: { ...settings, bottleneck: 2 } } },
      count: 2 * 2 * (3 * 64 + 8),
    },
    {
      title: "three of Pfeiffer's",
      options: {
        adapters: Object.fromEntries(
          ["a", "b", "c"].map((name) => [name, { ...settings, placement: "pfeiffer" as const }]),
        ),
        regularisation: 0,
      },
      count: 2 * (3 * 64 + 8),
      on: ["roberta"],
    },
  ],
  skip: [{ law: "starts as the base model, to the bit", reason: "it starts as the adapters that are fused" }],
});
