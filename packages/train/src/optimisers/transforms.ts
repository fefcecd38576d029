/** The parts that optimisers are usually chained of, with optax's names. */
import { parseConfig } from "@cambium/base";
import { mapParameters } from "@cambium/core";
import { add, div, mul, reshape, sqrt, square } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { clipGradients } from "../clip.ts";
import { type Schedule, toSchedule } from "../schedules.ts";
import { checkGroups, groupsSchema, type ParameterGroup, settingsOf } from "./groups.ts";
import { fractionSchema, learningRateSchema } from "./settings.ts";
import { perParameter, type Transform } from "./transform.ts";

/** Parameters with their own settings. */
export interface GroupedOptions {
  /** The first match counts. @default [] */
  readonly groups?: readonly ParameterGroup[];
}

/** Settings of `scaleByAdam`. */
export interface ScaleByAdamOptions {
  /** Decay of the mean gradient, at least 0 and less than 1. @default 0.9 */
  readonly beta1?: number;
  /** Decay of the mean squared gradient, at least 0 and less than 1. @default 0.999 */
  readonly beta2?: number;
  /** Added to the root of the second moment, more than 0. @default 1e-8 */
  readonly epsilon?: number;
}

/** Settings of `momentum`. */
export interface MomentumOptions {
  /** Whether the gradient is looked up where the velocity leads. @default false */
  readonly nesterov?: boolean;
}

const adamSchema = z.strictObject({
  beta1: fractionSchema.exactOptional(),
  beta2: fractionSchema.exactOptional(),
  epsilon: z.number().positive().exactOptional(),
});
const momentumSchema = z.strictObject({ decay: fractionSchema, nesterov: z.boolean().exactOptional() });
const positiveSchema = z.strictObject({ maximumNorm: z.number().positive() });
const decaySchema = z.strictObject({ weightDecay: z.number().nonnegative(), groups: groupsSchema.exactOptional() });
const rateSchema = z.strictObject({ learningRate: learningRateSchema, groups: groupsSchema.exactOptional() });

/**
 * Scales updates down to a norm of at most `maximumNorm` over all parameters together.
 *
 * @param maximumNorm - More than 0.
 * @throws {ConfigError} When it is not.
 */
export function clipByGlobalNorm(maximumNorm: number): Transform {
  const config = parseConfig("clipByGlobalNorm", positiveSchema, { maximumNorm });
  return {
    kind: "clipByGlobalNorm",
    update: (updates) => ({ updates: clipGradients(updates, config.maximumNorm).gradients }),
    describe: () => ({ ...config }),
  };
}

/**
 * Adam's direction: `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `m̂ / (√v̂ + ε)`.
 *
 * @throws {ConfigError} When an option is unknown or out of range.
 * @see Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, arXiv:1412.6980, algorithm 1.
 */
export function scaleByAdam(options: ScaleByAdamOptions = {}): Transform {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = parseConfig("scaleByAdam", adamSchema, options);
  return perParameter({
    kind: "scaleByAdam",
    config: { beta1, beta2, epsilon },
    slots: ["firstMoment", "secondMoment"],
    scalars: (step) => ({ first: 1 / (1 - beta1 ** step), second: 1 / (1 - beta2 ** step) }),
    update(gradient, { slots, scalars }) {
      const firstMoment = add(mul(slots.firstMoment, beta1), mul(gradient, 1 - beta1));
      const secondMoment = add(mul(slots.secondMoment, beta2), mul(square(gradient), 1 - beta2));
      const root = add(sqrt(mul(secondMoment, scalars.second)), epsilon);
      return { update: div(mul(firstMoment, scalars.first), root), slots: { firstMoment, secondMoment } };
    },
  });
}

/**
 * Adds up updates that fade: `v ← μv + g`, and `v`, or with Nesterov's rule `g + μv`.
 *
 * @param decay - Share of the velocity that is kept, μ, at least 0 and less than 1.
 * @throws {ConfigError} When it is not, or an option is unknown.
 * @see Sutskever et al. 2013, On the importance of initialization and momentum in deep learning, ICML, section 2.
 */
export function momentum(decay: number, options: MomentumOptions = {}): Transform {
  const { nesterov = false } = parseConfig("momentum", momentumSchema, { decay, ...options });
  return perParameter({
    kind: "momentum",
    config: { decay, nesterov },
    slots: ["velocity"],
    update(gradient, { slots }) {
      const velocity = add(mul(slots.velocity, decay), gradient);
      return { update: nesterov ? add(gradient, mul(velocity, decay)) : velocity, slots: { velocity } };
    },
  });
}

/**
 * Adds `weightDecay` times each parameter to its update, except for norms, biases and scales. Before
 * `scaleByLearningRate`, that is AdamW's decoupled decay.
 *
 * @param weightDecay - At least 0.
 * @throws {ConfigError} When it is not, or an option is unknown.
 * @see Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, arXiv:1711.05101, algorithm 2.
 */
export function addDecayedWeights(weightDecay: number, options: GroupedOptions = {}): Transform {
  const { groups = [] } = parseConfig("addDecayedWeights", decaySchema, { weightDecay, ...options });
  return {
    kind: "addDecayedWeights",
    init(parameters) {
      checkGroups("addDecayedWeights", parameters, groups);
      return new Map();
    },
    update(updates, { parameters }) {
      const settings = settingsOf(parameters, groups, weightDecay);
      return {
        updates: mapParameters(updates, (update, name) => {
          const decay = settings.get(name)!.weightDecay;
          return decay === 0 ? update : add(update, mul(parameters.get(name)!, decay));
        }),
      };
    },
    describe: (parameters) => ({
      weightDecay: Object.fromEntries(
        [...settingsOf(parameters, groups, weightDecay)].map(([name, setting]) => [name, setting.weightDecay]),
      ),
    }),
  };
}

/**
 * Multiplies updates by the negative learning rate, so that adding them lowers the loss. Every chain that does not end with
 * an optimiser has one.
 *
 * @param learningRate - A number, or a schedule such as `cosine(1e-3, { steps })`.
 * @throws {ConfigError} When an option is wrong.
 */
export function scaleByLearningRate(learningRate: number | Schedule, options: GroupedOptions = {}): Transform {
  const { groups = [] } = parseConfig("scaleByLearningRate", rateSchema, { learningRate, ...options });
  return {
    kind: "scaleByLearningRate",
    learningRate: toSchedule(learningRate),
    init(parameters) {
      checkGroups("scaleByLearningRate", parameters, groups);
      return new Map();
    },
    scalars(_step, parameters, rate) {
      const factors = [...settingsOf(parameters, groups, 0).values()].map((setting) => setting.learningRateFactor);
      return Object.fromEntries(factors.map((factor) => [`${factor}`, -rate * factor]));
    },
    update(updates, { parameters, scalars }) {
      const settings = settingsOf(parameters, groups, 0);
      return {
        updates: mapParameters(updates, (update, name) => {
          const scaled = mul(update, scalars[`${settings.get(name)!.learningRateFactor}`]!);
          return update.rank === 0 ? reshape(scaled, []) : scaled;
        }),
      };
    },
    describe: (parameters) => ({
      factors: Object.fromEntries(
        [...settingsOf(parameters, groups, 0)].map(([name, setting]) => [name, setting.learningRateFactor]),
      ),
    }),
  };
}
