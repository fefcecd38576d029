import { readFileSync } from "node:fs";

type Numbers = readonly number[];

/** What `fixtures/make_golden.py` writes. */
export interface Golden {
  readonly patterns: readonly Numbers[];
  readonly folds: readonly (readonly Numbers[])[];
  readonly residuals: readonly Numbers[];
  readonly rdms: Readonly<Record<"euclidean" | "correlation" | "mahalanobis" | "crossnobis", Numbers>>;
  readonly identityPrecision: readonly Numbers[];
  readonly diagonal: { readonly shrinkage: number; readonly precision: readonly Numbers[] };
  readonly subjects: readonly Numbers[];
  readonly gaps: readonly (readonly (number | null)[])[];
  readonly model: Numbers;
  readonly comparisons: Readonly<Record<string, Numbers>>;
  readonly ceilings: Readonly<Record<string, readonly [lower: number, upper: number]>>;
  readonly withGaps: Readonly<Record<string, number>>;
  readonly partial: Readonly<Record<"both" | "second", number>>;
  readonly nnls: Numbers;
  readonly tauTest: { readonly tau: number; readonly p: number };
  readonly tails: {
    readonly normal: readonly (readonly [z: number, p: number])[];
    readonly student: readonly (readonly [t: number, degrees: number, p: number])[];
    readonly f: readonly (readonly [f: number, above: number, below: number, p: number])[];
  };
}

export const golden: Golden = JSON.parse(readFileSync(new URL("../fixtures/golden.json", import.meta.url), "utf8"));
