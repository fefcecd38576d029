import { ConfigError, checkOptions, nearest, ShapeError } from "@cambium/base";
import type { LabelScore } from "@cambium/models";
import { matthews } from "@cambium/train";
import { type Calibration, measureCalibration } from "./calibration.ts";

/** Settings of `measureClassification`. */
export interface ClassificationOptions {
  /** All classes, in the order of the report. @default those that occur, in alphabetical order */
  readonly labels?: readonly string[];
  /** Bins of equal width for the calibration error, at least 1. @default 15 */
  readonly bins?: number;
}

/** Precision, recall and their harmonic mean, each from 0 to 1. */
export interface Scores {
  /** Share of the rows predicted as the class that are of it; 0 where none is predicted. */
  readonly precision: number;
  /** Share of the rows of the class that are predicted as it; 0 where there is none. */
  readonly recall: number;
  /** `2 · hits / (predicted + actual)`; 0 where the class is neither predicted nor actual. */
  readonly f1: number;
}

/** How well one class is found. */
export interface ClassScores extends Scores {
  readonly label: string;
  /** Rows of the class. */
  readonly actual: number;
  /** Rows predicted as it. */
  readonly predicted: number;
}

/** What `measureClassification` measured. */
export interface ClassificationReport {
  readonly rows: number;
  readonly accuracy: number;
  /** Mean over the classes that are predicted or actual, each counting alike. */
  readonly macro: Scores;
  /** Over all rows together: with one class a row, all three are the accuracy. */
  readonly micro: Scores;
  /** Mean over the classes, each counting by its rows. */
  readonly weighted: Scores;
  /** Matthews' correlation, from −1 to 1. */
  readonly matthews: number;
  /** One for each class, in the order of `labels`. */
  readonly classes: readonly ClassScores[];
  readonly labels: readonly string[];
  /** Rows by actual class (first index) and predicted class (second), in the order of `labels`. */
  readonly confusion: readonly (readonly number[])[];
  /** Where predictions came with probabilities. */
  readonly calibration?: Calibration;
}

/**
 * How well classes are predicted.
 *
 * @param predictions - One for each row: a class, or what a predictor gives, every class with its probability.
 * @param actual - The classes that are right.
 * @throws {ShapeError} When the lists differ in length or are empty, or some predictions have probabilities and others none.
 * @throws {ConfigError} When a class is not among `labels`, with its row, or is there twice.
 * @see van Rijsbergen 1979, Information Retrieval, chapter 7; averages as in scikit-learn's `classification_report`, where what is
 *   undefined counts 0.
 * @example
 * const { accuracy, macro, confusion } = measureClassification(await classify(texts), labels);
 */
export function measureClassification(
  predictions: readonly (string | readonly LabelScore[])[],
  actual: readonly string[],
  options: ClassificationOptions = {},
): ClassificationReport {
  checkOptions("measureClassification", options, ["labels", "bins"]);
  if (predictions.length !== actual.length || actual.length === 0) {
    throw new ShapeError({
      message: `measureClassification: expected a prediction for each row, got ${predictions.length} for ${actual.length} rows`,
    });
  }
  const scores = scoresOf(predictions);
  const predicted = predictions.map((prediction) => (typeof prediction === "string" ? prediction : best(prediction)));
  const labels = options.labels ?? [...new Set([...actual, ...predicted])].sort();
  const twice = labels.find((label, i) => labels.indexOf(label) < i);
  if (twice !== undefined)
    throw new ConfigError({ message: `measureClassification: labels has "${twice}" twice`, label: twice });
  const confusion = countPairs(predicted, actual, labels);
  const classes = labels.map((label, i): ClassScores => {
    const [own, of] = [confusion[i]!.reduce(plus, 0), confusion.reduce((sum, row) => sum + row[i]!, 0)];
    const hits = confusion[i]![i]!;
    const f1 = own + of === 0 ? 0 : (2 * hits) / (own + of);
    return { label, precision: share(hits, of), recall: share(hits, own), f1, actual: own, predicted: of };
  });
  const accuracy = confusion.reduce((sum, row, i) => sum + row[i]!, 0) / actual.length;
  const occurring = classes.filter((each) => each.actual + each.predicted > 0);
  return {
    rows: actual.length,
    accuracy,
    macro: meanScores(occurring, () => 1),
    micro: { precision: accuracy, recall: accuracy, f1: accuracy },
    weighted: meanScores(classes, (each) => each.actual),
    matthews: matthews(predicted, actual),
    classes,
    labels,
    confusion,
    ...(scores !== undefined && { calibration: measureCalibration(scores, actual, options.bins) }),
  };
}

const plus = (a: number, b: number): number => a + b;
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** The likeliest class; of equal ones the first. */
function best(scores: readonly LabelScore[]): string {
  if (scores.length === 0) throw new ShapeError({ message: "measureClassification: a prediction has no classes" });
  return scores.reduce((most, each) => (each.score > most.score ? each : most)).label;
}

/** All predictions' probabilities; undefined where none has any. */
function scoresOf(predictions: readonly (string | readonly LabelScore[])[]): (readonly LabelScore[])[] | undefined {
  const scores = predictions.filter((prediction) => typeof prediction !== "string");
  if (scores.length === 0) return undefined;
  if (scores.length === predictions.length) return scores;
  throw new ShapeError({
    message: `measureClassification: ${scores.length} of ${predictions.length} predictions have probabilities; give all of them, or none`,
  });
}

function countPairs(predicted: readonly string[], actual: readonly string[], labels: readonly string[]): number[][] {
  const places = new Map(labels.map((label, i) => [label, i]));
  const placeOf = (label: string, row: number, what: string): number => {
    const place = places.get(label);
    if (place !== undefined) return place;
    const near = nearest(label, labels);
    throw new ConfigError({
      message: `measureClassification: the ${what} class of row ${row}, "${label}", is none of ${labels.join(", ")}${near === undefined ? "" : `; was "${near}" meant`}`,
      row,
    });
  };
  const confusion = labels.map(() => labels.map(() => 0));
  for (const [row, label] of actual.entries()) {
    const place = placeOf(label, row, "actual");
    confusion[place]![placeOf(predicted[row]!, row, "predicted")]!++;
  }
  return confusion;
}

function meanScores(classes: readonly ClassScores[], weightOf: (each: ClassScores) => number): Scores {
  const total = classes.reduce((sum, each) => sum + weightOf(each), 0);
  const mean = (key: keyof Scores): number =>
    classes.reduce((sum, each) => sum + weightOf(each) * each[key], 0) / total;
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}
