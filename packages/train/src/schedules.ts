import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";

/** A learning rate by step. Steps count from 1, as in the events of `train`. Pure. */
export interface Schedule {
  (step: number): number;
  /** The last step that it is meant for. `train` refuses a longer run. @default any number of steps */
  readonly steps?: number;
}

/** How a rate begins. */
export interface WarmUpOptions {
  /** Steps over which the rate climbs from 0 to its peak; the last of them has the peak. @default 0 */
  readonly warmUp?: number;
}

/** How a rate begins and ends. */
export interface DecayOptions extends WarmUpOptions {
  /** The step that comes last: a longer run is refused. One step later the rate would be `end`. */
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
  const rateOf = (step: number): number => {
    if (step < warmUp) return climb(peak, warmUp, step);
    const remaining = Math.min(1, Math.max(0, (steps + 1 - step) / (steps + 1 - first)));
    return end + (peak - end) * shape(remaining);
  };
  return Object.assign(rateOf, { steps });
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

/**
 * Schedules one after the other, each with steps counted from 1. It ends where the last one does.
 *
 * So a finished run is prolonged: the rates of the steps taken stay what they were, and its checkpoint is resumed.
 *
 * @throws {ConfigError} When there is none, or one before the last does not say how many steps it has.
 * @example
 * const first = linear(1e-3, { steps: 1000 });
 * adamW({ learningRate: sequence(first, linear(1e-4, { steps: 500 })) });
 */
export function sequence(...schedules: readonly Schedule[]): Schedule {
  const last = schedules.at(-1);
  const endless = schedules.slice(0, -1).findIndex(({ steps }) => steps === undefined);
  if (last === undefined || endless >= 0) {
    throw new ConfigError({
      message:
        last === undefined
          ? "sequence: give at least one schedule"
          : `sequence: schedule ${endless} has no end, so the next one would never begin; only the last may be endless`,
      endless,
    });
  }
  const rateOf = (step: number): number => {
    let within = step;
    for (const schedule of schedules.slice(0, -1)) {
      if (within <= schedule.steps!) return schedule(within);
      within -= schedule.steps!;
    }
    return last(within);
  };
  if (last.steps === undefined) return rateOf;
  return Object.assign(rateOf, { steps: schedules.reduce((sum, { steps }) => sum + steps!, 0) });
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
