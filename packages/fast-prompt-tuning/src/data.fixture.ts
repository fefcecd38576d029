import type { LanguageModel, TokenBatch } from "@cambium/models";
import { tinyBatch } from "@cambium/models/testing";
import type { Batches } from "@cambium/train";

/** The tiny batch of a model, again and again. */
export function tinyData(
  model: Pick<LanguageModel, "architecture" | "config" | "head">,
  count = 2,
): Batches<TokenBatch> {
  return {
    batchCount: count,
    describe: () => ({ tiny: count }),
    async *epoch(_, from = 0) {
      for (let i = from; i < count; i++) yield { batch: tinyBatch(model), rows: 3, isLast: i === count - 1 };
    },
  };
}
