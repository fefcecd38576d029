import { ConfigError, checkOptions } from "@cambium/base";
import { compareRdms } from "../compare/compare-rdms.ts";
import type { Similarity } from "../compare/methods.ts";
import { whiten } from "../compare/whitening.ts";
import { ranksOf } from "../rdm/ranks.ts";
import { checkSameConditions, meanRdmValues, type Rdm } from "../rdm/rdm.ts";

/** Settings of `measureNoiseCeiling`. */
export interface MeasureNoiseCeilingOptions {
  /** See `compareRdms`. @default "spearman" */
  readonly method?: Similarity;
}

/** How well the best model could do, given how much subjects differ. */
export interface NoiseCeiling {
  /** Mean similarity of every subject with the mean of the others: what a true model reaches, or a little less. */
  readonly lower: number;
  /** Mean similarity of every subject with the mean of all: what no model exceeds, or hardly. */
  readonly upper: number;
}

/** What a subject's RDM becomes before the mean is taken: what the method does not see must not weigh in it. */
function transform(method: Similarity, { values, conditions }: Rdm): Float64Array {
  switch (method) {
    case "cosine":
      return scaled(values, rootMeanSquare(values));
    case "pearson": {
      const centred = minusMean(values);
      return scaled(centred, rootMeanSquare(centred));
    }
    case "whitened-cosine":
      return scaled(values, whitenedLength(values, conditions.length));
    case "whitened-correlation": {
      const centred = minusMean(values);
      return scaled(centred, whitenedLength(centred, conditions.length));
    }
    default:
      return ranksOf(values);
  }
}

const scaled = (values: Float64Array, length: number): Float64Array => values.map((value) => value / length);

function mean(values: Float64Array): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

function minusMean(values: Float64Array): Float64Array {
  const middle = mean(values);
  return values.map((value) => value - middle);
}

const rootMeanSquare = (values: Float64Array): number => Math.sqrt(mean(values.map((value) => value * value)));

function whitenedLength(values: Float64Array, count: number): number {
  if (values.some(Number.isNaN)) {
    throw new ConfigError({
      message:
        "measureNoiseCeiling: whitened methods need every pair of every subject; fill in unknown ones, or choose another method",
    });
  }
  const turned = whiten(values, count);
  return Math.sqrt(values.reduce((sum, value, i) => sum + value * turned[i]!, 0));
}

/**
 * The noise ceiling of subjects' RDMs: how similar to each of them a model can be at most.
 *
 * Subjects' RDMs are first transformed as the method sees them (ranks, z values, unit length) and then averaged. For tau
 * and rho-a ranks are averaged too, which is the exact best for Spearman's and rho-a and a close one for tau.
 *
 * @param subjects - At least two RDMs of the same conditions in the same order; pairs may be unknown.
 * @throws {ConfigError} For fewer than two subjects, an unknown method, or a subject whose RDM, or that of the others together, is constant. @throws {ShapeError} When the conditions differ.
 * @see Nili et al. 2014, A toolbox for representational similarity analysis, doi:10.1371/journal.pcbi.1003553, "Estimating
 *      the noise ceiling".
 * @example
 * const { lower, upper } = measureNoiseCeiling(raters, { method: "spearman" });
 */
export function measureNoiseCeiling(subjects: readonly Rdm[], options: MeasureNoiseCeilingOptions = {}): NoiseCeiling {
  checkOptions("measureNoiseCeiling", options, ["method"]);
  const { method = "spearman" } = options;
  if (subjects.length < 2) {
    throw new ConfigError({ message: `measureNoiseCeiling: at least two subjects are needed, got ${subjects.length}` });
  }
  checkSameConditions("measureNoiseCeiling", subjects);
  const transformed = subjects.map((subject) => ({ ...subject, values: transform(method, subject) }));
  const pooled = (rdms: readonly Rdm[]): Rdm => ({ ...rdms[0]!, values: meanRdmValues(rdms) });
  const whole = pooled(transformed);
  const similarities = subjects.map((subject, s) => [
    compareRdms(pooled(transformed.filter((_, other) => other !== s)), subject, { method }),
    compareRdms(whole, subject, { method }),
  ]);
  const constant = similarities.findIndex((pair) => pair.some(Number.isNaN));
  if (constant >= 0)
    throw new ConfigError({
      message: `measureNoiseCeiling: subject ${constant} has no similarity with the mean of the others: one of the two is constant`,
      index: constant,
    });
  const meanOf = (which: 0 | 1): number => similarities.reduce((sum, pair) => sum + pair[which]!, 0) / subjects.length;
  return { lower: meanOf(0), upper: meanOf(1) };
}
