/** A small run of AdaLoRA: what is trained, on what, and how. */
import { random } from "@cambium/core";
import { adaLora, attach, head, type Tuned } from "@cambium/delta";
import { createModel, type LanguageModel, type TokenBatch } from "@cambium/models";
import { adamW, type Batches, batches, type TrainOptions } from "@cambium/train";
import { tensor1d, tensor2d } from "@tensorflow/tfjs-core";

/** Steps of the run: ranks fall from the third on, and are settled for the last four. */
export const STEPS = 24;

/** A run of a tiny BERT, with dropout. The caller disposes of the objective's tensors. */
export function adaLoraRun(): {
  readonly objective: Tuned<LanguageModel>;
  readonly data: Batches<TokenBatch>;
  readonly options: Pick<TrainOptions, "optimiser" | "steps">;
} {
  const sizes = { vocab_size: 30, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 12 };
  const model = createModel({ model_type: "bert", ...sizes, initializer_range: 0.3 }, random(1), {
    head: { kind: "sequence-classification", labels: ["up", "down"] },
  });
  const schedule = { initialRank: 4, targetRank: 2, warmUpSteps: 2, finalSteps: 4, interval: 2 };
  const objective = attach(model, adaLora(model, { ...schedule, dropout: 0.1 }, random(2)), head(model));
  const rows: number[][] = Array.from({ length: 12 }, (_, i) => [...random(3).at(i).integers(5, 30)]);
  const data = batches(
    rows,
    (some: readonly number[][]): TokenBatch => ({
      ids: tensor2d([...some], undefined, "int32"),
      mask: tensor2d(some.map((row) => row.map(() => 1))),
      labels: tensor1d(
        some.map(([first, , last]) => Number(first! > last!)),
        "int32",
      ),
    }),
    { size: 4, random: random(5) },
  );
  return { objective, data, options: { optimiser: adamW({ learningRate: 0.02 }), steps: STEPS } };
}
