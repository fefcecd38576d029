import { ConfigError, parseConfig } from "@cambium/base";
import { add, mul, sub } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { type Schedule, toSchedule } from "../schedules.ts";
import { groupsSchema, type ParameterGroup } from "./groups.ts";
import type { Optimiser } from "./optimiser.ts";
import { createOptimiser } from "./rule.ts";
import { fractionSchema, learningRateSchema } from "./settings.ts";

/** Settings of gradient descent. */
export interface SgdOptions {
  /** A number, or a schedule such as `cosine(0.1, { steps })`. */
  readonly learningRate: number | Schedule;
  /** Share of the velocity that is kept, at least 0 and less than 1. @default 0 */
  readonly momentum?: number;
  /** Whether the gradient is looked up where the velocity leads; needs momentum. @default false */
  readonly nesterov?: boolean;
  /** Multiple of each parameter added to its gradient, except for norms, biases and scales. @default 0 */
  readonly weightDecay?: number;
  /** Parameters with their own settings; the first match counts. @default [] */
  readonly groups?: readonly ParameterGroup[];
}

const schema = z.strictObject({
  learningRate: learningRateSchema,
  momentum: fractionSchema.exactOptional(),
  nesterov: z.boolean().exactOptional(),
  weightDecay: z.number().nonnegative().exactOptional(),
  groups: groupsSchema.exactOptional(),
});

/**
 * Gradient descent with momentum: `g ← g + λθ`, `v ← μv + g`, `θ ← θ − ηv`, or with Nesterov's `θ ← θ − η(g + μv)`.
 *
 * @throws {ConfigError} When an option is unknown or out of range, or `nesterov` comes without momentum.
 * @see Sutskever et al. 2013, On the importance of initialization and momentum in deep learning, ICML, section 2. The
 *      learning rate multiplies the velocity as a whole, as in PyTorch.
 * @example
 * sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true });
 */
export function sgd(options: SgdOptions): Optimiser {
  const parsed = parseConfig("sgd", schema, options);
  const { momentum = 0, nesterov = false, weightDecay = 0, groups = [] } = parsed;
  if (nesterov && momentum === 0) {
    throw new ConfigError({ message: 'sgd: "nesterov" needs a momentum above 0, such as 0.9', momentum });
  }
  return createOptimiser<"velocity", "momentum" | "rate" | "decay">({
    kind: "sgd",
    config: { momentum, nesterov },
    learningRate: toSchedule(parsed.learningRate),
    groups,
    weightDecay,
    slots: (shape) => (momentum === 0 ? {} : { velocity: shape }),
    scalars: (_step, rate, decay) => ({ momentum, rate, decay }),
    update(parameter, gradient, slots, scalars, setting) {
      const pull = setting.weightDecay === 0 ? gradient : add(gradient, mul(parameter, scalars.decay));
      if (slots.velocity === undefined) return { parameter: sub(parameter, mul(pull, scalars.rate)), slots: {} };
      const velocity = add(mul(slots.velocity, scalars.momentum), pull);
      const direction = nesterov ? add(pull, mul(velocity, scalars.momentum)) : velocity;
      return { parameter: sub(parameter, mul(direction, scalars.rate)), slots: { velocity } };
    },
  });
}
