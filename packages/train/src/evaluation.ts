import { ConfigError, nearest } from "@cambium/base";
import { cloneParameters, type Parameters } from "@cambium/core";
import type { Progress } from "./progress.ts";
import { disposeTrees } from "./tensors.ts";

/** Numbers by name, such as `{ loss: 0.31, accuracy: 0.9 }`. */
export type Metrics = Readonly<Record<string, number>>;

/** Which evaluation counts as the best. */
export interface BestOptions {
  /** A key of the metrics that `run` returns. */
  readonly metric: string;
  readonly direction: "highest" | "lowest";
}

/** When and how a run is evaluated. */
export interface EvaluationOptions {
  /** Steps from one evaluation to the next. There is one more after the last step. */
  readonly every: number;
  /**
   * Measures a point. It must not dispose of the parameters or of the objective's state, and must not need randomness that
   * varies between runs. A checkpoint does not know what it measures: with `best`, a resumed run must measure the same.
   */
  readonly run: (parameters: Parameters, state: Parameters) => Metrics | Promise<Metrics>;
  /** Keeps the parameters of the best evaluation: the `end` event carries them. @default the last parameters */
  readonly best?: BestOptions;
  /** Evaluations in a row without a better one after which the run ends; needs `best`. @default never */
  readonly patience?: number;
}

/** Whether the run has waited long enough for a better evaluation. */
export function isPatienceOver({ evaluationsSinceBest }: Progress, options: EvaluationOptions | undefined): boolean {
  return options?.patience !== undefined && evaluationsSinceBest >= options.patience;
}

/**
 * The progress after an evaluation, which may be the best so far. A metric that is not finite never is.
 *
 * @throws {ConfigError} When the metric to compare is not among those measured.
 */
export function judge(progress: Progress, metrics: Metrics, { metric, direction }: BestOptions): Progress {
  const value = metrics[metric];
  if (value === undefined) {
    const names = Object.keys(metrics);
    const guess = nearest(metric, names);
    throw new ConfigError({
      message: `train: evaluate.best names the metric "${metric}", but evaluate.run returned ${names.join(", ") || "none"}${guess === undefined ? "" : `; did you mean "${guess}"?`}`,
      metric,
    });
  }
  const { best, parameters, state, step, evaluationsSinceBest } = progress;
  const isBetter =
    Number.isFinite(value) &&
    (best === undefined || (direction === "highest" ? value > best.value : value < best.value));
  if (!isBetter) return { ...progress, evaluationsSinceBest: evaluationsSinceBest + 1 };
  disposeTrees(best);
  const point = { parameters: cloneParameters(parameters), state: cloneParameters(state) };
  return { ...progress, best: { step, value, ...point }, evaluationsSinceBest: 0 };
}
