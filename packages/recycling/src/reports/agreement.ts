/** How alike two models answer: by their guesses, and by their probabilities. */
import { ConfigError, ShapeError } from "@cambium/base";
import type { Runnable } from "@cambium/core";
import type { HeadConfig, LanguageOutput, TokenBatch } from "@cambium/models";
import { type Batches, predict } from "@cambium/train";
import { argMax, type Tensor } from "@tensorflow/tfjs-core";
import { divergenceRows } from "../distillation/losses.ts";
import { type FlipReport, flipReport } from "./flips.ts";

/** A model that classifies sequences. */
export interface Answering extends Runnable<TokenBatch, LanguageOutput> {
  readonly head?: HeadConfig;
}

/** How alike two models answer. */
export interface Agreement {
  readonly rows: number;
  /** Share of rows with one guess. */
  readonly agreement: number;
  /** Mean `KL(old ‖ new)` of their probabilities, in nats. */
  readonly divergence: number;
  /** What the update changed, where the rows have labels. */
  readonly flips?: FlipReport;
}

/**
 * Asks two models about the same rows.
 *
 * @param old - A model whose head gives one of several labels to a sequence.
 * @param current - Of the same labels in the same order.
 * @throws {ConfigError} For other heads.
 * @throws {ShapeError} When the labels differ.
 */
export async function measureAgreement(
  old: Answering,
  current: Answering,
  data: Batches<TokenBatch>,
): Promise<Agreement> {
  for (const { head } of [old, current])
    if (head?.kind !== "sequence-classification" || head.multiLabel === true)
      throw new ConfigError({
        message: `measureAgreement: heads of one label a sequence are compared, got ${head?.kind ?? "none"}`,
      });
  if (JSON.stringify(old.head) !== JSON.stringify(current.head))
    throw new ShapeError({
      message: `measureAgreement: the heads are ${JSON.stringify(old.head)} and ${JSON.stringify(current.head)}`,
    });
  const found: Record<string, number[]> = await predict((batch: TokenBatch): Record<string, Tensor> => {
    const { labels, ...input } = batch;
    const [was, is] = [old.forward(input).logits!, current.forward(input).logits!];
    return {
      was: argMax(was, -1),
      is: argMax(is, -1),
      divergence: divergenceRows(was, is, 1),
      ...(labels !== undefined && { labels: labels.clone() }),
    };
  }, data);
  const { was, is, divergence, labels } = found as Record<"was" | "is" | "divergence", number[]> & {
    labels?: number[];
  };
  return {
    rows: was.length,
    agreement: was.filter((guess, i) => guess === is[i]).length / was.length,
    divergence: divergence.reduce((sum, value) => sum + value, 0) / was.length,
    ...(labels !== undefined && { flips: flipReport(was, is, labels) }),
  };
}
