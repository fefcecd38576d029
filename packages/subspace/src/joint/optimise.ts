/** New tasks within a subspace, and one method's coordinates decoded by another. */
import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import type { Objective, Parameters, Random } from "@cambium/core";
import { random as seeded } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import {
  type SubspaceEvent,
  TRAINING,
  type TrainInSubspaceOptions,
  trainInSubspace,
} from "../training/subspace-objective.ts";
import { checkedCoordinates } from "./coordinates.ts";
import { START_DEVIATION } from "./networks.ts";
import { checkSameBackbone, checkSameDeltas } from "./same-model.ts";
import type { Coordinates, Subspace } from "./subspace.ts";

/** Settings of `optimiseInSubspace`: those of `train`, and where the coordinates start. */
export interface OptimiseOptions extends Omit<TrainInSubspaceOptions, "subspace"> {
  /** Coordinates to start from, such as another task's. @default normal with deviation 0.02, drawn from `random` */
  readonly from?: ArrayLike<number>;
  /** Names that are trained in full beside the coordinates, such as a head. @default none */
  readonly full?: (name: string) => boolean;
}

/**
 * Solves a task within a subspace: the decoder of a method is frozen, and its `dimension` coordinates are trained. Other parameters
 * of the objective, such as a head, stay unless `full` takes them.
 *
 * Coordinates start near 0, where steps that are scaled by the parameters' size are tiny: with Adafactor, as the authors train, pass `scaleParameter: false`.
 *
 * @param objective - A model tuned by that method, on the new task.
 * @param method - A method of the subspace, `"lora"`.
 * @throws As `trainInSubspace`; {ConfigError} for a method that the subspace does not have or has with other settings, and for another backbone.
 * @see Yi et al. 2022, arXiv:2210.13311, section 3.2.
 * @example
 * const run = optimiseInSubspace(space, "lora", tuned, data, { optimiser: adamW({ learningRate: 0.05 }), steps: 300 });
 * const { coordinates } = await result(run);
 * const moved = transfer(space, coordinates.z, "adapter", otherTuned);
 */
export async function* optimiseInSubspace<Batch>(
  space: Subspace,
  method: string,
  objective: Objective<Batch>,
  data: Batches<Batch>,
  options: OptimiseOptions,
): AsyncGenerator<SubspaceEvent, void, undefined> {
  checkOptions("optimiseInSubspace", options, [...TRAINING, "from", "full"]);
  const { from, full, ...training } = options;
  const projection = space.projection(method);
  checkSameDeltas("optimiseInSubspace", space.method(method), objective);
  await checkSameBackbone("optimiseInSubspace", space.method(method), objective);
  const random: Random = training.random ?? seeded(0);
  const drawn = () =>
    Float32Array.from(random.at("start").normals(space.dimension), (value) => value * START_DEVIATION);
  const z = tensor1d(
    from === undefined ? drawn() : checkedCoordinates("optimiseInSubspace: from", from, space.dimension),
  );
  try {
    yield* trainInSubspace(objective, projection, data, {
      ...training,
      subspace: {
        origin: originIn(space, method, objective.parameters),
        start: new Map([["z", z]]),
        ...(full !== undefined && { full }),
      },
    });
  } finally {
    z.dispose();
  }
}

/** An objective's parameters, with θ⁰ of the subspace where it moves them. Nothing is copied. */
function originIn(space: Subspace, method: string, parameters: Parameters): Parameters {
  const { start } = space.method(method);
  return new Map([...parameters].map(([name, tensor]) => [name, start.get(name) ?? tensor]));
}

/**
 * A point of one method, decoded from coordinates that another one found: nothing is trained. What of the objective does not lie
 * in the subspace stays as it is.
 *
 * @param method - The method that decodes.
 * @param objective - A model tuned by it; its own point in the subspace does not count.
 * @returns All parameters of the objective. The caller owns them.
 * @throws {ConfigError} For a method that the subspace does not have, or has with other settings. Whether the backbone is the same is not
 *         looked at here: `optimiseInSubspace` and `loadSubspace` do.
 * @throws {ShapeError} For coordinates of another number, and an objective whose parameters have other shapes.
 * @see Yi et al. 2022, arXiv:2210.13311, section 3.3.
 */
export function transfer(
  space: Subspace,
  coordinates: Coordinates,
  method: string,
  objective: { readonly parameters: Parameters },
): Map<string, Tensor> {
  checkSameDeltas("transfer", space.method(method), objective);
  const { shapes } = space.method(method);
  const missing = [...shapes.keys()].filter((name) => !objective.parameters.has(name));
  if (missing.length > 0)
    throw new ConfigError({
      message: `transfer: the objective is not tuned by ${method} as in the subspace: it lacks ${missing.join(", ")}`,
      missing,
    });
  const differing = [...shapes].flatMap(([name, shape]) => {
    const own = objective.parameters.get(name)!.shape;
    return `${own}` === `${shape}` ? [] : [`"${name}" is [${own}], and [${shape}] in the subspace`];
  });
  if (differing.length > 0)
    throw new ShapeError({ message: `transfer: the objective does not fit: ${differing.join("; ")}`, differing });
  const decoded = space.decode(method, coordinates);
  return new Map([...objective.parameters].map(([name, tensor]) => [name, decoded.get(name) ?? tensor.clone()]));
}

/** A score next to the one of ordinary training. */
export interface RelativePerformance {
  /** In percent of the full score; absent where that is not above 0. */
  readonly percent?: number;
  /** `score − full`. */
  readonly gap: number;
}

/**
 * `E_rel = 100 · score / full`, and the absolute gap, which alone is meaningful where the full score is not above 0.
 *
 * @param score - Within the subspace, higher is better.
 * @param full - By ordinary training of the same method.
 * @throws {ConfigError} When one of them is no number.
 * @see Yi et al. 2022, arXiv:2210.13311, section 4.
 */
export function relativePerformance(score: number, full: number): RelativePerformance {
  if (!Number.isFinite(score) || !Number.isFinite(full))
    throw new ConfigError({ message: `relativePerformance: the scores must be numbers, got ${score} and ${full}` });
  return { ...(full > 0 && { percent: (100 * score) / full }), gap: score - full };
}
