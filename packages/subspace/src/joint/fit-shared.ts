/** The joint form without solutions: vectors that all methods share are trained together with their decoders. */
import { ConfigError, checkOptions } from "@cambium/base";
import {
  disposeParameters,
  fingerprint,
  type LossContext,
  type Objective,
  type Parameters,
  type Random,
  random as seeded,
} from "@cambium/core";
import { type Batches, type EndEvent, type TrainEvent, type TrainOptions, train } from "@cambium/train";
import { add, addN, matMul, type Scalar, type Tensor, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { checkDimension, cut, type Filtered, sizeOf } from "../projection/projection.ts";
import { partOf } from "./fit-objective.ts";
import { decoderOf, type FitSubspaceOptions } from "./fit-options.ts";
import { createDecoder, START_DEVIATION } from "./networks.ts";
import { modelOf } from "./same-model.ts";
import { flatOf, ownParameters } from "./solution.ts";
import { createSubspace, type MethodSpace, type Subspace } from "./subspace.ts";
import { checkResumable, type Turns, turnsOf } from "./turns.ts";

/** Settings of `fitShared`: those of `train` that make sense here, and what is shared. */
export interface FitSharedOptions<Batch>
  extends Pick<TrainOptions, "optimiser" | "steps" | "clipNorm" | "checkpoint" | "signal">,
    Filtered {
  /** Coordinates, d. @default 8, as in the authors' code */
  readonly dimension?: number;
  /** Batches of each task. */
  readonly data: Readonly<Record<string, Batches<Batch>>>;
  /** Decoders, of all methods or by method. `fastfood` is for whole models. @default linear */
  readonly decoder?: FitSubspaceOptions<Batch>["decoder"];
  /** Draws starts. @default random(0) */
  readonly random?: Random;
}

/** The last event: the subspace, which the receiver owns. All methods of a task have the same coordinates in it. */
export interface SharedFitEvent extends Subspace {
  readonly type: "end";
  readonly reason: EndEvent["reason"];
  readonly step: number;
}

/** What happens while a subspace is fitted. */
export type SharedEvent = Exclude<TrainEvent, EndEvent> | SharedFitEvent;

/** What a step sees: a task's batch, and which task it is, `[1, tasks]`. */
interface SharedBatch<Batch> {
  readonly batch: Batch;
  readonly choice: Tensor2D;
}

const KEYS = [
  ...["dimension", "data", "decoder", "random", "only"],
  ...["optimiser", "steps", "clipNorm", "checkpoint", "signal"],
] as readonly (keyof FitSharedOptions<never>)[];

const COORDINATES = "coordinates";

/**
 * Fits a subspace without any solutions: one vector for each task, which all methods decode, is trained together with the decoders, on the sum of the methods' task losses. A
 * task's vector is the same for every method by construction, so that this is the cheaper baseline of `fitSubspace`; and it takes whole fine-tuning as one more method, by a
 * Fastfood decoder whose Gaussian diagonal is trained: `{ whole: attach(base, whole(base)) }` with `decoder: { whole: "fastfood" }`.
 *
 * A step takes one batch of one task, through every method. Projections and vectors start normal with deviation 0.02. Then tasks are solved by `optimiseInSubspace`, and
 * decoded by the other methods by `transfer`.
 *
 * @param methods - By name a model tuned by the method, where its training would start: that is θ⁰. Its head is frozen.
 * @throws {ConfigError} For options that do not exist or do not fit, and methods of which nothing would lie in the subspace.
 * @throws {StateError} When the loss is not finite.
 * @see Yi et al. 2022, Different Tunes Played with Equal Skill, arXiv:2210.13311, section 4.5 (fine-tuning), and their code for this form.
 * @example
 * const methods = { lora: attach(base, lora(base, {}, random(1))), whole: attach(base, whole(base)) };
 * const options = { data: { mail, news }, decoder: { whole: "fastfood" }, optimiser: adamW({ learningRate: 1e-3 }), steps: 1000 };
 * const space = await result(fitShared(methods, options));
 */
export async function* fitShared<Batch>(
  methods: Readonly<Record<string, Objective<Batch>>>,
  options: FitSharedOptions<Batch>,
): AsyncGenerator<SharedEvent, void, undefined> {
  checkOptions("fitShared", options, KEYS);
  const { dimension = 8, data, optimiser, steps, clipNorm, checkpoint, signal, random = seeded(0) } = options;
  checkDimension("fitShared", dimension);
  const [names, tasks] = [Object.keys(methods), Object.keys(data ?? {})];
  if (names.length === 0 || tasks.length === 0)
    throw new ConfigError({
      message: `fitShared: at least one method and the data of one task are needed, got ${names.length} and ${tasks.length}`,
    });
  checkResumable("fitShared", data, checkpoint);
  const sources = tasks.map((task) => turnsOf(data[task]!));
  const spaces: MethodSpace[] = [];
  const shared = random.at(COORDINATES).normal([tasks.length, dimension], 0, START_DEVIATION);
  let isDone = false;
  try {
    for (const name of names)
      spaces.push(startSpace(name, methods[name]!, dimension, options, names, random.at(name).at("decoder")));
    const run = train(sharedObjective(spaces, methods, shared), turns(tasks, data, sources), {
      optimiser,
      steps: steps as number,
      random: random.at("steps"),
      ...(clipNorm !== undefined && { clipNorm }),
      ...(checkpoint !== undefined && { checkpoint }),
      ...(signal !== undefined && { signal }),
    });
    for await (const event of run) {
      if (event.type !== "end") {
        yield event;
        continue;
      }
      const { reason, step, parameters } = event;
      const found = parameters.get(COORDINATES)!;
      const values = await found.data();
      found.dispose();
      const trained = spaces.map((space) => {
        disposeParameters(space.decoder.parameters);
        return { ...space, decoder: { ...space.decoder, parameters: partOf(parameters, space.name, "decoder") } };
      });
      spaces.splice(0, spaces.length, ...trained);
      const coordinates = new Map(
        tasks.map((task, i) => {
          const own = Float32Array.from(values.slice(i * dimension, (i + 1) * dimension));
          return [task, new Map(names.map((name) => [name, own.slice()] as const))] as const;
        }),
      );
      const space = await createSubspace(dimension, tasks, trained, coordinates);
      isDone = true;
      yield { type: "end", reason, step, ...space };
    }
  } finally {
    for (const each of sources) await each.close();
    shared.dispose();
    if (!isDone)
      for (const { start, decoder } of spaces) {
        decoder.dispose();
        for (const tree of [start, decoder.parameters]) disposeParameters(tree);
      }
  }
}

/** A method at its start. */
function startSpace<Batch>(
  name: string,
  objective: Objective<Batch>,
  dimension: number,
  options: FitSharedOptions<Batch>,
  names: readonly string[],
  random: Random,
): MethodSpace {
  const own = ownParameters(objective as Objective<never>);
  const { only = (key: string) => !own.has(key) } = options;
  const moved = [...objective.parameters].filter(([key]) => only(key));
  if (moved.length === 0)
    throw new ConfigError({
      message: `fitShared: of ${name} nothing lies in the subspace; it has ${[...objective.parameters.keys()].join(", ")}`,
      method: name,
    });
  const settings = decoderOf({ ...options, dimension } as unknown as FitSubspaceOptions<Batch>, name, names);
  const shapes = new Map(moved.map(([key, { shape }]) => [key, shape] as const));
  const start = new Map(moved.map(([key, tensor]) => [key, tensor.clone()] as const));
  const decoder = createDecoder(settings, dimension, sizeOf(shapes), random, flatOf(start, shapes));
  return { name, shapes, start, decoder, ...modelOf(objective) };
}

/** `Σ_m L_m(θ⁰ + D_m(r))` of the vector r of a batch's task. */
function sharedObjective<Batch>(
  spaces: readonly MethodSpace[],
  methods: Readonly<Record<string, Objective<Batch>>>,
  shared: Tensor,
): Objective<SharedBatch<Batch>> {
  const isDescribed = Object.values(methods).every(({ describe }) => describe !== undefined);
  return {
    parameters: new Map([
      [COORDINATES, shared],
      ...spaces.flatMap(({ name, decoder }) =>
        [...decoder.parameters].map(([key, tensor]) => [`${name}/decoder/${key}`, tensor] as const),
      ),
    ]),
    loss: (parameters: Parameters, { batch, choice }: SharedBatch<Batch>, context: LossContext): Scalar =>
      tidy(() => {
        const point: Tensor2D = matMul(choice, parameters.get(COORDINATES) as Tensor2D);
        const losses = spaces.map(({ name, decoder, shapes, start }) => {
          const moved = cut(decoder.apply(partOf(parameters, name, "decoder"), point), shapes);
          const objective = methods[name]!;
          const at = new Map<string, Tensor>([
            ...objective.parameters,
            ...[...moved].map(([key, offset]) => [key, add(start.get(key)!, offset)] as const),
          ]);
          const state = objective.state === undefined ? {} : { state: objective.state };
          return objective.loss(at, batch, { random: context.random.at(name), training: context.training, ...state });
        });
        return addN(losses) as Scalar;
      }),
    ...(isDescribed && {
      describe: async () => {
        const described: [string, never][] = [];
        for (const { name, decoder, start } of spaces)
          described.push([
            name,
            {
              start: await fingerprint(start),
              decoder: decoder.settings,
              rest: await fingerprint(new Map([...methods[name]!.parameters].filter(([key]) => !start.has(key)))),
              of: await methods[name]!.describe!(),
            } as never,
          ]);
        return { shared: Object.fromEntries(described) };
      },
    }),
  };
}

/** Batches of all tasks by turns; tasks start again when they end. */
function turns<Batch>(
  tasks: readonly string[],
  data: Readonly<Record<string, Batches<Batch>>>,
  sources: readonly Turns<Batch>[],
): Batches<SharedBatch<Batch>> {
  return {
    batchCount: tasks.length,
    async *epoch(epoch, from = 0) {
      for (const i of tasks.keys()) {
        if (i < from) continue;
        const { batch, rows } = await sources[i]!.take(epoch);
        const choice = tensor2d([tasks.map((_, k) => Number(k === i))]);
        yield { batch: { batch, choice }, rows, isLast: i === tasks.length - 1 };
      }
    },
    async describe() {
      const described: [string, never][] = [];
      for (const task of tasks) described.push([task, (await data[task]!.describe()) as never]);
      return Object.fromEntries(described);
    },
  };
}
