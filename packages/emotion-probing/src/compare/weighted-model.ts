/** Models that are weighted sums of RDMs: fitted, and judged on conditions and subjects that the fit has not seen. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";
import { cholesky, choleskySolve } from "../rdm/cholesky.ts";
import { checkSameConditions, meanRdmValues, pickPairs, type Rdm } from "../rdm/rdm.ts";
import { checkKnown, compareRdms, knownPairs } from "./compare-rdms.ts";
import type { Similarity } from "./methods.ts";

/** Settings of `fitWeightedModel`. */
export interface FitWeightedModelOptions {
  /** `nnls`: weights from 0, by least squares; `ridge`: any weights, drawn towards 0. @default "nnls" */
  readonly fit?: "nnls" | "ridge";
  /** λ of ridge, on standardised RDMs. @default 1 */
  readonly penalty?: number;
}

/** A fitted sum. */
export interface WeightedModel {
  /** One for each part, in units of the parts as given. */
  readonly weights: Float64Array;
  readonly intercept: number;
  /** `intercept + Σ weight · part`. */
  readonly rdm: Rdm;
}

const fitKeys = ["fit", "penalty"] as const;

/**
 * The sum of RDMs that comes nearest to another one, by least squares.
 *
 * @param data - What is to be explained. Pairs that are unknown are left out.
 * @param parts - RDMs of the same conditions in the same order; a constant one gets the weight 0.
 * @throws {ConfigError} For options that do not exist or cannot be meant, no part, or fewer than three pairs that all know.
 * @throws {ShapeError} When the conditions differ.
 * @see Lawson and Hanson 1974, Solving least squares problems, chapter 23 (nnls). Khaligh-Razavi and Kriegeskorte 2014,
 *      doi:10.1371/journal.pcbi.1003915 (weighted models).
 */
export function fitWeightedModel(
  data: Rdm,
  parts: readonly Rdm[],
  options: FitWeightedModelOptions = {},
): WeightedModel {
  checkOptions("fitWeightedModel", options, fitKeys);
  checkFit("fitWeightedModel", options);
  checkSameConditions("fitWeightedModel", [data, ...parts]);
  checkParts("fitWeightedModel", parts);
  checkKnown("fitWeightedModel", knownPairs([data, ...parts].map(({ values }) => values)).length);
  const { weights, intercept } = fitLists(
    data.values,
    parts.map(({ values }) => values),
    options,
  );
  return {
    weights,
    intercept,
    rdm: {
      ...data,
      metric: "weighted sum",
      values: weigh(
        parts.map((p) => p.values),
        weights,
        intercept,
      ),
    },
  };
}

function weigh(lists: readonly Float64Array[], weights: Float64Array, intercept: number): Float64Array {
  return lists[0]!.map((_, i) => lists.reduce((sum, list, k) => sum + weights[k]! * list[i]!, intercept));
}

function checkParts(caller: string, parts: readonly Rdm[]): void {
  if (parts.length === 0) throw new ConfigError({ message: `${caller}: at least one part is needed, got none` });
}

function checkFit(caller: string, { fit, penalty }: FitWeightedModelOptions): void {
  if (fit !== undefined && fit !== "nnls" && fit !== "ridge") {
    throw new ConfigError({ message: `${caller}: fit must be "nnls" or "ridge", got "${fit}"`, fit });
  }
  if (penalty === undefined) return;
  if (fit !== "ridge") throw new ConfigError({ message: `${caller}: penalty is of ridge; pass fit: "ridge"`, penalty });
  if (!(penalty >= 0))
    throw new ConfigError({ message: `${caller}: penalty must be a number from 0, got ${penalty}`, penalty });
}

function fitLists(
  target: Float64Array,
  lists: readonly Float64Array[],
  { fit = "nnls", penalty = 1 }: FitWeightedModelOptions,
): { readonly weights: Float64Array; readonly intercept: number } {
  const known = Array.from(target.keys()).filter((i) => [target, ...lists].every((list) => !Number.isNaN(list[i]!)));
  const standard = lists.map((list) => standardise(known.map((i) => list[i]!)));
  const y = known.map((i) => target[i]!);
  const middle = y.reduce((sum, value) => sum + value, 0) / y.length;
  const used = [...standard.keys()].filter((k) => standard[k]!.deviation > 0);
  const products = used.map((a) => used.map((b) => dot(standard[a]!.values, standard[b]!.values)));
  const aims = used.map((a) =>
    dot(
      standard[a]!.values,
      y.map((value) => value - middle),
    ),
  );
  const found = fit === "nnls" ? nonNegative(products, aims) : solve(products, aims, penalty);
  const weights = new Float64Array(lists.length);
  used.forEach((k, i) => {
    weights[k] = found[i]! / standard[k]!.deviation;
  });
  return { weights, intercept: middle - standard.reduce((sum, { mean }, k) => sum + weights[k]! * mean, 0) };
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

function standardise(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const isConstant = values.every((value) => value === values[0]);
  const deviation = isConstant
    ? 0
    : Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return { mean, deviation, values: values.map((value) => (isConstant ? 0 : (value - mean) / deviation)) };
}

function solve(products: readonly (readonly number[])[], aims: readonly number[], penalty: number): Float64Array {
  const size = aims.length;
  // A trace of ridge keeps copies of one part from making the system singular.
  const most = Math.max(0, ...products.map((row, i) => row[i]!));
  const matrix = products.flatMap((row, i) => row.map((value, j) => value + (i === j ? penalty + 1e-12 * most : 0)));
  return choleskySolve(cholesky(matrix, size, "fitWeightedModel"), size, aims);
}

/** Lawson and Hanson's active sets on the normal equations. */
function nonNegative(products: readonly (readonly number[])[], aims: readonly number[]): Float64Array {
  const size = aims.length;
  const weights = new Float64Array(size);
  const active = new Set<number>();
  const slope = (k: number): number => aims[k]! - products[k]!.reduce((sum, value, j) => sum + value * weights[j]!, 0);
  const scale = Math.max(1e-300, ...aims.map(Math.abs));
  for (let round = 0; round < 10 * size; round++) {
    const idle = [...weights.keys()].filter((k) => !active.has(k));
    const [best] = idle.sort((a, b) => slope(b) - slope(a));
    if (best === undefined || slope(best) <= 1e-10 * scale) break;
    active.add(best);
    for (;;) {
      const places = [...active];
      const found = solve(
        places.map((a) => places.map((b) => products[a]![b]!)),
        places.map((a) => aims[a]!),
        0,
      );
      const negative = places.filter((_, i) => found[i]! <= 0);
      if (negative.length === 0) {
        weights.fill(0);
        places.forEach((k, i) => {
          weights[k] = found[i]!;
        });
        break;
      }
      const step = Math.min(...places.map((k, i) => (found[i]! <= 0 ? weights[k]! / (weights[k]! - found[i]!) : 1)));
      places.forEach((k, i) => {
        weights[k]! += step * (found[i]! - weights[k]!);
      });
      const dropped = places.filter((k, i) => found[i]! <= 0 && weights[k]! <= 1e-12);
      for (const k of dropped.length > 0 ? dropped : negative) {
        weights[k] = 0;
        active.delete(k);
      }
    }
  }
  return weights;
}

/** Settings of `crossValidateWeightedModel`. */
export interface CrossValidateWeightedModelOptions extends FitWeightedModelOptions {
  /** How held-out pairs are compared. @default "spearman" */
  readonly method?: Similarity;
  /** Parts of the conditions; each is held out once. @default 3 */
  readonly conditionFolds?: number;
  /** Parts of the subjects; each is held out once. @default every subject, and 1 (none held out) for a single one */
  readonly subjectFolds?: number;
  readonly random: Random;
}

/** How well a weighted model predicts. */
export interface CrossValidated {
  /** Mean similarity of predicted and held-out pairs, over folds and subjects. */
  readonly similarity: number;
  /** Of every subject. */
  readonly subjects: readonly number[];
}

/**
 * How well a weighted sum of RDMs predicts conditions and subjects that it was not fitted to.
 *
 * Weights come from the pairs of the conditions kept, of the mean of the subjects kept; they are judged on the pairs of the
 * conditions held out, of each subject held out.
 *
 * @throws {ConfigError} For options that do not exist or cannot be meant, or folds of fewer than four conditions.
 */
export function crossValidateWeightedModel(
  subjects: readonly Rdm[],
  parts: readonly Rdm[],
  options: CrossValidateWeightedModelOptions,
): CrossValidated {
  checkOptions("crossValidateWeightedModel", options, [
    ...fitKeys,
    "method",
    "conditionFolds",
    "subjectFolds",
    "random",
  ]);
  const { method = "spearman", conditionFolds = 3, subjectFolds = subjects.length, random, ...fit } = options;
  checkFit("crossValidateWeightedModel", fit);
  checkSameConditions("crossValidateWeightedModel", [...subjects, ...parts]);
  checkParts("crossValidateWeightedModel", parts);
  const count = subjects[0]!.conditions.length;
  if (!Number.isInteger(conditionFolds) || conditionFolds < 2 || Math.floor(count / conditionFolds) < 4) {
    throw new ConfigError({
      message: `crossValidateWeightedModel: conditionFolds must be an integer from 2 that leaves four conditions in each, got ${conditionFolds} for ${count} conditions`,
    });
  }
  if (!Number.isInteger(subjectFolds) || subjectFolds < 1 || subjectFolds > subjects.length) {
    throw new ConfigError({
      message: `crossValidateWeightedModel: subjectFolds must be an integer from 1 to ${subjects.length}, got ${subjectFolds}`,
    });
  }
  const foldsOf = (length: number, folds: number, label: string): number[][] => {
    const order = random.at(label).permutation(length);
    return Array.from({ length: folds }, (_, f) => [...order].filter((_, i) => i % folds === f).sort((a, b) => a - b));
  };
  const scores = subjects.map((): number[] => []);
  for (const heldSubjects of foldsOf(subjects.length, subjectFolds, "subjects")) {
    const learnt = subjectFolds === 1 ? subjects : subjects.filter((_, s) => !heldSubjects.includes(s));
    const mean = meanRdmValues(learnt);
    for (const heldConditions of foldsOf(count, conditionFolds, "conditions")) {
      const others = Array.from({ length: count }, (_, i) => i).filter((i) => !heldConditions.includes(i));
      const pick = (values: Float64Array, places: readonly number[]): Float64Array => pickPairs(values, count, places);
      const { weights, intercept } = fitLists(
        pick(mean, others),
        parts.map(({ values }) => pick(values, others)),
        fit,
      );
      const predicted = weigh(
        parts.map(({ values }) => pick(values, heldConditions)),
        weights,
        intercept,
      );
      const conditions = heldConditions.map((i) => subjects[0]!.conditions[i]!);
      const rdm = (values: Float64Array): Rdm => ({ conditions, metric: "part", values });
      for (const s of heldSubjects) {
        const score = compareRdms(rdm(predicted), rdm(pick(subjects[s]!.values, heldConditions)), { method });
        scores[s]!.push(Number.isNaN(score) ? 0 : score); // weights of 0 predict nothing
      }
    }
  }
  const means = scores.map((list) => list.reduce((sum, value) => sum + value, 0) / list.length);
  return { similarity: means.reduce((sum, value) => sum + value, 0) / means.length, subjects: means };
}
