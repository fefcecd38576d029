import { type HeadConfig, type ModelConfig, outputsOf, type TokenBatch } from "@cambium/models";
import { ones, type Tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";

/** Ids that differ and repeat, all within the vocabulary. */
const walk = (length: number, vocabulary: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => (i * 7919 + 13) % vocabulary);

/** A batch without padding, with labels for the head. The caller owns it. */
export function madeUpBatch(
  { vocab_size: vocabulary }: ModelConfig,
  head: HeadConfig,
  batch: number,
  seq: number,
): TokenBatch {
  const ids = (): TokenBatch["ids"] => tensor2d(walk(batch * seq, vocabulary), [batch, seq], "int32");
  return { ids: ids(), mask: ones([batch, seq]), labels: labelsFor(head, batch, seq, ids) };
}

function labelsFor(head: HeadConfig, batch: number, seq: number, ids: () => Tensor): Tensor {
  const width = outputsOf(head);
  switch (head.kind) {
    case "sequence-classification":
      return head.multiLabel === true
        ? tensor2d(Float32Array.from(walk(batch * width, 2)), [batch, width])
        : tensor1d(walk(batch, width), "int32");
    case "regression": {
      const numbers = Float32Array.from(walk(batch * width, 10));
      return width === 1 ? tensor1d(numbers) : tensor2d(numbers, [batch, width]);
    }
    case "question-answering":
      return tensor2d(walk(batch * 2, seq), [batch, 2], "int32");
    case "token-classification":
      return tensor2d(walk(batch * seq, head.labels.length), [batch, seq], "int32");
    default:
      return ids();
  }
}
