import { ConfigError, checkOptions } from "@cambium/base";
import { checkSameConditions, type Rdm } from "../rdm/rdm.ts";
import { methodOf, type Similarity } from "./methods.ts";
import { residuals } from "./partial.ts";

/** Settings of `compareRdms`. */
export interface CompareRdmsOptions {
  /**
   * `pearson`, `spearman` (the mean of the ranks of equal values), `rho-a` (Spearman's with ties broken at random, on
   * average), `tau-a` (all pairs of pairs), `tau-b` (corrected for ties), `cosine`, and `whitened-cosine` and
   * `whitened-correlation`, which allow for pairs that share a condition. rho-a and tau-a are to be chosen where models
   * predict equal distances: they do not favour those. @default "spearman"
   */
  readonly method?: Similarity;
  /** RDMs whose part is taken out first by least squares, from ranks where the method ranks. For pearson and spearman. @default none */
  readonly given?: readonly Rdm[];
  /** Whether the part of `given` is taken out of both (partial) or of the second only (semi-partial). @default "both" */
  readonly outOf?: "both" | "second";
}

/** Places at which every list has a number. */
export function knownPairs(lists: readonly Float64Array[]): Uint32Array {
  const length = lists[0]!.length;
  const places: number[] = [];
  for (let i = 0; i < length; i++) if (lists.every((list) => !Number.isNaN(list[i]!))) places.push(i);
  return Uint32Array.from(places);
}

/** The values at some places. */
export const at = (values: Float64Array, places: Uint32Array): Float64Array =>
  places.length === values.length ? values : Float64Array.from(places, (place) => values[place]!);

/** Of fewer pairs nothing can be said. */
export const FEWEST_PAIRS = 3;

/** Throws unless three pairs at least are known. */
export function checkKnown(caller: string, count: number): void {
  if (count >= FEWEST_PAIRS) return;
  throw new ConfigError({ message: `${caller}: only ${count} pairs are known to all RDMs; at least three are needed` });
}

/**
 * How alike two RDMs are, −1 to 1. Pairs that one of them does not know (NaN) are left out.
 *
 * @returns NaN where one of the two is constant (by the cosines: zero), so that there is no such number; 0 by rho-a and tau-a, which count ties as no agreement.
 * @throws {ConfigError} For an unknown method or option, or fewer than three known pairs.
 * @throws {ShapeError} When the conditions differ, or their order.
 * @see Nili et al. 2014, A toolbox for representational similarity analysis, doi:10.1371/journal.pcbi.1003553.
 *      Schütt et al. 2023, Statistical inference on representational geometries, doi:10.7554/eLife.82566 (rho-a).
 * @example
 * compareRdms(modelRdm, humanRdm, { method: "rho-a" });
 * compareRdms(modelRdm, humanRdm, { given: [valenceRdm] }); // partial Spearman
 */
export function compareRdms(a: Rdm, b: Rdm, options: CompareRdmsOptions = {}): number {
  checkOptions("compareRdms", options, ["method", "given", "outOf"]);
  const { method = "spearman", given = [], outOf } = options;
  const { change, scorer } = methodOf("compareRdms", method);
  checkSameConditions("compareRdms", [a, b, ...given]);
  checkGiven(method, given, outOf);
  const kept = knownPairs([a, b, ...given].map(({ values }) => values));
  checkKnown("compareRdms", kept.length);
  const [first, second, ...covariates] = [a, b, ...given].map(({ values }) => change(at(values, kept)));
  const left = outOf === "second" || given.length === 0 ? first! : residuals(first!, covariates);
  const right = given.length === 0 ? second! : residuals(second!, covariates);
  return scorer(left, { count: a.conditions.length, kept })(right);
}

function checkGiven(method: Similarity, given: readonly Rdm[], outOf: string | undefined): void {
  if (outOf !== undefined && outOf !== "both" && outOf !== "second") {
    throw new ConfigError({ message: `compareRdms: outOf must be "both" or "second", got "${outOf}"`, outOf });
  }
  if (given.length === 0) {
    if (outOf === undefined) return;
    throw new ConfigError({
      message: "compareRdms: outOf says what the part of given is taken out of, and given is empty",
    });
  }
  if (method === "pearson" || method === "spearman") return;
  throw new ConfigError({
    message: `compareRdms: given is for pearson and spearman, got the method "${method}"`,
    method,
  });
}
