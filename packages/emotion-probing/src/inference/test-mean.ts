/** Student's t tests of means, for groups of numbers and for correlations. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";
import { type Adjustment, adjustP } from "./adjust.ts";
import { quantile, studentTail } from "./distributions.ts";

/** What a t test asks. */
export interface TestMeanOptions {
  /** Where the mean lies if not where `against` is. @default "greater" */
  readonly alternative?: "greater" | "less" | "two-sided";
  /** @default 0 */
  readonly against?: number;
  /** Of the interval, which is two-sided always. @default 0.95 */
  readonly level?: number;
}

/** A mean with its t test. */
export interface TestedMean {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** NaN where the numbers are equal. */
  readonly t: number;
  readonly degrees: number;
  /** Where the numbers are equal: 0 or 1, by the side on which they lie, and 1 at `against` itself. */
  readonly p: number;
}

const alternatives = ["greater", "less", "two-sided"];

/**
 * Student's t test of a mean. For pairs, give their differences.
 *
 * It takes the numbers as independent. Accuracies under one mask, seed by seed, are not: they tell how much seeds vary, not masks.
 *
 * @param values - Two or more finite numbers.
 * @throws {ConfigError} For options that do not exist or cannot be meant, and fewer or other numbers.
 * @example
 * testMean(drops, { alternative: "greater" }); // { mean, low, high, t, degrees, p }
 */
export function testMean(values: readonly number[], options: TestMeanOptions = {}): TestedMean {
  checkOptions("testMean", options, ["alternative", "against", "level"]);
  const { alternative = "greater", against = 0, level = 0.95 } = options;
  const n = values.length;
  const problem = !alternatives.includes(alternative)
    ? `alternative must be one of ${alternatives.join(", ")}, got "${alternative}"`
    : !(level > 0 && level < 1) || !Number.isFinite(against)
      ? `level must lie between 0 and 1 and against be a number, got ${level} and ${against}`
      : n < 2 || !values.every(Number.isFinite)
        ? `two or more finite numbers are needed, got ${n} numbers`
        : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `testMean: ${problem}` });
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const error = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) / n);
  const degrees = n - 1;
  const away = mean - against;
  const half = error * quantile((t) => studentTail(t, degrees), (1 - level) / 2);
  const about = { mean, low: mean - half, high: mean + half, degrees };
  if (!(error > 1e-15 * Math.max(1, Math.abs(mean)))) {
    const isThere = alternative === "greater" ? away > 0 : alternative === "less" ? away < 0 : away !== 0;
    return { ...about, t: Number.NaN, p: isThere ? 0 : 1 };
  }
  const t = away / error;
  const p = {
    greater: studentTail(t, degrees),
    less: studentTail(-t, degrees),
    "two-sided": 2 * studentTail(Math.abs(t), degrees),
  }[alternative];
  return { ...about, t, p };
}

/** Settings of `testMeans`. */
export interface TestMeansOptions extends TestMeanOptions {
  /** For the number of groups. @default "bh" */
  readonly adjustment?: Adjustment;
}

/**
 * A t test for each group of numbers, such as the drops of each emotion over seeds, with p adjusted for their number.
 *
 * @throws As `testMean` and `adjustP`, with the group's name.
 * @example
 * testMeans({ joy: [0.02, 0.05, 0.01], fear: [0.04, 0.06, 0.05] }).joy.q;
 */
export function testMeans<Name extends string>(
  groups: Readonly<Record<Name, readonly number[]>>,
  options: TestMeansOptions = {},
): Readonly<Record<Name, TestedMean & { readonly q: number }>> {
  const { adjustment = "bh", ...rest } = options;
  checkOptions("testMeans", options, ["alternative", "against", "level", "adjustment"]);
  const tested = Object.entries<readonly number[]>(groups).map(([name, values]) => {
    try {
      return [name, testMean(values, rest)] as const;
    } catch (cause) {
      throw new ConfigError({ message: `testMeans: "${name}": ${(cause as Error).message}`, group: name, cause });
    }
  });
  const q = adjustP(
    tested.map(([, { p }]) => p),
    adjustment,
  );
  return Object.fromEntries(tested.map(([name, test], i) => [name, { ...test, q: q[i]! }])) as never;
}

/** Settings of `measureCorrespondence`. */
export interface MeasureCorrespondenceOptions {
  /** Random orders of the attributes. @default 1000 */
  readonly permutations?: number;
  readonly random: Random;
}

/** Whether what hurts is what counts: by condition and over all. */
export interface Correspondence {
  /** Pearson's correlation of each condition's drops with the weights, over the attributes. */
  readonly byCondition: Readonly<Record<string, number>>;
  /** Of the Fisher-transformed correlations, turned back: mean, interval, and the t test over conditions of its being above 0. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly t: number;
  readonly degrees: number;
  readonly p: number;
  /** Share of orders of the attributes' weights, this one among them, with so great a mean: conditions share the attributes, so this is what holds. */
  readonly pByAttributes: number;
}

/**
 * Correlates, condition by condition, how much each attribute's neurons matter with how much the attribute counts for people.
 *
 * The t test over conditions is what studies report; it takes them as independent, though all share the same attributes. Permuting the attributes does not.
 *
 * @param drops - By condition and attribute.
 * @param weights - By attribute: three or more.
 * @throws {ConfigError} For options that do not exist or cannot be meant, fewer than two conditions or three attributes, an attribute without a weight, and weights or
 *   drops that are the same for all attributes.
 * @see Li et al. 2024, arXiv:2302.09582 (the test over emotions).
 */
export function measureCorrespondence(
  drops: Readonly<Record<string, Readonly<Record<string, number>>>>,
  weights: Readonly<Record<string, number>>,
  options: MeasureCorrespondenceOptions,
): Correspondence {
  checkOptions("measureCorrespondence", options, ["permutations", "random"]);
  const { permutations = 1000, random } = options;
  const names = Object.keys(weights);
  const rows = Object.entries(drops);
  const missing = rows.flatMap(([condition, row]) =>
    [...new Set([...names, ...Object.keys(row)])].flatMap((name) =>
      Number.isFinite(row[name]) && Number.isFinite(weights[name]) ? [] : [`${name} of ${condition}`],
    ),
  );
  const problem =
    names.length < 3 || rows.length < 2
      ? `three attributes and two conditions are needed, got ${names.length} and ${rows.length}`
      : !Number.isSafeInteger(permutations) || permutations < 1
        ? `permutations must be an integer from 1, got ${permutations}`
        : missing.length > 0
          ? `each drop needs a weight, and each weight a drop: ${missing.slice(0, 6).join(", ")}`
          : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `measureCorrespondence: ${problem}` });
  const weight = standardised(
    names.map((name) => weights[name]!),
    "the weights",
  );
  const standard = rows.map(([condition, row]) =>
    standardised(
      names.map((name) => row[name]!),
      `the drops of "${condition}"`,
    ),
  );
  const correlations = (order: ArrayLike<number>): number[] =>
    standard.map((row) => row.reduce((sum, value, i) => sum + value * weight[order[i]!]!, 0));
  const fisher = (list: readonly number[]): number[] =>
    list.map((r) => Math.atanh(Math.max(-CLOSE, Math.min(CLOSE, r))));
  const meanOf = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const own = correlations(names.map((_, i) => i));
  const { mean, low, high, t, degrees, p } = testMean(fisher(own));
  let reached = 0;
  for (let i = 0; i < permutations; i++)
    if (meanOf(fisher(correlations(random.at(i).permutation(names.length)))) >= mean - 1e-12) reached += 1;
  return {
    byCondition: Object.fromEntries(rows.map(([condition], i) => [condition, own[i]!])),
    mean: Math.tanh(mean),
    low: Math.tanh(low),
    high: Math.tanh(high),
    t,
    degrees,
    p,
    pByAttributes: (1 + reached) / (1 + permutations),
  };
}

/** A correlation of 1 has no Fisher transform. */
const CLOSE = 1 - 1e-12;

/** Numbers of mean 0 and length 1. */
function standardised(values: readonly number[], what: string): readonly number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const length = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  if (length > 1e-12) return values.map((value) => (value - mean) / length);
  throw new ConfigError({ message: `measureCorrespondence: ${what} are the same for all attributes` });
}
