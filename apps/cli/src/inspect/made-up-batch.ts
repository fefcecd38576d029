import { sizeOfShape } from "@cambium/core";
import { type HeadConfig, type ModelConfig, outputsOf, type TokenBatch } from "@cambium/models";
import { cast, ones, type Tensor, tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";

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

const int = (shape: readonly number[], below: number): Tensor =>
  tensor(walk(sizeOfShape(shape), below), [...shape], "int32");
const float = (shape: readonly number[], below: number): Tensor => tidy(() => cast(int(shape, below), "float32"));

function labelsFor(head: HeadConfig, batch: number, seq: number, ids: () => Tensor): Tensor {
  switch (head.kind) {
    case "sequence-classification":
      return head.multiLabel === true ? float([batch, head.labels.length], 2) : int([batch], head.labels.length);
    case "regression": {
      const outputs = outputsOf(head);
      return float(outputs === 1 ? [batch] : [batch, outputs], 10);
    }
    case "token-classification":
      return int([batch, seq], head.labels.length);
    case "question-answering":
      return int([batch, 2], seq);
    default:
      return ids();
  }
}
