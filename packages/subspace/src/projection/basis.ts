/** Projections onto directions that are known: those in which points of a training run, or of several models, differ most. */
import { ConfigError, checkOptions, type Json, ShapeError, StateError } from "@cambium/base";
import { eigenOfSymmetric, type PointLike, treeOf } from "@cambium/connectivity";
import { fingerprint, type Parameters } from "@cambium/core";
import {
  concat,
  dispose,
  matMul,
  reshape,
  sub,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import { checkDimension, cut, type Filtered, movedShapes, type Projection } from "./projection.ts";

/** Settings of `trajectoryProjection`. */
export interface TrajectoryOptions extends Filtered {
  /** Directions in each block, at most points − 1. */
  readonly dimension: number;
  /** The block that a tensor belongs to, such as its layer. @default all of them are one block */
  readonly block?: (name: string) => string;
  /** Whether all blocks read the same coordinates, or each has its own (`z.<block>`). @default false */
  readonly shared?: boolean;
  /** What the points' offsets are taken from. @default the first point */
  readonly origin?: PointLike;
}

/** Squared singular values, next to the largest, below which float32 knows no direction. */
export const NOISE = 1e-11;

/** Orthonormal directions of a stack of vectors. */
export interface Directions {
  /** By rows, `[rank, params]`. The caller owns it. */
  readonly basis: Tensor2D;
  /** Singular values of the stack, falling, `[rank]`. */
  readonly values: readonly number[];
  /** Sum of all squared singular values. */
  readonly total: number;
}

/** `X Xᵀ` on the host, in double precision: squares of float32 numbers have twice as many digits as these. */
export async function gramOf(rows: Tensor2D): Promise<number[][]> {
  const [count, size] = rows.shape;
  const values = await rows.data();
  const gram = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += values[i * size + k]! * values[j * size + k]!;
      gram[i]![j] = sum;
      gram[j]![i] = sum;
    }
  }
  return gram;
}

/** `L⁻¹` of `G = L Lᵀ` by rows: what makes rows of Gram matrix G orthonormal, each with the help of earlier ones alone. */
function inverseFactor(gram: readonly (readonly number[])[]): Float64Array[] {
  const size = gram.length;
  const lower = gram.map(() => new Float64Array(size));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = gram[i]![j]!;
      for (let k = 0; k < j; k++) rest -= lower[i]![k]! * lower[j]![k]!;
      lower[i]![j] = i === j ? Math.sqrt(rest) : rest / lower[j]![j]!;
    }
  }
  const inverse = gram.map(() => new Float64Array(size));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = i === j ? 1 : 0;
      for (let k = j; k < i; k++) rest -= lower[i]![k]! * inverse[k]![j]!;
      inverse[i]![j] = rest / lower[i]![i]!;
    }
  }
  return inverse;
}

const times = (matrix: readonly Float64Array[], rows: Tensor2D): Tensor2D =>
  tidy(() =>
    matMul(tensor2d(Float32Array.from(matrix.flatMap((row) => [...row])), [matrix.length, rows.shape[0]]), rows),
  );

/**
 * The first right singular vectors of `[rows, params]`, by the small Gram matrix of the rows. `O(rows² · params)`. The second pass
 * makes them orthogonal to float32's last digits, which the first one alone does not where singular values are far apart.
 */
export async function directionsOf(rows: Tensor2D, most: number): Promise<Directions> {
  const gram = await gramOf(rows);
  const broken = gram.findIndex((row, i) => !Number.isFinite(row[i]));
  if (broken >= 0)
    throw new StateError({ message: `directions: point ${broken} holds numbers that are not finite`, point: broken });
  const pairs = eigenOfSymmetric(gram);
  const total = pairs.reduce((sum, { value }) => sum + Math.max(0, value), 0);
  const largest = pairs[0]?.value ?? 0;
  const kept = pairs.slice(0, most).filter(({ value }) => value > NOISE * largest);
  if (!(largest > 0)) return { basis: zeros([0, rows.shape[1]]) as Tensor2D, values: [], total: 0 };
  const first = times(
    kept.map(({ value, vector }) => vector.map((each) => each / Math.sqrt(value))),
    rows,
  );
  const basis = times(inverseFactor(await gramOf(first)), first);
  first.dispose();
  return { basis, values: kept.map(({ value }) => Math.sqrt(value)), total };
}

/** One block of a basis: `[dimension, params of the block]`. */
interface Block {
  readonly name: string;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly basis: Tensor2D;
}

function projectionOfBlocks(kind: string, blocks: readonly Block[], isShared: boolean, about: Json): Projection {
  const ranks = blocks.map(({ basis }) => basis.shape[0]);
  const nameOf = (name: string): string => (isShared ? "z" : `z.${name}`);
  const coordinates = new Map(blocks.map(({ name }, i) => [nameOf(name), [ranks[i]!]]));
  return {
    kind,
    dimension: [...coordinates.values()].reduce((sum, [size]) => sum + size!, 0),
    shapes: new Map(blocks.flatMap(({ shapes }) => [...shapes])),
    coordinates,
    start: () => new Map([...coordinates].map(([name, shape]) => [name, zeros([...shape])])),
    apply: (given) =>
      new Map(
        blocks.flatMap(({ name, shapes, basis }) => {
          const z = given.get(nameOf(name));
          if (z?.size !== basis.shape[0])
            throw new ShapeError({
              message: `${kind}: the coordinates must have "${nameOf(name)}" of ${basis.shape[0]} numbers, got ${z === undefined ? "none" : `[${z.shape}]`}`,
            });
          const flat = tidy(() => reshape(matMul(reshape(z, [1, z.size]) as Tensor2D, basis), [basis.shape[1]]));
          const parts = [...cut(flat as Tensor1D, shapes)];
          flat.dispose();
          return parts;
        }),
      ),
    describe: async () => ({
      kind,
      about,
      bases: await Promise.all(blocks.map(({ basis }) => fingerprint(basis))),
    }),
    dispose: () => dispose(blocks.map(({ basis }) => basis)),
  };
}

/** Offsets of points from an origin as rows, `[points, params]`. The caller owns them. */
function rowsOf(points: readonly Parameters[], origin: Parameters, names: Iterable<string>): Tensor2D {
  const list = [...names];
  return tidy(() =>
    concat(
      points.map((tree) =>
        reshape(
          concat(list.map((name) => reshape(sub(tree.get(name)!, origin.get(name)!), [-1])) as Tensor1D[]),
          [1, -1],
        ),
      ) as Tensor2D[],
    ),
  );
}

/**
 * The subspace in which a training run moved: the first right singular vectors of its points' offsets, block by block. `θ₀` of
 * whoever trains in it is added by them, usually the same origin.
 *
 * @param points - Checkpoints of one run, or solutions of several, of one shape.
 * @throws {ConfigError} When there are fewer points than directions, or the points do not differ in a block.
 * @throws {ShapeError} When points have other names or shapes than the first.
 * @throws {StateError} When a point holds numbers that are not finite.
 * @see Zhang et al. 2023, Fine-tuning Happens in Tiny Subspaces, ACL, section 3.
 * @example
 * const projection = await trajectoryProjection(checkpoints, { dimension: 8, block: layerOf });
 */
export async function trajectoryProjection(
  points: readonly PointLike[],
  options: TrajectoryOptions,
): Promise<Projection> {
  checkOptions("trajectoryProjection", options, ["dimension", "only", "block", "shared", "origin"]);
  const { dimension, block = () => "all", shared = options.block === undefined, origin = points[0] } = options;
  checkDimension("trajectoryProjection", dimension);
  if (points.length < 2 || origin === undefined)
    throw new ConfigError({ message: `trajectoryProjection: at least 2 points are needed, got ${points.length}` });
  const start = treeOf(origin);
  const trees = points.map(treeOf);
  const shapes = movedShapes("trajectoryProjection", start, options);
  for (const [i, tree] of trees.entries()) {
    for (const [name, shape] of shapes)
      if (`${tree.get(name)?.shape}` !== `${shape}`)
        throw new ShapeError({
          message: `trajectoryProjection: "${name}" is [${shape}] at the origin and ${tree.has(name) ? `[${tree.get(name)!.shape}]` : "absent"} in point ${i}`,
        });
  }
  const names = new Map<string, string[]>();
  for (const name of shapes.keys()) names.set(block(name), [...(names.get(block(name)) ?? []), name]);
  const blocks: Block[] = [];
  try {
    for (const [label, members] of names) {
      const rows = rowsOf(trees, start, members);
      const { basis } = await directionsOf(rows, dimension).finally(() => rows.dispose());
      blocks.push({ name: label, basis, shapes: new Map(members.map((name) => [name, shapes.get(name)!])) });
      if (basis.shape[0] < dimension)
        throw new ConfigError({
          message: `trajectoryProjection: the ${points.length} points differ in ${basis.shape[0]} directions in block "${label}", and ${dimension} are asked for`,
          block: label,
        });
    }
  } catch (error) {
    dispose(blocks.map(({ basis }) => basis));
    throw error;
  }
  return projectionOfBlocks("trajectory", blocks, shared, { shared, blocks: Object.fromEntries(names) });
}
