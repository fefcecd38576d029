/** Which answers an update changed, for better and for worse. */
import { ShapeError } from "@cambium/base";

/** Answers of two models to the same rows. */
export interface FlipReport {
  readonly rows: number;
  /** Share of rows that were right and are wrong: what users notice of an update. */
  readonly negativeFlips: number;
  /** Share of rows that were wrong and are right. */
  readonly positiveFlips: number;
  /** What accuracy gained: positive less negative. */
  readonly netGain: number;
  /** Share of rows with one answer by both. */
  readonly agreement: number;
  /** Share of rows that both get wrong, with unlike answers. */
  readonly otherMistakes: number;
  /** Rows that were right and are wrong, by index. */
  readonly regressions: readonly number[];
  /** Rows by what they were (right, wrong) and what they are. */
  readonly matrix: readonly [readonly [number, number], readonly [number, number]];
}

/**
 * Compares the answers of an old and a new model.
 *
 * @param before - Answers of the old one: classes by number or by name.
 * @param after - Those of the new one.
 * @param labels - Right answers.
 * @throws {ShapeError} When the lists differ in length, or are empty.
 * @see Echterhoff et al. 2024, MUSCLE, arXiv:2407.09435, section 3.
 */
export function flipReport<Label extends number | string>(
  before: ArrayLike<Label>,
  after: ArrayLike<Label>,
  labels: ArrayLike<Label>,
): FlipReport {
  const rows = labels.length;
  if (rows === 0 || before.length !== rows || after.length !== rows)
    throw new ShapeError({
      message: `flipReport: lists of one length are needed, got ${before.length}, ${after.length} and ${rows}`,
    });
  const counts: [[number, number], [number, number]] = [
    [0, 0],
    [0, 0],
  ];
  const regressions: number[] = [];
  let [agreement, otherMistakes] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const [was, is] = [before[i] === labels[i], after[i] === labels[i]];
    counts[was ? 0 : 1][is ? 0 : 1] += 1;
    if (was && !is) regressions.push(i);
    if (before[i] === after[i]) agreement += 1;
    else if (!was && !is) otherMistakes += 1;
  }
  const [negative, positive] = [counts[0][1], counts[1][0]];
  return {
    rows,
    negativeFlips: negative / rows,
    positiveFlips: positive / rows,
    netGain: (positive - negative) / rows,
    agreement: agreement / rows,
    otherMistakes: otherMistakes / rows,
    regressions,
    matrix: counts,
  };
}
