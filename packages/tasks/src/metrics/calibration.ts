import { ConfigError, ShapeError } from "@cambium/base";
import type { LabelScore } from "@cambium/models";

/** Predictions of a confidence between two bounds. */
export interface CalibrationBin {
  /** Above it, but 0 itself is in the first bin. */
  readonly from: number;
  /** Up to it. */
  readonly to: number;
  readonly rows: number;
  /** Mean probability of the likeliest class; 0 without rows. */
  readonly confidence: number;
  /** Share of rows whose likeliest class is right; 0 without rows. */
  readonly accuracy: number;
}

/** How far probabilities mean what they say. */
export interface Calibration {
  /** Expected calibration error: mean distance of confidence and accuracy over bins of equal width, by their rows; 0 to 1. */
  readonly error: number;
  /** Brier score: mean over rows of `Σ_k (p_k − y_k)²` over all classes; 0 to 2, and with two classes twice the binary score. */
  readonly brier: number;
  /** Mean `−log p` of the right class, in nats; infinite where one had probability 0. */
  readonly logLoss: number;
  readonly bins: readonly CalibrationBin[];
}

/**
 * How far the probabilities of predictions mean what they say.
 *
 * @param scores - Every class with its probability, for each row.
 * @param actual - The class that is right.
 * @param binCount - Bins of equal width from 0 to 1, each open below and closed above.
 * @throws {ShapeError} When a row's probabilities lack the right class, or do not add up to 1 within 1e-3.
 * @see Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599, equations 2 to 5; Brier 1950, Verification of
 *   Forecasts Expressed in Terms of Probability.
 */
export function measureCalibration(
  scores: readonly (readonly LabelScore[])[],
  actual: readonly string[],
  binCount = 15,
): Calibration {
  if (!Number.isSafeInteger(binCount) || binCount < 1) {
    throw new ConfigError({ message: `measureClassification: bins must be a whole number from 1, got ${binCount}` });
  }
  const sums = Array.from({ length: binCount }, () => ({ rows: 0, confidence: 0, hits: 0 }));
  let [brier, logLoss] = [0, 0];
  for (const [row, each] of scores.entries()) {
    const right = rightScore(each, actual[row]!, row);
    const top = each.reduce((most, one) => (one.score > most.score ? one : most));
    const bin = sums[Math.min(binCount - 1, Math.max(0, Math.ceil(top.score * binCount) - 1))]!;
    bin.rows++;
    bin.confidence += top.score;
    if (top.label === actual[row]) bin.hits++;
    for (const { label, score } of each) brier += (score - (label === actual[row] ? 1 : 0)) ** 2;
    logLoss -= Math.log(right);
  }
  const count = scores.length;
  const bins = sums.map(({ rows, confidence, hits }, i) => ({
    from: i / binCount,
    to: (i + 1) / binCount,
    rows,
    confidence: rows === 0 ? 0 : confidence / rows,
    accuracy: rows === 0 ? 0 : hits / rows,
  }));
  const error =
    bins.reduce((sum, { rows, confidence, accuracy }) => sum + rows * Math.abs(confidence - accuracy), 0) / count;
  return { error, brier: brier / count, logLoss: logLoss / count, bins };
}

/** The probability of the right class. */
function rightScore(scores: readonly LabelScore[], right: string, row: number): number {
  const total = scores.reduce((sum, { score }) => sum + score, 0);
  const found = scores.find(({ label }) => label === right);
  if (found !== undefined && Math.abs(total - 1) < 1e-3) return found.score;
  throw new ShapeError({
    message:
      found === undefined
        ? `measureClassification: row ${row} has no probability of its class "${right}"; give those of all classes`
        : `measureClassification: the probabilities of row ${row} add up to ${total} instead of 1`,
    row,
  });
}
