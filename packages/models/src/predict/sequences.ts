import { ConfigError } from "@cambium/base";
import { type HeadConfig, outputNames, outputsOf } from "../head-config.ts";
import type { LabelScore, NumbersOf } from "../prediction.ts";
import { tokensOf } from "../rows/encoding.ts";
import type { Reading } from "./reading.ts";
import { byScore, sigmoid, softmax } from "./scores.ts";

type SequenceHead = Extract<HeadConfig, { readonly kind: "sequence-classification" | "regression" }>;
type SequencePrediction = readonly LabelScore[] | NumbersOf<SequenceHead>;

/** Labels of whole texts, or numbers. Long texts are cut. */
export function sequenceReading(
  head: SequenceHead,
  threshold: number | undefined,
): Reading<SequencePrediction, SequencePrediction> {
  if (threshold !== undefined && !(threshold >= 0 && threshold <= 1)) {
    throw new ConfigError({ message: `predictor: threshold must be from 0 to 1, got ${threshold}`, threshold });
  }
  return {
    windows: ({ text, pair }, _index, { stride: _, ...encoding }) => tokensOf(text, pair, encoding),
    digest: ([scores]) => interpret(head, scores!, threshold),
    combine: ([only]) => only!,
  };
}

function interpret(head: SequenceHead, logits: readonly number[], threshold = 0): SequencePrediction {
  if (head.kind === "sequence-classification") {
    const { labels, multiLabel } = head;
    if (multiLabel !== true) return byScore(labels, softmax(logits));
    return byScore(labels, logits.map(sigmoid)).filter(({ score }) => score >= threshold);
  }
  const names = outputNames(head);
  if (names !== undefined) return Object.fromEntries(names.map((name, i) => [name, logits[i]!]));
  return outputsOf(head) === 1 ? logits[0]! : logits;
}
