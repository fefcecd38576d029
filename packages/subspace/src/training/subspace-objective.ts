/** Training by few coordinates: any objective, seen as a function of the coordinates alone. */
import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import { type PointLike, treeOf } from "@cambium/connectivity";
import { fingerprint, type Objective, type Parameters } from "@cambium/core";
import { type Batches, type EndEvent, type TrainEvent, type TrainOptions, train } from "@cambium/train";
import { add, type Scalar, type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { Projection } from "../projection/projection.ts";

/** What is trained besides the coordinates, and from where. */
export interface SubspaceOptions {
  /** θ₀. @default the objective's point */
  readonly origin?: PointLike;
  /** Names that are trained in full, such as a head; the projection must not move them. @default none */
  readonly full?: (name: string) => boolean;
  /** Where the coordinates start, under the projection's names. @default the projection's start, at which nothing moves */
  readonly start?: Parameters;
}

/** An objective of coordinates. Its parameters are those (`subspace/z`), and what is trained in full. */
export interface SubspaceObjective<Batch> extends Objective<Batch> {
  /** Coordinates in all, without what is trained in full. */
  readonly dimension: number;
  /** θ at coordinates, under the original objective's names. Differentiable; the caller owns it. */
  decode(parameters: Parameters): Map<string, Tensor>;
  /** Frees the coordinates' start, which is its own. */
  dispose(): void;
}

const PREFIX = "subspace/";

/** Coordinates under a projection's names, of parameters that are under an objective's. */
function coordinatesOf(projection: Projection, parameters: Parameters): Parameters {
  return new Map([...projection.coordinates.keys()].map((name) => [name, parameters.get(`${PREFIX}${name}`)!]));
}

function checkFit(
  origin: Parameters,
  objective: Objective<never>,
  projection: Projection,
  full: readonly string[],
): void {
  const wrong = [...projection.shapes].flatMap(([name, shape]) => {
    const tensor = objective.parameters.get(name);
    if (tensor === undefined) return [`the objective has no "${name}"`];
    if (`${tensor.shape}` !== `${shape}`) return [`"${name}" is [${tensor.shape}], and [${shape}] is moved`];
    return full.includes(name) ? [`"${name}" is trained in full and moved as well`] : [];
  });
  for (const [name, { shape }] of objective.parameters)
    if (`${origin.get(name)?.shape}` !== `${shape}`) wrong.push(`the origin lacks "${name}" of [${shape}]`);
  if (wrong.length > 0)
    throw new ShapeError({ message: `subspaceObjective: the projection does not fit: ${wrong.join("; ")}`, wrong });
}

/**
 * An objective as a function of the coordinates of a projection: `z ↦ L(θ₀ + P(z))`. `train` takes it, and so does all that
 * measures points: paths, landscapes, Hessians of the coordinates.
 *
 * @param objective - A tuned model, or any objective.
 * @throws {ShapeError} When the projection is not of this objective's parameters; lists all that differs.
 * @throws {ConfigError} For unknown options.
 * @example
 * const small = subspaceObjective(tuned, fastfoodProjection(tuned.parameters, { dimension: 50 }, random(1)));
 * const { top } = await measureHessian(small, data, { count: 3 });
 */
export function subspaceObjective<Batch>(
  objective: Objective<Batch>,
  projection: Projection,
  options: SubspaceOptions = {},
): SubspaceObjective<Batch> {
  checkOptions("subspaceObjective", options, ["origin", "full", "start"]);
  const origin = treeOf(options.origin ?? objective);
  const full = [...objective.parameters.keys()].filter((name) => options.full?.(name) === true);
  if (options.full !== undefined && full.length === 0)
    throw new ConfigError({
      message: `subspaceObjective: "full" takes none of ${[...objective.parameters.keys()].join(", ")}`,
    });
  checkFit(origin, objective as Objective<never>, projection, full);
  const own = options.start === undefined ? projection.start() : undefined;
  const start = options.start ?? own!;
  for (const [name, shape] of projection.coordinates)
    if (`${start.get(name)?.shape}` !== `${shape}`)
      throw new ShapeError({
        message: `subspaceObjective: the start must have "${name}" of [${shape}], got ${start.has(name) ? `[${start.get(name)!.shape}]` : "none"}`,
      });
  const decode = (parameters: Parameters): Map<string, Tensor> => {
    const offsets = projection.apply(coordinatesOf(projection, parameters));
    return new Map(
      [...origin].map(([name, tensor]) => {
        const offset = offsets.get(name);
        if (offset === undefined) return [name, (full.includes(name) ? parameters.get(name)! : tensor).clone()];
        const moved = add(tensor, offset);
        offset.dispose();
        return [name, moved];
      }),
    );
  };
  const { describe, weight, warnings, state } = objective;
  if (objective.afterStep !== undefined)
    throw new ConfigError({
      message:
        "subspaceObjective: this objective changes its parameters after a step, which coordinates cannot follow; take a delta without such a step",
    });
  return {
    dimension: projection.dimension,
    parameters: new Map([
      ...[...projection.coordinates.keys()].map((name) => [`${PREFIX}${name}`, start.get(name)!] as const),
      ...full.map((name) => [name, origin.get(name)!] as const),
    ]),
    loss: (parameters, batch, context) => tidy(() => objective.loss(decode(parameters), batch, context) as Scalar),
    decode,
    dispose() {
      for (const tensor of own?.values() ?? []) tensor.dispose();
    },
    ...(objective.scalars !== undefined && { scalars: objective.scalars.bind(objective) }),
    ...(weight !== undefined && { weight: (batch: Batch) => weight.call(objective, batch) }),
    ...(warnings !== undefined && { warnings }),
    ...(state !== undefined && { state }),
    ...(describe !== undefined && {
      describe: async () => ({
        subspace: await projection.describe(),
        full,
        origin: await fingerprint(origin),
        of: await describe.call(objective),
      }),
    }),
  };
}

/** Options of `train` that training in a subspace takes. */
export const TRAINING: readonly Exclude<keyof TrainOptions, "start">[] = [
  ...(["optimiser", "epochs", "steps", "accumulate", "clipNorm"] as const),
  ...(["random", "evaluate", "checkpoint", "keepOptimiser", "signal"] as const),
];

/** Settings of `trainInSubspace`: those of `train`, and what is trained besides the coordinates. */
export interface TrainInSubspaceOptions extends Omit<TrainOptions, "start"> {
  readonly subspace?: SubspaceOptions;
}

/** The last event of training in a subspace. */
export interface SubspaceEndEvent extends EndEvent {
  /** θ at the trained coordinates, under the objective's names. The receiver owns it, like `parameters`. */
  readonly point: Parameters;
  /** The trained coordinates by name, without what is trained in full. */
  readonly coordinates: Readonly<Record<string, Float32Array>>;
}

/** What happens while coordinates are trained. */
export type SubspaceEvent = Exclude<TrainEvent, EndEvent> | SubspaceEndEvent;

/**
 * Trains the coordinates of a projection: at the start nothing moves, so training begins at θ₀. A run with `checkpoint` resumes as
 * one of `train` does.
 *
 * @param options - Those of `train`; `evaluate.run` gets the coordinates (`subspace/z`), which `subspaceObjective(…).decode` decodes.
 * @throws As `subspaceObjective` and `train`.
 * @example
 * const run = trainInSubspace(tuned, projection, data, { optimiser: adamW({ learningRate: 0.1 }), steps: 300 });
 * const { point } = await result(run);
 */
export async function* trainInSubspace<Batch>(
  objective: Objective<Batch>,
  projection: Projection,
  data: Batches<Batch>,
  options: TrainInSubspaceOptions,
): AsyncGenerator<SubspaceEvent, void, undefined> {
  checkOptions("trainInSubspace", options, [...TRAINING, "subspace"]);
  const { subspace = {}, ...training } = options;
  const small = subspaceObjective(objective, projection, subspace);
  try {
    for await (const event of train(small, data, training)) {
      if (event.type !== "end") yield event;
      else {
        const coordinates: Record<string, Float32Array> = {};
        for (const [name, tensor] of coordinatesOf(projection, event.parameters))
          coordinates[name] = Float32Array.from(await tensor.data());
        yield { ...event, point: small.decode(event.parameters), coordinates };
      }
    }
  } finally {
    small.dispose();
  }
}
