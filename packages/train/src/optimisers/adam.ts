import { parseConfig } from "@cambium/base";
import { adamStep } from "@cambium/core";
import * as z from "zod";
import { type Schedule, toSchedule } from "../schedules.ts";
import { groupsSchema, type ParameterGroup } from "./groups.ts";
import type { Optimiser } from "./optimiser.ts";
import { createOptimiser, type Rule } from "./rule.ts";
import { fractionSchema, learningRateSchema } from "./settings.ts";

/** Settings of Adam. */
export interface AdamOptions {
  /** A number, or a schedule such as `cosine(1e-3, { steps })`. */
  readonly learningRate: number | Schedule;
  /** Decay of the mean gradient, at least 0 and less than 1. @default 0.9 */
  readonly beta1?: number;
  /** Decay of the mean squared gradient, at least 0 and less than 1. @default 0.999 */
  readonly beta2?: number;
  /** Added to the root of the second moment, more than 0. @default 1e-8 */
  readonly epsilon?: number;
  /** Whether the moments are corrected for beginning at zero. @default true */
  readonly biasCorrection?: boolean;
  /** Parameters with their own settings; the first match counts. @default [] */
  readonly groups?: readonly ParameterGroup[];
}

/** Settings of AdamW. */
export interface AdamWOptions extends AdamOptions {
  /** Share of a parameter that is taken off per unit of learning rate, except from norms, biases and scales. @default 0.01 */
  readonly weightDecay?: number;
}

const schema = z.strictObject({
  learningRate: learningRateSchema,
  beta1: fractionSchema.exactOptional(),
  beta2: fractionSchema.exactOptional(),
  epsilon: z.number().positive().exactOptional(),
  biasCorrection: z.boolean().exactOptional(),
  groups: groupsSchema.exactOptional(),
  weightDecay: z.number().nonnegative().exactOptional(),
});

/**
 * The rule of AdamW, with moments kept divided by `1 − β`: `M = m / (1 − β₁)` and `V = v / (1 − β₂)`, so that each takes
 * one multiplication less. All corrections are folded into two scalars, `rate` and `epsilon`:
 * `θ ← decay · θ − rate · M / (√V + epsilon)`.
 */
function createRule(
  kind: string,
  options: AdamWOptions,
): Rule<"firstMoment" | "secondMoment", "beta1" | "beta2" | "rate" | "epsilon" | "decay"> {
  const parsed = parseConfig(kind, schema, options);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, biasCorrection = true, groups = [], weightDecay = 0.01 } = parsed;
  return {
    kind,
    config: { beta1, beta2, epsilon, biasCorrection },
    learningRate: toSchedule(parsed.learningRate),
    groups,
    weightDecay,
    donates: true,
    slots: (shape) => ({ firstMoment: shape, secondMoment: shape }),
    scalars(step, learningRate, decay) {
      const correction1 = biasCorrection ? 1 - beta1 ** step : 1;
      const correction2 = biasCorrection ? 1 - beta2 ** step : 1;
      const root = Math.sqrt((1 - beta2) / correction2);
      return {
        beta1,
        beta2,
        rate: (learningRate * (1 - beta1)) / (correction1 * root),
        epsilon: epsilon / root,
        decay: 1 - learningRate * decay,
      };
    },
    update(parameter, gradient, slots, scalars, { donate }) {
      const [firstMoment, secondMoment] = [slots.firstMoment!, slots.secondMoment!];
      const after = adamStep({ parameter, gradient, firstMoment, secondMoment, ...scalars }, { donate });
      return {
        parameter: after.parameter,
        slots: { firstMoment: after.firstMoment, secondMoment: after.secondMoment },
      };
    },
  };
}

/**
 * AdamW: Adam with weight decay apart from the gradient.
 *
 * `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `θ ← (1 − ηλ)θ − η m̂ / (√v̂ + ε)`. Its state holds `m / (1−β₁)` as
 * `firstMoment/<name>` and `v / (1−β₂)` as `secondMoment/<name>`.
 *
 * @throws {ConfigError} When an option is unknown or out of range.
 * @see Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, arXiv:1711.05101, algorithm 2. The decay is
 *      multiplied by the learning rate and is 0.01 by default, as in PyTorch.
 * @example
 * adamW({ learningRate: 1e-3, groups: [{ match: /^head\//, learningRateFactor: 10 }] });
 */
export function adamW(options: AdamWOptions): Optimiser {
  return createOptimiser(createRule("adamW", options));
}

/**
 * Adam: `adamW` without weight decay, except in groups that ask for it.
 *
 * @throws {ConfigError} When an option is unknown or out of range.
 * @see Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, arXiv:1412.6980, algorithm 1.
 * @example
 * adam({ learningRate: linear(1e-3, { warmUp: 100, steps: 1000 }) });
 */
export function adam(options: AdamOptions): Optimiser {
  return createOptimiser(createRule("adam", { ...options, weightDecay: 0 }));
}
