/** How much a loss rises near a point. */
import { ConfigError, checkOptions } from "@cambium/base";
import { disposeParameters, type Objective, type Random } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { openEvaluator } from "../evaluate/evaluator.ts";
import { move } from "../points/combination.ts";
import { alike, type PointLike } from "../points/point.ts";
import { createDirections, type Normalisation } from "./direction.ts";
import type { HasSites } from "./filters.ts";

/** Settings of `measureSharpness`. */
export interface MeasureSharpnessOptions {
  /** The point. @default the objective's own */
  readonly point?: PointLike;
  /** Deviation of the noise next to what it moves. @default 0.05 */
  readonly radius?: number;
  /** Directions to try. @default 20 */
  readonly samples?: number;
  /** How directions are scaled. @default "filter" */
  readonly normalise?: Normalisation;
  /** Tensors that do not move, as of `createDirections`. @default "biasnorm" */
  readonly ignore?: "biasnorm" | "none";
  /** The model whose sites tell which axis of a matrix is its output. @default the first axis of all */
  readonly model?: HasSites;
}

/** How much a loss rises. In nats. */
export interface Sharpness {
  readonly loss: number;
  /** Mean rise over random directions. */
  readonly mean: number;
  /** Largest rise among them: a lower bound of that within the radius. */
  readonly max: number;
}

/**
 * The rise of the mean loss under Gaussian noise, scaled to the weights: flat minima rise little (Keskar et al. 2017,
 * arXiv:1609.04836, define the maximum; Neyshabur et al. 2017, arXiv:1706.08947, the mean).
 *
 * @throws {ConfigError} For options out of range.
 */
export async function measureSharpness<Batch>(
  objective: Objective<Batch>,
  data: Batches<Batch>,
  random: Random,
  options: MeasureSharpnessOptions = {},
): Promise<Sharpness> {
  checkOptions("measureSharpness", options, ["point", "radius", "samples", "normalise", "ignore", "model"]);
  const { point = objective, radius = 0.05, samples = 20, normalise = "filter", ignore = "biasnorm", model } = options;
  if (!(radius > 0)) throw new ConfigError({ message: `measureSharpness: radius must be above 0, got ${radius}` });
  if (!Number.isInteger(samples) || samples < 1)
    throw new ConfigError({ message: `measureSharpness: samples must be an integer from 1, got ${samples}` });
  const tree = alike("measureSharpness", [objective.parameters, point], 2)[1]!;
  const evaluator = await openEvaluator(objective, data);
  try {
    const { loss } = await evaluator.measure(tree);
    const rises: number[] = [];
    for (let k = 0; k < samples; k++) {
      const about = { count: 1, normalise, ignore, ...(model !== undefined && { model }) };
      const [direction] = await createDirections(tree, random.at(k), about);
      const moved = move(tree, [direction!], [radius]);
      disposeParameters(direction!);
      try {
        rises.push((await evaluator.measure(moved)).loss - loss);
      } finally {
        disposeParameters(moved);
      }
    }
    return { loss, mean: rises.reduce((sum, rise) => sum + rise, 0) / samples, max: Math.max(...rises) };
  } finally {
    evaluator.dispose();
  }
}
