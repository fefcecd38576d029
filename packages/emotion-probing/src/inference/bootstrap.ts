import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";
import { compareRdms, FEWEST_PAIRS, knownPairs } from "../compare/compare-rdms.ts";
import type { Similarity } from "../compare/methods.ts";
import { checkSameConditions, numberedConditions, pickPairs, type Rdm } from "../rdm/rdm.ts";

/** Settings of `bootstrapSimilarity`. */
export interface BootstrapSimilarityOptions {
  /** See `compareRdms`. @default "spearman" */
  readonly method?: Similarity;
  /** What is drawn with replacement: what is to be generalised to. @default "conditions" for one subject, else "both" */
  readonly over?: "conditions" | "subjects" | "both";
  /** @default 1000 */
  readonly resamples?: number;
  /** Share of intervals that are to hold the true value. @default 0.95 */
  readonly level?: number;
  readonly random: Random;
}

/** One model's similarity with its interval. */
export interface BootstrappedSimilarity {
  /** Mean over subjects. */
  readonly similarity: number;
  /** Percentiles over the resamples. */
  readonly low: number;
  readonly high: number;
}

/** Two models compared. */
export interface ModelDifference {
  readonly models: readonly [first: number, second: number];
  /** Similarity of the first less that of the second. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided: twice the smaller share of resamples on one side of 0, as `(1 + b) / (1 + B)`. */
  readonly p: number;
}

/** Similarities of models and their differences, each with an interval. */
export interface BootstrapResult {
  /** In the order of the models. */
  readonly models: readonly BootstrappedSimilarity[];
  readonly differences: readonly ModelDifference[];
  /** Resamples that counted: those of fewer than three different conditions or known pairs, or with a constant RDM, do not. */
  readonly resamples: number;
}

/**
 * Intervals for how well models fit subjects' RDMs, and tests of their differences, by drawing conditions, subjects or both
 * anew with replacement.
 *
 * A condition that is drawn twice has no distance to itself: such pairs are left out, never counted as zeros.
 *
 * @param subjects - The data, at least one RDM. @param models - RDMs of the same conditions in the same order.
 * @throws {ConfigError} For options that do not exist or cannot be meant; `subjects` or `both` with a single subject; when
 *   most resamples have no similarity.
 * @see Schütt et al. 2023, Statistical inference on representational geometries, doi:10.7554/eLife.82566.
 */
export function bootstrapSimilarity(
  subjects: readonly Rdm[],
  models: readonly Rdm[],
  options: BootstrapSimilarityOptions,
): BootstrapResult {
  checkOptions("bootstrapSimilarity", options, ["method", "over", "resamples", "level", "random"]);
  const { method = "spearman", resamples = 1000, level = 0.95, random } = options;
  const { over = subjects.length > 1 ? "both" : "conditions" } = options;
  checkSameConditions("bootstrapSimilarity", [...subjects, ...models]);
  checkSettings(subjects, { over, resamples, level });
  const count = subjects[0]!.conditions.length;
  const scores = (rows: readonly Rdm[], by: readonly Rdm[]): number[] =>
    by.map((model) => mean(rows.map((row) => compareRdms(row, model, { method }))));
  const hasEnough = (rows: readonly Rdm[], by: readonly Rdm[]): boolean =>
    rows.every((row) => by.every((model) => knownPairs([row.values, model.values]).length >= FEWEST_PAIRS));
  const drawn: number[][] = [];
  for (let i = 0; i < resamples; i++) {
    const key = random.at(i);
    const places = over === "subjects" ? undefined : key.at("conditions").integers(count, count);
    if (places !== undefined && new Set(places).size < 3) continue;
    const rows =
      over === "conditions"
        ? subjects
        : Array.from(key.at("subjects").integers(subjects.length, subjects.length), (s) => subjects[s]!);
    const pick = (rdm: Rdm): Rdm =>
      places === undefined
        ? rdm
        : { ...rdm, conditions: numberedConditions(count), values: pickPairs(rdm.values, count, places) };
    const [data, drawnModels] = [rows.map(pick), models.map(pick)];
    if (!hasEnough(data, drawnModels)) continue;
    const values = scores(data, drawnModels);
    if (!values.some(Number.isNaN)) drawn.push(values);
  }
  if (drawn.length < resamples / 2) {
    throw new ConfigError({
      message: `bootstrapSimilarity: only ${drawn.length} of ${resamples} resamples have similarities; are there too few conditions, or a constant RDM?`,
    });
  }
  const observed = scores(subjects, models);
  const intervalOf = (values: Float64Array): { readonly low: number; readonly high: number } => {
    const sorted = values.slice().sort();
    return { low: percentile(sorted, (1 - level) / 2), high: percentile(sorted, (1 + level) / 2) };
  };
  const differences = models.flatMap((_, a) =>
    models.slice(a + 1).map((_, offset): ModelDifference => {
      const b = a + 1 + offset;
      const values = Float64Array.from(drawn, (row) => row[a]! - row[b]!);
      const below = values.filter((value) => value <= 0).length;
      const above = values.filter((value) => value >= 0).length;
      const p = Math.min(1, (2 * (1 + Math.min(below, above))) / (1 + values.length));
      return { models: [a, b], difference: observed[a]! - observed[b]!, ...intervalOf(values), p };
    }),
  );
  return {
    models: observed.map((similarity, m) => ({
      similarity,
      ...intervalOf(Float64Array.from(drawn, (row) => row[m]!)),
    })),
    differences,
    resamples: drawn.length,
  };
}

function checkSettings(
  subjects: readonly Rdm[],
  { over, resamples, level }: { readonly over: string; readonly resamples: number; readonly level: number },
): void {
  const problem = !["conditions", "subjects", "both"].includes(over)
    ? `over must be "conditions", "subjects" or "both", got "${over}"`
    : subjects.length === 0
      ? "at least one subject is needed"
      : over !== "conditions" && subjects.length < 2
        ? `over "${over}" needs at least two subjects, got ${subjects.length}`
        : !Number.isSafeInteger(resamples) || resamples < 1
          ? `resamples must be an integer from 1, got ${resamples}`
          : level > 0 && level < 1
            ? undefined
            : `level must lie between 0 and 1, got ${level}`;
  if (problem !== undefined) throw new ConfigError({ message: `bootstrapSimilarity: ${problem}` });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The value below which a share of sorted values lies, on a straight line between neighbours. */
function percentile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const [from, to] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return from + (place - below) * (to - from);
}
