/** What is trained: designed methods, and as many scalars elsewhere. */
import type { Random } from "@cambium/core";
import { countParameters, disposeParameters } from "@cambium/core";
import { adapter, arbitrary, attach, bitFit, type Delta, lora, prompt } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import type { MethodName } from "./plan.ts";

/** A designed method in the size of Su et al. 2023: rank 8 and alpha 16 on queries and values, a bottleneck of 24, 20 rows, all biases. */
export function designed(model: LanguageModel, method: MethodName, random: Random): Delta {
  switch (method) {
    case "prompt":
      return prompt(model, { length: 20 }, random);
    case "bitfit":
      return bitFit(model);
    case "lora":
      return lora(model, { rank: 8, alpha: 16, targets: ["attn.q", "attn.v"] }, random);
    case "adapter":
      return adapter(model, { bottleneck: 24, activation: "gelu_new" }, random);
  }
}

/** Scalars that a delta trains. */
export function countOf(model: LanguageModel, delta: Delta): number {
  const { parameters } = attach(model, delta);
  const count = countParameters(parameters);
  disposeParameters(parameters);
  return count;
}

/**
 * `count` scalars anywhere but in tables that are looked up: most of their rows no text of a small task ever meets, and small models
 * consist of tables for the larger part, which would look like an effect of size.
 *
 * `"groups"` is the choice of Su et al. 2023: one half whole weights, the other whole LoRAs and adapters. `"scalars"` are single numbers of
 * any weights.
 */
export function elsewhere(model: LanguageModel, choice: "groups" | "scalars", count: number, random: Random): Delta {
  const where = { count, excludeEmbeddings: true };
  return choice === "groups"
    ? arbitrary(model, { ...where, granularity: "group", pool: ["weights", "lora", "adapter"] }, random)
    : arbitrary(model, { ...where, granularity: "scalar", pool: "weights" }, random);
}
