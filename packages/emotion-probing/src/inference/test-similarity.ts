import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";
import { at, checkKnown, FEWEST_PAIRS, knownPairs } from "../compare/compare-rdms.ts";
import { methodOf, type Similarity } from "../compare/methods.ts";
import { residuals } from "../compare/partial.ts";
import { checkSameConditions, pickPairs, type Rdm } from "../rdm/rdm.ts";
import { ordersOf, pOf, SAME } from "./permutations.ts";

/** Settings of `testSimilarity`. */
export interface TestSimilarityOptions {
  /** See `compareRdms`. @default "spearman" */
  readonly method?: Similarity;
  /** How many random orders of the conditions; where there are at most 5,040 (7 conditions), all are tried. @default 5000 */
  readonly permutations?: number;
  /** What counts as extreme: similarities at least as great, at most as great, or as far from 0. @default "greater" */
  readonly alternative?: "greater" | "less" | "two-sided";
  /**
   * RDMs whose part is taken out of both, as in `compareRdms`; they stay with the data when labels are permuted. A part is taken
   * out of ranks by a straight line: where a common cause acts on ranks along a curve, spearman finds too much (in simulations
   * 10 % at a level of 5 %), and pearson keeps its level. @default none
   */
  readonly given?: readonly Rdm[];
  readonly random: Random;
}

/** One model's test. */
export interface TestedSimilarity {
  readonly similarity: number;
  /** Chance of such a similarity when the labels of the conditions mean nothing. */
  readonly p: number;
  /** Chance of such a similarity of any of the models that were tested together. */
  readonly pAny: number;
  /** How many orders were tried, and whether they were all. */
  readonly permutations: number;
  readonly exact: boolean;
}

/** Greater is more extreme. */
const directions = {
  greater: (score: number) => score,
  less: (score: number) => -score,
  "two-sided": Math.abs,
} as const;

/**
 * Tests whether models of similarity fit an RDM better than chance: the conditions' labels are permuted, rows and columns
 * together, so that pairs need not be independent.
 *
 * p is `(1 + b) / (1 + B)`, with b of B orders at least as extreme, or `b / B` where all orders are tried, the identity among
 * them. `pAny` compares with the most extreme of all models at each order, which controls the chance of any false finding.
 *
 * Pairs that are unknown move with the labels. Under an order that leaves too few known ones, or constant ones, there is no similarity: such
 * an order counts as one that is less extreme.
 *
 * @param data - The RDM that is to be explained.
 * @param models - RDMs of the same conditions in the same order.
 * @returns One test a model, in their order.
 * @throws {ConfigError} For options that do not exist or cannot be meant, or a constant RDM, which has no similarity.
 * @throws {ShapeError} When the conditions differ.
 * @see Phipson and Smyth 2010, Permutation p-values should never be zero, doi:10.2202/1544-6115.1585. Westfall and Young
 *      1993, Resampling-based multiple testing (the maximum over models).
 * @example
 * const [valence, arousal] = testSimilarity(modelRdm, [valenceRdm, arousalRdm], { random: random(1) });
 */
export function testSimilarity(
  data: Rdm,
  models: readonly Rdm[],
  options: TestSimilarityOptions,
): readonly TestedSimilarity[] {
  checkOptions("testSimilarity", options, ["method", "permutations", "alternative", "given", "random"]);
  const { method = "spearman", permutations = 5000, alternative = "greater", given = [], random } = options;
  const extremity = Object.hasOwn(directions, alternative) ? directions[alternative] : undefined;
  if (extremity === undefined) {
    throw new ConfigError({
      message: `testSimilarity: alternative must be "greater", "less" or "two-sided", got "${alternative}"`,
      alternative,
    });
  }
  if (!Number.isSafeInteger(permutations) || permutations < 1) {
    throw new ConfigError({ message: `testSimilarity: permutations must be an integer from 1, got ${permutations}` });
  }
  if (given.length > 0 && method !== "pearson" && method !== "spearman") {
    throw new ConfigError({
      message: `testSimilarity: given is for pearson and spearman, got the method "${method}"`,
      method,
    });
  }
  checkSameConditions("testSimilarity", [data, ...models, ...given]);
  const score = scorerOf(data, models, given, method);
  const count = data.conditions.length;
  const observed = score(undefined);
  observed.forEach((value, index) => {
    if (!Number.isNaN(value)) return;
    throw new ConfigError({
      message: `testSimilarity: model ${index} has no similarity with the data: one of the two is constant`,
      index,
    });
  });
  const { exact, orders } = ordersOf(count, permutations, random);
  const [reached, reachedByAny] = [models.map(() => 0), models.map(() => 0)];
  let tried = 0;
  for (const order of orders) {
    // An order under which there is no similarity is less extreme than any.
    const scores = score(order).map((value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : extremity(value)));
    const most = Math.max(...scores);
    observed.forEach((value, m) => {
      const least = extremity(value) - SAME;
      if (scores[m]! >= least) reached[m]!++;
      if (most >= least) reachedByAny[m]!++;
    });
    tried++;
  }
  return observed.map((similarity, m) => ({
    similarity,
    p: pOf(reached[m]!, tried, exact),
    pAny: pOf(reachedByAny[m]!, tried, exact),
    permutations: tried,
    exact,
  }));
}

/** Scores of all models at an order of the data's conditions. Whatever allows it is done once, for the data as they are. */
function scorerOf(
  data: Rdm,
  models: readonly Rdm[],
  given: readonly Rdm[],
  name: Similarity,
): (order: Uint32Array | undefined) => number[] {
  const { change, scorer } = methodOf("testSimilarity", name);
  const count = data.conditions.length;
  const isWhole = [data, ...models, ...given].every(({ values }) => !values.some(Number.isNaN));
  if (isWhole) {
    // A permutation moves values and ranks alike; models are permuted rather than the data, whose covariates stay.
    const kept = Uint32Array.from(data.values, (_, i) => i);
    const covariates = given.map(({ values }) => change(values));
    const rest = (values: Float64Array): Float64Array => (given.length === 0 ? values : residuals(values, covariates));
    const withData = scorer(rest(change(data.values)), { count, kept });
    const changed = models.map(({ values }) => change(values));
    return (order) =>
      changed.map((values) => withData(rest(order === undefined ? values : pickPairs(values, count, order))));
  }
  // Unknown pairs move with the labels, so that other pairs are known to both at every order.
  return (order) =>
    models.map(({ values }) => {
      const moved = order === undefined ? values : pickPairs(values, count, order);
      const kept = knownPairs([data.values, moved, ...given.map((rdm) => rdm.values)]);
      if (order === undefined) checkKnown("testSimilarity", kept.length);
      else if (kept.length < FEWEST_PAIRS) return Number.NaN;
      const lists = [data.values, moved, ...given.map((rdm) => rdm.values)].map((list) => change(at(list, kept)));
      const [first, second, ...covariates] = lists;
      const rest = (list: Float64Array): Float64Array => (given.length === 0 ? list : residuals(list, covariates));
      return scorer(rest(first!), { count, kept })(rest(second!));
    });
}
