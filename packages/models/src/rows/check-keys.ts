import { ConfigError, nearest } from "@cambium/base";
import type { HeadConfig, HeadKind } from "../head-config.ts";
import type { Row } from "../row.ts";

/** Keys of what a head learns from a row. */
const learnt: Readonly<Record<HeadKind, readonly (keyof Row)[]>> = {
  "sequence-classification": ["label"],
  regression: ["label"],
  "token-classification": ["target", "spans"],
  "question-answering": ["answer"],
  "masked-lm": ["target"],
  "causal-lm": ["target"],
  "sequence-to-sequence": ["target"],
  embedding: ["label", "negatives"],
};

/** What other libraries call `target`. */
const targets = ["completion", "response", "output"];

/**
 * Throws for a row that gives nothing to learn under the head's keys, and has a key that is meant for it: without what it says, a
 * causal language model would learn the text before it. Other keys are the caller's.
 */
export function checkRowKeys(row: Row, index: number, head: HeadConfig | undefined): void {
  if (head === undefined) return;
  const wanted = learnt[head.kind];
  if (wanted.some((key) => row[key] !== undefined)) return;
  const others = Object.values(learnt).flat() as readonly string[];
  for (const [key, value] of Object.entries(row)) {
    if (value === undefined) continue;
    const isOther = others.includes(key) && head.kind === "causal-lm";
    const isTarget = targets.includes(key) && wanted.includes("target");
    const near = isOther || isTarget ? wanted[0] : others.includes(key) ? undefined : nearest(key, wanted);
    if (near === undefined) continue;
    throw new ConfigError({
      message: `collate: row ${index} has "${key}", which a ${head.kind} head does not read; is "${near}" meant? Leave it out of rows without one`,
      index,
      key,
    });
  }
}
