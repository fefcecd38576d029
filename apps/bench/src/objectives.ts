/** What is trained in the benchmarks, and the made-up batches that it is trained on: the same as on the Python side. */
import { type Objective, random } from "@cambium/core";
import { attach, head, lora, whole } from "@cambium/delta";
import { createModel, type TokenBatch } from "@cambium/models";
import { tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { decoder, decoderBatch } from "./decoder.ts";
import { walk } from "./ids.ts";
import { type Method, RANK, robertaConfig, type Size, smolConfig } from "./sizes.ts";

/** An objective, and what makes batches of it. */
export interface Trainable<Batch = unknown> {
  readonly objective: Objective<Batch>;
  batch(rows: number, seq: number): Batch;
}

function classifier(size: Size, method: "lora" | "full", dropout: number): Trainable<TokenBatch> {
  const base = createModel(robertaConfig(size, dropout), random(0), {
    head: { kind: "sequence-classification", labels: ["0", "1"] },
  });
  return {
    objective:
      method === "full"
        ? attach(base, whole(base))
        : attach(
            base,
            lora(base, { rank: RANK, alpha: 2 * RANK, targets: ["attn.q", "attn.v"] }, random(1)),
            head(base),
          ),
    batch: (rows, seq) => ({
      ids: tensor2d(walk(rows * seq, size.vocabulary), [rows, seq], "int32"),
      mask: tensor2d(new Float32Array(rows * seq).fill(1), [rows, seq]),
      labels: tensor1d(
        Int32Array.from({ length: rows }, (_, i) => i % 2),
        "int32",
      ),
    }),
  };
}

function smolLanguageModel(size: Size, dropout: number): Trainable<TokenBatch> {
  const base = createModel(smolConfig(size, dropout), random(0), { head: { kind: "causal-lm" } });
  return {
    objective: attach(base, lora(base, { rank: RANK, alpha: 2 * RANK, targets: ["attn.q", "attn.v"] }, random(1))),
    batch: (rows, seq) => {
      const ids = walk(rows * seq, size.vocabulary);
      return {
        ids: tensor2d(ids, [rows, seq], "int32"),
        mask: tensor2d(new Float32Array(rows * seq).fill(1), [rows, seq]),
        labels: tensor2d(ids, [rows, seq], "int32"),
      };
    },
  };
}

/** What a method trains at a size. */
export function trainable(size: Size, method: Method, dropout: number): Trainable<never> {
  if (method === "smollm2") return smolLanguageModel(size, dropout) as Trainable<never>;
  if (method !== "causal") return classifier(size, method, dropout) as Trainable<never>;
  const made = {
    objective: decoder(size, dropout, random(0)),
    batch: (rows: number, seq: number) => decoderBatch(walk(rows * seq, size.vocabulary), rows, seq),
  };
  return made as Trainable<never>;
}
