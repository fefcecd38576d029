import type { JsonObject } from "@cambium/base";
import type { Cell, Filter } from "./grid.ts";

/** A run of the grid that has a result. */
export interface FinishedRun {
  readonly cell: Cell;
  readonly result: JsonObject;
}

/** A number computed from several runs, where a mean does not say what is claimed. */
export interface Statistic {
  /** Changed by the author whenever `compute` is: the plan holds it in place of the code. */
  readonly version: string;
  /** The number, from all runs of one unit. */
  readonly compute: (runs: readonly FinishedRun[]) => number;
}

/**
 * A claim and its criterion, stated before the runs.
 *
 * Each unit of `over` gives one number: the mean of the metric over the runs of `where`, less that over the runs of
 * `minus`. The claim holds when the whole interval of the mean of these numbers meets the criterion.
 */
export interface ClaimOptions {
  /** What is claimed, in a sentence. */
  readonly claim: string;
  readonly metric: string;
  /** The runs that are measured. @default all */
  readonly where?: Filter;
  /** The runs to compare with, unit by unit. @default none */
  readonly minus?: Filter;
  /** In place of the mean over the runs of `where`; not together with `minus`. */
  readonly statistic?: Statistic;
  /** Factors whose combinations are the units that the interval is over. @default the study's `replicate` */
  readonly over?: readonly string[];
  /** The whole interval must be at least this; one of `atLeast` and `atMost` is needed. */
  readonly atLeast?: number;
  /** The whole interval must be at most this. */
  readonly atMost?: number;
  /** Student's t, or percentiles of 10,000 resamples, which are too narrow for fewer than about ten units. @default "t" */
  readonly interval?: "t" | "bootstrap";
  /** Share of such intervals that would hold the true mean. @default 0.95 */
  readonly level?: number;
}

/** A claim with its defaults. */
export interface Claim extends Omit<ClaimOptions, "where" | "over" | "interval" | "level"> {
  readonly where: Filter;
  readonly over: readonly string[];
  readonly interval: "t" | "bootstrap";
  readonly level: number;
}
