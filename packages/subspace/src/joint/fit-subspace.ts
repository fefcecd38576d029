/** The joint decomposition of solutions: one subspace that several methods decode from. */
import { ConfigError } from "@cambium/base";
import { cloneParameters, disposeParameters, type Random, random as seeded } from "@cambium/core";
import { type EndEvent, type TrainEvent, train } from "@cambium/train";
import {
  concat,
  div,
  matMul,
  mul,
  reshape,
  scalar,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { directionsOf } from "../projection/basis.ts";
import { sizeOf } from "../projection/projection.ts";
import { fitBatches, fitObjective, partOf } from "./fit-objective.ts";
import { checkFitOptions, decoderOf, type FitSubspaceOptions } from "./fit-options.ts";
import { createDecoder, createEncoder, encoderOfMap } from "./networks.ts";
import { modelOf } from "./same-model.ts";
import { flatOf, rowOf, type Solution, type SolutionTable, tabulate } from "./solution.ts";
import { createSubspace, leastSquares, type MethodSpace, type Subspace } from "./subspace.ts";
import { checkResumable, turnsOf } from "./turns.ts";

/** The last event of a fit: the subspace, which the receiver owns. */
export interface SubspaceFitEvent extends Subspace {
  readonly type: "end";
  readonly reason: EndEvent["reason"];
  /** Share of the solutions' squared offsets that d orthogonal directions hold, for d from 1, all methods counted alike. */
  readonly explained: readonly number[];
  /** Distance of each decoded solution from it, next to its length, by task and method: 0 for an exact one. */
  readonly errors: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** What happens while a subspace is fitted. */
export type FitEvent = Exclude<TrainEvent, EndEvent> | SubspaceFitEvent;

type Offsets = ReadonlyMap<string, ReadonlyMap<string, Tensor2D>>;

/** Offsets by task and method. The caller owns them. */
export function offsetsOf(table: SolutionTable<never>): Offsets {
  return new Map(
    table.tasks.map((task) => [
      task,
      new Map(
        table.methods.map(
          ({ name, points, start, shapes }) => [name, rowOf(points.get(task)!, start, shapes)] as const,
        ),
      ),
    ]),
  );
}

/** Frees offsets. */
export function disposeOffsets(offsets: Offsets): void {
  for (const row of offsets.values()) for (const tensor of row.values()) tensor.dispose();
}

/** Root mean square length of each method's offsets, in the table's order. */
export async function scalesOf(table: SolutionTable<never>, offsets: Offsets): Promise<number[]> {
  const scales: number[] = [];
  for (const { name } of table.methods) {
    const squares = tidy(() =>
      sum(concat(table.tasks.map((task) => reshape(sum(square(offsets.get(task)!.get(name)!)), [1])) as Tensor1D[])),
    );
    const [total] = await squares.data();
    squares.dispose();
    scales.push(Math.sqrt(total! / table.tasks.length));
  }
  return scales;
}

/** The first right singular vectors of all methods' offsets side by side, each method divided by its scale. */
async function jointDirections(table: SolutionTable<never>, offsets: Offsets, scales: readonly number[], most: number) {
  const stacked = tidy(() =>
    concat(
      table.tasks.map((task) =>
        concat(
          table.methods.map(({ name }, k) => mul(offsets.get(task)!.get(name)!, scalar(1 / scales[k]!)) as Tensor2D),
          1,
        ),
      ),
    ),
  );
  try {
    return await directionsOf(stacked as Tensor2D, most);
  } finally {
    stacked.dispose();
  }
}

function checkData<Batch>(table: SolutionTable<Batch>, { data }: FitSubspaceOptions<Batch>): void {
  if (data === undefined) return;
  const missing = table.tasks.filter((task) => data[task] === undefined);
  const unknown = Object.keys(data).filter((task) => !table.tasks.includes(task));
  if (missing.length + unknown.length > 0)
    throw new ConfigError({
      message: `fitSubspace: data must be there for each task and no other: ${[...missing.map((task) => `${task} has none`), ...unknown.map((task) => `${task} has no solution`)].join("; ")}`,
    });
}

/** The decoders and encoders at their start. */
async function startSpaces<Batch>(
  table: SolutionTable<Batch>,
  options: FitSubspaceOptions<Batch>,
  offsets: Offsets,
  joint: { readonly basis: Tensor2D; readonly values: readonly number[] },
  scales: readonly number[],
  random: Random,
): Promise<MethodSpace[]> {
  const { dimension, start = "svd", steps, encoder: activation = "tanh" } = options;
  const names = table.methods.map(({ name }) => name);
  const rank = joint.basis.shape[0];
  let column = 0;
  const spaces: MethodSpace[] = [];
  for (const [k, method] of table.methods.entries()) {
    const { name, shapes } = method;
    const size = sizeOf(shapes);
    const own = cloneParameters(method.start);
    const key = random.at(name);
    const flat = flatOf(own, shapes);
    const settings = decoderOf(options, name, names);
    let decoder = createDecoder(settings, dimension, size, key.at("decoder"), flat);
    const isExact = settings.kind === "linear" && start === "svd" && rank > 0;
    let down: Tensor2D | undefined;
    let largest = 1;
    if (isExact) {
      const random0 = decoder.parameters.get("up") as Tensor2D;
      const up = tidy(() => {
        const rows = mul(slice(joint.basis, [0, column], [rank, size]), scalar(scales[k]!)) as Tensor2D;
        return rank === dimension
          ? rows
          : concat([rows, slice(random0, [rank, 0], [dimension - rank, size]) as Tensor2D]);
      }) as Tensor2D;
      random0.dispose();
      decoder = { ...decoder, parameters: new Map([["up", up]]) };
      if (steps !== undefined) {
        down = await leastSquares(up);
        largest = await largestOf(table, offsets, name, down);
      }
    }
    column += size;
    const encoder =
      steps === undefined
        ? undefined
        : {
            activation,
            parameters:
              down === undefined
                ? createEncoder(dimension, size, key.at("encoder"))
                : encoderOfMap(down, largest, activation),
          };
    spaces.push({
      name,
      shapes,
      start: own,
      decoder,
      ...modelOf(method.objective),
      ...(encoder !== undefined && { encoder }),
    });
  }
  return spaces;
}

async function largestOf(table: SolutionTable<never>, offsets: Offsets, name: string, down: Tensor2D): Promise<number> {
  let largest = 0;
  for (const task of table.tasks) {
    const found = tidy(() => matMul(offsets.get(task)!.get(name)!, down));
    for (const value of await found.data()) largest = Math.max(largest, Math.abs(value));
    found.dispose();
  }
  return largest;
}

async function finish(
  table: SolutionTable<never>,
  spaces: readonly MethodSpace[],
  dimension: number,
  offsets: Offsets,
): Promise<{ readonly space: Subspace; readonly errors: SubspaceFitEvent["errors"] }> {
  const coordinates = new Map(table.tasks.map((task) => [task, new Map<string, Float32Array>()]));
  const space = await createSubspace(dimension, table.tasks, spaces, coordinates);
  const errors = new Map(table.tasks.map((task) => [task, new Map<string, number>()]));
  for (const task of table.tasks) {
    for (const { name, points } of table.methods) {
      const { decoder, encoder } = space.method(name);
      if (encoder === undefined && decoder.kind !== "linear") continue;
      const found = await space.encode(name, points.get(task)!);
      coordinates.get(task)!.set(name, found);
      const row = offsets.get(task)!.get(name)!;
      const apart = tidy(() => {
        const point = tensor2d(found, [1, dimension]);
        const offset = reshape(decoder.apply(decoder.parameters, point), row.shape);
        return sqrt(div(sum(square(sub(offset, row))), sum(square(row))));
      });
      const [value] = await apart.data();
      apart.dispose();
      errors.get(task)!.set(name, value!);
    }
  }
  return { space, errors };
}

/**
 * Fits one subspace to the solutions of several tasks by several methods: for each method an encoder of its offsets `θ − θ⁰` and a
 * decoder back, so that one point of few coordinates stands for the solutions of a task by all methods.
 *
 * Without `steps` it is the closed form: the singular vectors of all methods' offsets side by side, each method at equal weight, which
 * reconstruct best. With `steps` the projections are trained from there: at each step one task's points are mixed, and the mixture
 * decoded by every method is to have a low task loss and each method's own point to reconstruct its solution. A step takes one task,
 * where the authors mix tasks within a batch.
 *
 * @param solutions - One for every task and method.
 * @throws {ConfigError} When a task lacks a method, solutions of a method started at different points, or options do not fit.
 * @throws {ShapeError} When solutions of one method have other names or shapes; lists all.
 * @throws {StateError} When a solution is where it started, or the loss is not finite.
 * @see Yi et al. 2022, Different Tunes Played with Equal Skill, arXiv:2210.13311, section 3; their code for the weights.
 * @example
 * const space = await result(fitSubspace(solutions, { dimension: 60 }));
 * const found = attach(base, space.delta("lora"));
 */
export async function* fitSubspace<Batch>(
  solutions: readonly Solution<Batch>[],
  options: FitSubspaceOptions<Batch>,
): AsyncGenerator<FitEvent, void, undefined> {
  checkFitOptions(options);
  checkResumable("fitSubspace", options.data, options.checkpoint);
  const { dimension, random = seeded(0), steps, optimiser, clipNorm, checkpoint, signal, data, only } = options;
  const table = await tabulate("fitSubspace", solutions, only);
  const offsets = offsetsOf(table as SolutionTable<never>);
  const turns = new Map(Object.entries(data ?? {}).map(([task, source]) => [task, turnsOf(source)]));
  let spaces: MethodSpace[] = [];
  let isDone = false;
  try {
    checkData(table, options);
    const names = table.methods.map(({ name }) => name);
    for (const name of names) {
      const { kind } = decoderOf(options, name, names);
      if (steps === undefined && kind !== "linear")
        throw new ConfigError({
          message: `fitSubspace: the ${kind} decoder of ${name} has to be trained; give "steps" and "optimiser"`,
        });
    }
    if (dimension >= table.tasks.length)
      yield {
        type: "warning",
        step: 0,
        message: `${dimension} coordinates for ${table.tasks.length} tasks: any solutions fit into as many, so that reconstruction says nothing`,
      };
    const scales = await scalesOf(table as SolutionTable<never>, offsets);
    const joint = await jointDirections(table as SolutionTable<never>, offsets, scales, table.tasks.length);
    const explained = joint.values.map(
      (_, k) => joint.values.slice(0, k + 1).reduce((total, value) => total + value ** 2, 0) / joint.total,
    );
    const most = Math.min(dimension, joint.values.length);
    const basis = tidy(() => slice(joint.basis, [0, 0], [most, joint.basis.shape[1]]));
    joint.basis.dispose();
    spaces = await startSpaces(table, options, offsets, { basis, values: joint.values }, scales, random).finally(() =>
      basis.dispose(),
    );
    let reason: EndEvent["reason"] = "finished";
    if (steps !== undefined && optimiser !== undefined) {
      const run = train(fitObjective(table, spaces, options), fitBatches(table, offsets, data, turns), {
        optimiser,
        steps,
        random: random.at("steps"),
        ...(clipNorm !== undefined && { clipNorm }),
        ...(checkpoint !== undefined && { checkpoint }),
        ...(signal !== undefined && { signal }),
      });
      for await (const event of run) {
        if (event.type !== "end") yield event;
        else {
          reason = event.reason;
          spaces = spaces.map((space) => trained(space, event.parameters));
        }
      }
    }
    const { space, errors } = await finish(table as SolutionTable<never>, spaces, dimension, offsets);
    isDone = true;
    yield { type: "end", reason, ...space, explained, errors };
  } finally {
    for (const each of turns.values()) await each.close();
    disposeOffsets(offsets);
    table.dispose();
    if (!isDone)
      for (const { start, decoder, encoder } of spaces) {
        decoder.dispose();
        for (const tree of [start, decoder.parameters, encoder?.parameters ?? new Map<string, Tensor>()])
          disposeParameters(tree);
      }
  }
}

function trained(space: MethodSpace, parameters: ReadonlyMap<string, Tensor>): MethodSpace {
  const { name, decoder, encoder } = space;
  for (const tree of [decoder.parameters, encoder!.parameters]) disposeParameters(tree);
  return {
    ...space,
    decoder: { ...decoder, parameters: partOf(parameters, name, "decoder") },
    encoder: { ...encoder!, parameters: partOf(parameters, name, "encoder") },
  };
}
