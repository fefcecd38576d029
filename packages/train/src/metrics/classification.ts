import { ConfigError, checkOptions } from "@cambium/base";
import { checkPairs } from "./pairs.ts";

/** A class, by number or by name. */
export type Label = number | string;

/** How F1 is taken over classes. */
export interface F1Options {
  /**
   * `"binary"`: of the positive class. `"macro"`: mean over the classes that occur, each counting alike. `"micro"`: over
   * all rows together, which for one label per row is the accuracy. @default "binary"
   */
  readonly average?: "binary" | "macro" | "micro";
  /** The positive class of `"binary"`. @default 1 */
  readonly positive?: Label;
}

/** How often a class was right, predicted and actual. */
interface Count {
  hits: number;
  predicted: number;
  actual: number;
}

function countClasses(predicted: ArrayLike<Label>, actual: ArrayLike<Label>): Map<Label, Count> {
  const counts = new Map<Label, Count>();
  const of = (label: Label): Count => {
    const count = counts.get(label) ?? { hits: 0, predicted: 0, actual: 0 };
    counts.set(label, count);
    return count;
  };
  for (let i = 0; i < actual.length; i++) {
    of(predicted[i]!).predicted++;
    of(actual[i]!).actual++;
    if (predicted[i] === actual[i]) of(actual[i]!).hits++;
  }
  return counts;
}

/** `2 · hits / (predicted + actual)`, 0 where the class is neither predicted nor actual. */
function f1Of({ hits, predicted, actual }: Count): number {
  return predicted + actual === 0 ? 0 : (2 * hits) / (predicted + actual);
}

/**
 * Share of rows whose prediction is right, from 0 to 1.
 *
 * @throws {ShapeError} When the lists differ in length or are empty.
 */
export function accuracy(predicted: ArrayLike<Label>, actual: ArrayLike<Label>): number {
  checkPairs("accuracy", predicted, actual);
  let hits = 0;
  for (let i = 0; i < actual.length; i++) if (predicted[i] === actual[i]) hits++;
  return hits / actual.length;
}

/**
 * F1, the harmonic mean of precision and recall, from 0 to 1: `2 · hits / (predicted + actual)`. A class that is neither
 * predicted nor actual counts 0.
 *
 * @throws {ShapeError} When the lists differ in length or are empty.
 * @throws {ConfigError} When `"binary"` meets a third class.
 * @see van Rijsbergen 1979, Information Retrieval, chapter 7; classes for `"macro"` as in scikit-learn's `f1_score`.
 */
export function f1(predicted: ArrayLike<Label>, actual: ArrayLike<Label>, options: F1Options = {}): number {
  checkOptions("f1", options, ["average", "positive"]);
  const { average = "binary", positive = 1 } = options;
  checkPairs("f1", predicted, actual);
  if (average === "micro") return accuracy(predicted, actual);
  const counts = countClasses(predicted, actual);
  if (average === "macro") return [...counts.values()].reduce((sum, count) => sum + f1Of(count), 0) / counts.size;
  const others = [...counts.keys()].filter((label) => label !== positive);
  if (others.length > 1) {
    throw new ConfigError({
      message: `f1: besides the positive class ${positive} there are ${others.join(", ")}; choose average "macro" or "micro"`,
      others,
    });
  }
  return f1Of(counts.get(positive) ?? { hits: 0, predicted: 0, actual: 0 });
}

/**
 * Matthews' correlation of predicted and actual classes, from −1 to 1, for any number of classes; 0 when either list holds
 * one class only.
 *
 * @throws {ShapeError} When the lists differ in length or are empty.
 * @see Gorodkin 2004, Comparing two K-category assignments by a K-category correlation coefficient, equation 8. With two
 *      classes it is Matthews 1975.
 */
export function matthews(predicted: ArrayLike<Label>, actual: ArrayLike<Label>): number {
  checkPairs("matthews", predicted, actual);
  const rows = actual.length;
  let hits = 0;
  let both = 0;
  let predictedSquares = 0;
  let actualSquares = 0;
  for (const count of countClasses(predicted, actual).values()) {
    hits += count.hits;
    both += count.predicted * count.actual;
    predictedSquares += count.predicted ** 2;
    actualSquares += count.actual ** 2;
  }
  const spread = Math.sqrt(rows ** 2 - predictedSquares) * Math.sqrt(rows ** 2 - actualSquares);
  return spread === 0 ? 0 : (hits * rows - both) / spread;
}
