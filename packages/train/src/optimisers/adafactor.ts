import { parseConfig } from "@cambium/base";
import { add, div, expandDims, maximum, mean, mul, rsqrt, sqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { type Schedule, toSchedule } from "../schedules.ts";
import { groupsSchema, type ParameterGroup } from "./groups.ts";
import type { Optimiser } from "./optimiser.ts";
import { createOptimiser } from "./rule.ts";
import { learningRateSchema } from "./settings.ts";

/** Settings of Adafactor. Defaults are those of the paper's algorithm 4, "Adafactor for weight matrices". */
export interface AdafactorOptions {
  /** A number or a schedule. @default relativeStep, `min(0.01, 1/√step)` */
  readonly learningRate?: number | Schedule;
  /** Whether each step is multiplied by the parameter's root mean square, or `minimumScale` if that is larger. @default true */
  readonly scaleParameter?: boolean;
  /** Smallest root mean square of a parameter that counts, ε₂. @default 1e-3 */
  readonly minimumScale?: number;
  /** Added to squared gradients, ε₁. @default 1e-30 */
  readonly epsilon?: number;
  /** Root mean square of a step, before the learning rate, above which it is scaled down, d. @default 1 */
  readonly clipThreshold?: number;
  /** The second moment decays by `1 − step^−decayExponent`. @default 0.8 */
  readonly decayExponent?: number;
  /** Share of a parameter that is taken off per unit of step size, except from norms, biases and scales. @default 0 */
  readonly weightDecay?: number;
  /** Parameters with their own settings; the first match counts. @default [] */
  readonly groups?: readonly ParameterGroup[];
}

const schema = z.strictObject({
  learningRate: learningRateSchema.exactOptional(),
  scaleParameter: z.boolean().exactOptional(),
  minimumScale: z.number().positive().exactOptional(),
  epsilon: z.number().positive().exactOptional(),
  clipThreshold: z.number().positive().exactOptional(),
  decayExponent: z.number().positive().exactOptional(),
  weightDecay: z.number().nonnegative().exactOptional(),
  groups: groupsSchema.exactOptional(),
});

/** Adafactor's relative step size, `min(0.01, 1/√step)`. */
export const relativeStep: Schedule = (step) => Math.min(0.01, 1 / Math.sqrt(step));

const rootMeanSquare = (tensor: Tensor): Tensor => sqrt(mean(square(tensor)));

/**
 * Adafactor: the second moment of a matrix is kept as its row and column means, `O(rows + columns)` numbers instead of
 * `O(rows · columns)`; there is no first moment. Tensors of a higher rank are stacks of matrices in their last two axes,
 * vectors keep every value.
 *
 * Without a learning rate its steps are relative to the size of each parameter and need no tuning; with one, set
 * `scaleParameter: false` for plain steps.
 *
 * @throws {ConfigError} When an option is unknown or out of range.
 * @see Shazeer & Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, arXiv:1804.04235, algorithms 4
 *      to 6. Weight decay, which the paper leaves out, is applied at the size of the step.
 * @example
 * adafactor({ learningRate: 5e-4, scaleParameter: false });
 */
export function adafactor(options: AdafactorOptions = {}): Optimiser {
  const parsed = parseConfig("adafactor", schema, options);
  const {
    scaleParameter = true,
    minimumScale = 1e-3,
    epsilon = 1e-30,
    clipThreshold = 1,
    decayExponent = 0.8,
  } = parsed;
  return createOptimiser<"row" | "column" | "full", "kept" | "fresh" | "rate" | "decay">({
    kind: "adafactor",
    config: { scaleParameter, minimumScale, epsilon, clipThreshold, decayExponent },
    learningRate: toSchedule(parsed.learningRate ?? relativeStep),
    groups: parsed.groups ?? [],
    weightDecay: parsed.weightDecay ?? 0,
    slots: (shape) =>
      shape.length < 2 ? { full: shape } : { row: shape.slice(0, -1), column: [...shape.slice(0, -2), shape.at(-1)!] },
    scalars(step, rate, decay) {
      const kept = 1 - step ** -decayExponent;
      return { kept, fresh: 1 - kept, rate, decay };
    },
    update(parameter, gradient, slots, { kept, fresh, rate, decay }, setting) {
      const squares = add(square(gradient), epsilon);
      const blend = (old: Tensor, now: Tensor): Tensor => add(mul(old, kept), mul(now, fresh));
      let direction: Tensor;
      let remembered: typeof slots;
      if (slots.full === undefined) {
        const row = blend(slots.row!, mean(squares, -1)); // [..., rows]
        const column = blend(slots.column!, mean(squares, -2)); // [..., columns]
        const byRow = expandDims(rsqrt(div(row, mean(row, -1, true))), -1); // [..., rows, 1]
        direction = mul(mul(gradient, byRow), expandDims(rsqrt(column), -2));
        remembered = { row, column };
      } else {
        const full = blend(slots.full, squares);
        direction = mul(gradient, rsqrt(full));
        remembered = { full };
      }
      const size = scaleParameter ? mul(maximum(rootMeanSquare(parameter), minimumScale), rate) : rate; // [1]
      const clipped = div(size, maximum(div(rootMeanSquare(direction), clipThreshold), 1));
      const pulled = setting.weightDecay === 0 ? parameter : sub(parameter, mul(parameter, mul(size, decay)));
      return { parameter: sub(pulled, mul(direction, clipped)), slots: remembered };
    },
  });
}
