import { describeDeltaMethod } from "../testing/index.ts";
import { fourierFt } from "./fourier-ft.ts";

// count for each layer, two layers.
describeDeltaMethod(fourierFt, {
  configs: [
    { title: "the family's own layers", options: { count: 12, scale: 10 }, count: 2 * 2 * 12 },
    {
      title: "oblong layers, with a pattern",
      options: { targets: ["ff.up", "ff.down"], count: 9, countPattern: { "output.dense": 20 }, seed: 3, scale: 80 },
      on: ["roberta", "llama"],
      count: 2 * (9 + 20),
    },
  ],
});

describeDeltaMethod(fourierFt, {
  configs: [{ title: "PEFT's start", options: { count: 20, init: "normal" }, count: 2 * 2 * 20, on: [] }],
  skip: [{ law: "starts as the base model, to the bit", reason: "PEFT's coefficients start at random" }],
});
