/** What a subspace is to be better than: one at random, each method's own principal components, and the mean solution. */
import { ConfigError, checkOptions } from "@cambium/base";
import { cloneParameters, type Random } from "@cambium/core";
import {
  add,
  concat,
  matMul,
  mean,
  mul,
  reshape,
  scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from "@tensorflow/tfjs-core";
import { directionsOf } from "../projection/basis.ts";
import { checkDimension, cut, type Filtered, sizeOf } from "../projection/projection.ts";
import { disposeOffsets, offsetsOf, scalesOf } from "./fit-subspace.ts";
import type { Decoder } from "./networks.ts";
import { modelOf } from "./same-model.ts";
import { type MethodSolutions, type Solution, type SolutionTable, tabulate } from "./solution.ts";
import { createSubspace, type Subspace } from "./subspace.ts";

/** Settings of baselines. */
export interface BaselineOptions extends Filtered {
  /** Coordinates, d. */
  readonly dimension: number;
}

const linear = (up: Tensor2D): Decoder => ({
  kind: "linear",
  parameters: new Map([["up", up]]),
  apply: (at, point) => tidy(() => reshape(matMul(point, at.get("up") as Tensor2D), [up.shape[1]])),
  settings: { kind: "linear" },
  dispose: () => undefined,
});

/** A subspace whose linear decoders are made method by method. */
async function spaceOf(
  caller: string,
  solutions: readonly Solution<never>[],
  options: BaselineOptions,
  make: (method: MethodSolutions<never>, rows: Tensor2D, scale: number) => Promise<Tensor2D> | Tensor2D,
): Promise<Subspace> {
  checkOptions(caller, options, ["dimension", "only"]);
  checkDimension(caller, options.dimension);
  const table: SolutionTable<never> = await tabulate(caller, solutions, options.only);
  const offsets = offsetsOf(table);
  const made: Tensor[] = [];
  try {
    const scales = await scalesOf(table, offsets);
    const spaces = [];
    for (const [k, method] of table.methods.entries()) {
      const rows = tidy(() => concat(table.tasks.map((task) => offsets.get(task)!.get(method.name)!))) as Tensor2D;
      const up = await (async () => make(method, rows, scales[k]!))().finally(() => rows.dispose());
      const start = cloneParameters(method.start);
      made.push(up, ...start.values());
      spaces.push({
        name: method.name,
        shapes: method.shapes,
        start,
        decoder: linear(up),
        ...modelOf(method.objective),
      });
    }
    const coordinates = new Map(table.tasks.map((task) => [task, new Map<string, Float32Array>()]));
    const space = await createSubspace(options.dimension, table.tasks, spaces, coordinates);
    for (const task of table.tasks)
      for (const { name, points } of table.methods)
        coordinates.get(task)!.set(name, await space.encode(name, points.get(task)!));
    return space;
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  } finally {
    disposeOffsets(offsets);
    table.dispose();
  }
}

/**
 * A subspace of random directions, as long as those of a fitted one: what `fitSubspace` has to beat at equal dimension.
 *
 * @throws As `fitSubspace`.
 */
export function randomSubspace(
  solutions: readonly Solution<never>[],
  options: BaselineOptions,
  random: Random,
): Promise<Subspace> {
  return spaceOf("randomSubspace", solutions, options, ({ name, shapes }, _rows, scale) => {
    const size = sizeOf(shapes);
    return random.at(name).normal([options.dimension, size], 0, scale / Math.sqrt(size)) as Tensor2D;
  });
}

/**
 * Each method's own principal directions: as good for reconstruction as linear decoders can be, but coordinates of one method mean
 * nothing to another, so that transfer between methods shows what sharing brings.
 *
 * @throws {ConfigError} As `fitSubspace`, and when there are more dimensions than the solutions of a method differ in.
 */
export function pcaSubspace(solutions: readonly Solution<never>[], options: BaselineOptions): Promise<Subspace> {
  return spaceOf("pcaSubspace", solutions, options, async ({ name }, rows, scale) => {
    const { basis } = await directionsOf(rows, options.dimension);
    const [rank] = basis.shape;
    if (rank < options.dimension) {
      basis.dispose();
      throw new ConfigError({
        message: `pcaSubspace: the solutions by ${name} have ${rank} directions, and ${options.dimension} are asked for`,
      });
    }
    const up = tidy(() => mul(basis, scalar(scale)) as Tensor2D);
    basis.dispose();
    return up;
  });
}

/**
 * The mean of a method's solutions, `θ⁰ + mean δ`: what all tasks have in common, without any training. The caller owns it.
 *
 * @throws {ConfigError} For a method without solutions, and as `fitSubspace`.
 */
export async function meanSolution(
  solutions: readonly Solution<never>[],
  method: string,
  options: Filtered = {},
): Promise<Map<string, Tensor>> {
  checkOptions("meanSolution", options, ["only"]);
  const mine = solutions.filter((one) => one.method === method);
  if (mine.length === 0)
    throw new ConfigError({
      message: `meanSolution: there is no solution by ${method}; they are by ${[...new Set(solutions.map((one) => one.method))].join(", ")}`,
    });
  const table = await tabulate("meanSolution", mine, options.only);
  const offsets = offsetsOf(table);
  const { shapes, start } = table.methods[0]!;
  const flat = tidy(() => mean(concat([...offsets.values()].map((row) => row.get(method)!)), 0) as Tensor1D);
  const moved = cut(flat, shapes);
  const point = new Map([...moved].map(([name, offset]) => [name, add(start.get(name)!, offset)] as const));
  for (const tensor of [flat, ...moved.values()]) tensor.dispose();
  disposeOffsets(offsets);
  table.dispose();
  return point;
}
