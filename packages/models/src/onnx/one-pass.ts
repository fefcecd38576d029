/** Models that read a text once: encoders with any head, and decoders that classify. */
import { cast, reshape, slice, type Tensor, type Tensor2D, type Tensor3D } from "@tensorflow/tfjs-core";
import type { TokenBatch } from "../architecture.ts";
import { segmentCount } from "../check-batch.ts";
import { wordRows } from "../heads/rows.ts";
import type { LanguageOutput } from "../language-model.ts";
import type { RunnableModel } from "../runnable.ts";
import { BATCH, type Lengths, type NamedTensors, type OnnxPart, SEQUENCE, sampleIds, sampleMask } from "./trace.ts";

/** A batch from what transformers.js calls its parts. */
export function batchOf({ input_ids: ids, attention_mask: mask, token_type_ids: types }: NamedTensors): TokenBatch {
  return {
    ids: ids as Tensor2D,
    mask: cast(mask!, "float32") as Tensor2D,
    ...(types !== undefined && { types: types as Tensor2D }),
  };
}

/** What comes out, under the names that transformers.js looks for. */
function outputsOf(output: LanguageOutput, { head }: RunnableModel): NamedTensors {
  const { logits } = output;
  if (logits === undefined) return { last_hidden_state: wordRows(output) };
  if (head?.kind === "embedding") return { last_hidden_state: wordRows(output), sentence_embedding: logits };
  if (head?.kind !== "question-answering") return { logits };
  const [batch, seq] = logits.shape as [number, number];
  const column = (from: number): Tensor =>
    reshape(slice(logits as Tensor3D, [0, 0, from], [batch, seq, 1]), [batch, seq]);
  return { start_logits: column(0), end_logits: column(1) };
}

/** The graph of such a model. */
export function onePass(model: RunnableModel, { longest, window }: Lengths): OnnxPart {
  const { architecture, config } = model;
  const shape = [BATCH, SEQUENCE];
  const segments = architecture.batch === "tokens+types" ? segmentCount(config) : undefined;
  return {
    name: "model",
    run: (inputs) => outputsOf(model.forward(batchOf(inputs)), model),
    inputs: {
      input_ids: { shape, type: "int64", sample: sampleIds(config.vocab_size) },
      attention_mask: { shape, type: "int64", sample: sampleMask },
      ...(segments !== undefined && { token_type_ids: { shape, type: "int64", sample: sampleIds(segments) } }),
    },
    dynamic: { [BATCH]: {}, [SEQUENCE]: { longest, ...(window !== undefined && { recordFrom: window + 1 }) } },
  };
}
