/**
 * How two lists of distances are compared. A method first changes a list alone (`change`), which permutations of conditions
 * leave as it is but for its order, and then scores two changed lists; so tests rank once and not at every permutation.
 */
import { ConfigError, nearest } from "@cambium/base";
import { ranksOf } from "../rdm/ranks.ts";
import { kendallWith, tauA, tauB } from "./kendall.ts";
import { whitenSome } from "./whitening.ts";

/** How alike two RDMs are; see `compareRdms`. */
export type Similarity =
  | "pearson"
  | "spearman"
  | "rho-a"
  | "tau-a"
  | "tau-b"
  | "cosine"
  | "whitened-cosine"
  | "whitened-correlation";

/** What a whitened method needs to know of the pairs. */
export interface Pairs {
  /** Number of conditions. */
  readonly count: number;
  /** Places of the pairs that are known, ascending. */
  readonly kept: Uint32Array;
}

export interface Method {
  /** The list as it is compared. */
  change(values: Float64Array): Float64Array;
  /** A score with a list that stays the same. */
  scorer(changed: Float64Array, pairs: Pairs): (other: Float64Array) => number;
}

function centre(values: Float64Array): Float64Array {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  // A constant list is exactly zero, so that it has no correlation rather than one of rounding errors.
  return values.every((value) => value === values[0])
    ? new Float64Array(values.length)
    : values.map((value) => value - mean);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

const clamp = (value: number): number => Math.min(1, Math.max(-1, value));

const identity = (values: Float64Array): Float64Array => values;

/** The cosine with a list whose length is found once. */
function cosineWith(fixed: Float64Array): (other: Float64Array) => number {
  const length = Math.sqrt(dot(fixed, fixed));
  return (other) => clamp(dot(fixed, other) / (length * Math.sqrt(dot(other, other))));
}

function whitened(fixed: Float64Array, { count, kept }: Pairs): (other: Float64Array) => number {
  const solve = whitenSome(new Float64Array((count * (count - 1)) / 2), count, kept);
  const turned = solve(fixed);
  const length = Math.sqrt(dot(fixed, turned));
  return (other) => clamp(dot(turned, other) / (length * Math.sqrt(dot(other, solve(other)))));
}

/** Every method by its name. */
export const methods: Readonly<Record<Similarity, Method>> = {
  pearson: { change: centre, scorer: cosineWith },
  spearman: { change: (values) => centre(ranksOf(values)), scorer: cosineWith },
  "rho-a": {
    change: (values) => centre(ranksOf(values)),
    scorer: (fixed) => {
      const n = fixed.length;
      return (other) => (12 * dot(fixed, other)) / (n ** 3 - n);
    },
  },
  "tau-a": {
    change: identity,
    scorer: (fixed) => {
      const counts = kendallWith(fixed);
      return (other) => tauA(counts(other));
    },
  },
  "tau-b": {
    change: identity,
    scorer: (fixed) => {
      const counts = kendallWith(fixed);
      return (other) => tauB(counts(other));
    },
  },
  cosine: { change: identity, scorer: cosineWith },
  "whitened-cosine": { change: identity, scorer: whitened },
  "whitened-correlation": { change: centre, scorer: whitened },
};

/** A method by its name. */
export function methodOf(caller: string, name: Similarity): Method {
  if (Object.hasOwn(methods, name)) return methods[name];
  const near = nearest(name, Object.keys(methods));
  throw new ConfigError({
    message: `${caller}: there is no method "${name}"; ${near === undefined ? `choose one of ${Object.keys(methods).join(", ")}` : `is "${near}" meant?`}`,
    method: name,
  });
}
