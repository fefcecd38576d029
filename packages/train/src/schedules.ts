import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";

/** A learning rate by step. Steps count from 1, as in the events of `train`. Pure. */
export type Schedule = (step: number) => number;

/** How a rate begins. */
export interface WarmUpOptions {
  /** Steps over which the rate climbs from 0 to its peak; the last of them has the peak. @default 0 */
  readonly warmUp?: number;
}

/** How a rate begins and ends. */
export interface DecayOptions extends WarmUpOptions {
  /** The step that comes last. One step later the rate would be `end`. */
  readonly steps: number;
  /** The rate after the last step. @default 0 */
  readonly end?: number;
}

const count = z.int().nonnegative();
const rate = z.number().nonnegative();
const warmUpSchema = z.strictObject({ warmUp: count.exactOptional() });
const decaySchema = z.strictObject({
  warmUp: count.exactOptional(),
  steps: count.positive(),
  end: rate.exactOptional(),
});

function climb(peak: number, warmUp: number, step: number): number {
  return (peak * step) / warmUp;
}

/** A rate that falls from `peak` to `end` along `shape`, which runs from 1 to 0. */
function decay(caller: string, peak: number, options: DecayOptions, shape: (remaining: number) => number): Schedule {
  const { warmUp = 0, steps, end = 0 } = parseConfig(caller, decaySchema, options);
  if (warmUp > steps) {
    throw new ConfigError({
      message: `${caller}: a warm-up of ${warmUp} steps does not fit into ${steps}`,
      warmUp,
      steps,
    });
  }
  const first = Math.max(warmUp, 1);
  return (step) => {
    if (step < warmUp) return climb(peak, warmUp, step);
    const remaining = Math.min(1, Math.max(0, (steps + 1 - step) / (steps + 1 - first)));
    return end + (peak - end) * shape(remaining);
  };
}

/**
 * The same rate at every step after the warm-up.
 *
 * @param rate - The rate, at least 0.
 * @throws {ConfigError} When the options are wrong.
 * @example
 * adamW({ learningRate: constant(1e-3, { warmUp: 100 }) });
 */
export function constant(rate: number, options: WarmUpOptions = {}): Schedule {
  const { warmUp = 0 } = parseConfig("constant", warmUpSchema, options);
  return (step) => (step < warmUp ? climb(rate, warmUp, step) : rate);
}

/**
 * A straight climb to `peak`, then a straight fall that reaches `end` one step after the last: no step has rate 0.
 *
 * @param peak - The highest rate, at least 0.
 * @throws {ConfigError} When the options are wrong.
 * @example
 * adamW({ learningRate: linear(1e-3, { warmUp: 100, steps: 1000 }) });
 */
export function linear(peak: number, options: DecayOptions): Schedule {
  return decay("linear", peak, options, (remaining) => remaining);
}

/**
 * A straight climb to `peak`, then half a period of a cosine that reaches `end` one step after the last.
 *
 * @param peak - The highest rate, at least 0.
 * @throws {ConfigError} When the options are wrong.
 * @see Loshchilov & Hutter 2017, SGDR: Stochastic Gradient Descent with Warm Restarts, arXiv:1608.03983, equation 5.
 * @example
 * adamW({ learningRate: cosine(1e-3, { warmUp: 100, steps: 1000 }) });
 */
export function cosine(peak: number, options: DecayOptions): Schedule {
  return decay("cosine", peak, options, (remaining) => (1 - Math.cos(Math.PI * remaining)) / 2);
}

/** A plain number is a constant schedule. */
export function toSchedule(learningRate: number | Schedule): Schedule {
  return typeof learningRate === "number" ? constant(learningRate) : learningRate;
}

/**
 * The rate of a step.
 *
 * @param caller - Function to name in the message.
 * @throws {ConfigError} When the schedule gives no finite rate of at least 0.
 */
export function rateAt(caller: string, schedule: Schedule, step: number): number {
  const value = schedule(step);
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw new ConfigError({
      message: `${caller}: the schedule gives a learning rate of ${value} at step ${step}; it must be finite and at least 0`,
      step,
      learningRate: value,
    });
  }
  return value;
}
