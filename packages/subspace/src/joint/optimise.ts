/** New tasks within a subspace, and one method's coordinates decoded by another. */
import { ConfigError, canonicalJson, type Json } from "@cambium/base";
import type { Objective, Parameters, Random } from "@cambium/core";
import { random as seeded } from "@cambium/core";
import type { Delta } from "@cambium/delta";
import type { Batches } from "@cambium/train";
import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import { type SubspaceEvent, type TrainInSubspaceOptions, trainInSubspace } from "../training/subspace-objective.ts";
import { START_DEVIATION } from "./networks.ts";
import { type Coordinates, deltasOf, type MethodSpace, type Subspace } from "./subspace.ts";

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
 * @param objective - A model tuned by that method, on the new task.
 * @param method - A method of the subspace, `"lora"`.
 * @throws As `trainInSubspace`; {ConfigError} for a method that the subspace does not have.
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
  const { from, full, ...training } = options;
  const projection = space.projection(method);
  checkSameDeltas("optimiseInSubspace", space.method(method), objective);
  if (from !== undefined && from.length !== space.dimension)
    throw new ConfigError({
      message: `optimiseInSubspace: from must have ${space.dimension} coordinates, got ${from.length}`,
    });
  const random: Random = training.random ?? seeded(0);
  const values =
    from ??
    random
      .at("start")
      .normals(space.dimension)
      .map((value) => value * START_DEVIATION);
  const z = tensor1d(Float32Array.from(values));
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

/** An objective of a method's own settings: a LoRA of another `alpha` would be another model at the same point. */
function checkSameDeltas(caller: string, { name, shapes, deltas }: MethodSpace, objective: object): void {
  const settingsOf = (list: readonly Delta[]): ReadonlyMap<string, string> =>
    new Map(
      list
        .filter((delta) => [...delta.parameters.keys()].some((key) => shapes.has(`${delta.name}/${key}`)))
        .map((delta) => [delta.name, canonicalJson({ kind: delta.kind, config: delta.config as Json })]),
    );
  const [wanted, found] = [settingsOf(deltas), settingsOf(deltasOf(objective))];
  const differing = [...wanted].flatMap(([delta, settings]) => {
    const own = found.get(delta);
    return own === undefined || own === settings ? [] : [`${delta} is ${own}, and ${settings} in the subspace`];
  });
  if (differing.length > 0)
    throw new ConfigError({
      message: `${caller}: the objective is tuned by other settings of ${name}: ${differing.join("; ")}`,
      differing,
    });
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
 * @throws {ConfigError} For a method that the subspace does not have, or has with other settings.
 * @throws {ShapeError} For coordinates of another number.
 * @see Yi et al. 2022, arXiv:2210.13311, section 3.3.
 */
export function transfer(
  space: Subspace,
  coordinates: Coordinates,
  method: string,
  objective: { readonly parameters: Parameters },
): Map<string, Tensor> {
  checkSameDeltas("transfer", space.method(method), objective);
  const decoded = space.decode(method, coordinates);
  const missing = [...decoded.keys()].filter((name) => !objective.parameters.has(name));
  if (missing.length > 0) {
    for (const tensor of decoded.values()) tensor.dispose();
    throw new ConfigError({
      message: `transfer: the objective is not tuned by ${method} as in the subspace: it lacks ${missing.join(", ")}`,
      missing,
    });
  }
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
