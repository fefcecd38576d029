/** One subspace for several methods: points by their coordinates, and coordinates of points. */
import { ConfigError, type Json, nearest, ShapeError } from "@cambium/base";
import { eigenOfSymmetric, type PointLike, treeOf } from "@cambium/connectivity";
import { fingerprint, type Parameters } from "@cambium/core";
import type { Delta } from "@cambium/delta";
import {
  add,
  dispose,
  matMul,
  reshape,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import { gramOf, NOISE } from "../projection/basis.ts";
import { cut, type Projection, vectorOf } from "../projection/projection.ts";
import { checkedCoordinates } from "./coordinates.ts";
import { subspaceDelta } from "./delta.ts";
import { type Activation, type Decoder, encodeBy } from "./networks.ts";
import { rowOf } from "./solution.ts";

/** A method in a subspace. */
export interface MethodSpace {
  readonly name: string;
  /** What it moves. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** θ⁰ of that. Owned by the subspace. */
  readonly start: Parameters;
  readonly decoder: Decoder;
  /** A trained encoder; without one, coordinates are those of least squares. */
  readonly encoder?: { readonly activation: Activation; readonly parameters: Parameters };
  /** Deltas of the model that its first solution was, for `subspace.delta`. */
  readonly deltas: readonly Delta[];
  /** What these stand on, as far as it is known; not owned. */
  readonly backbone?: { readonly parameters: Parameters; readonly headParameters?: readonly string[] };
}

/** Numbers as coordinates: an array, or a vector that gradients pass. */
export type Coordinates = ArrayLike<number> | Tensor1D;

/** One subspace in which the solutions of several tasks and methods lie. */
export interface Subspace {
  readonly dimension: number;
  readonly methods: readonly string[];
  /** Tasks that it was made of. */
  readonly tasks: readonly string[];
  /** Coordinates of the solutions, by task and method. */
  readonly coordinates: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>;
  /** A method's part. */
  method(name: string): MethodSpace;
  /** The subspace as a projection of a method's parameters: `trainInSubspace`, landscapes and Hessians take it. */
  projection(name: string): Projection;
  /** Coordinates of a point of a method. */
  encode(name: string, point: PointLike): Promise<Float32Array>;
  /** `θ⁰ + U I`: what of a method's parameters lies in the subspace, at coordinates. The caller owns it. */
  decode(name: string, coordinates: Coordinates): Map<string, Tensor>;
  /**
   * A delta that trains the coordinates alone: `attach(base, space.delta("lora"))`. The subspace must outlive it. The caller owns
   * its coordinates, which start near zero, normal with deviation 0.02, or where they are said to. It is for the model that the method's
   * solutions stand on; whether it is attached to that one is not looked at here: `optimiseInSubspace` and `loadSubspace` do.
   */
  delta(name: string, coordinates?: ArrayLike<number>): Delta;
  /** Frees its tensors. */
  dispose(): void;
}

/**
 * `W = Uᵀ (U Uᵀ)⁻¹` of `[params, dimension]` for `U` of `[dimension, params]`: coordinates of least squares. The caller owns it. Where
 * directions depend on each other, as those of a method with fewer parameters than coordinates do, the shortest of equally good ones.
 */
export async function leastSquares(up: Tensor2D): Promise<Tensor2D> {
  const size = up.shape[0];
  const pairs = eigenOfSymmetric(await gramOf(up));
  const largest = pairs[0]!.value;
  const inverse = new Float32Array(size * size);
  for (const { value, vector } of pairs) {
    if (!(value > NOISE * largest)) continue;
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) inverse[i * size + j]! += (vector[i]! * vector[j]!) / value;
  }
  return tidy(() => matMul(up, tensor2d(inverse, [size, size]), true, false));
}

async function encodeRow({ name, decoder, encoder }: MethodSpace, row: Tensor2D): Promise<Float32Array> {
  let down: Tensor2D | undefined;
  if (encoder === undefined) {
    if (decoder.kind !== "linear")
      throw new ConfigError({
        message: `encode: ${name} has a ${decoder.kind} decoder and no encoder, so its points have no coordinates`,
      });
    down = await leastSquares(decoder.parameters.get("up") as Tensor2D);
  }
  const found = tidy(() =>
    down === undefined ? encodeBy(encoder!.parameters, encoder!.activation, row) : matMul(row, down),
  );
  down?.dispose();
  try {
    return Float32Array.from(await found.data());
  } finally {
    found.dispose();
  }
}

/** A method's part as a projection, which owns nothing. */
function projectionOf(space: MethodSpace, dimension: number): Projection {
  const { name, decoder, shapes } = space;
  const kind = `subspace of ${name}`;
  return {
    kind,
    dimension,
    shapes,
    coordinates: new Map([["z", [dimension]]]),
    start: () => new Map([["z", zeros([dimension])]]),
    apply(coordinates) {
      const flat = tidy(() =>
        decoder.apply(decoder.parameters, reshape(vectorOf(kind, coordinates, dimension), [1, dimension])),
      );
      const parts = cut(flat, shapes);
      flat.dispose();
      return parts;
    },
    describe: async (): Promise<Json> => ({
      kind,
      dimension,
      decoder: decoder.settings,
      parameters: await fingerprint(decoder.parameters),
      start: await fingerprint(space.start),
    }),
    dispose: () => undefined,
  };
}

/** A subspace of its methods. It owns their tensors from now on. */
export async function createSubspace(
  dimension: number,
  tasks: readonly string[],
  spaces: readonly MethodSpace[],
  coordinates: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>,
): Promise<Subspace> {
  const methods = spaces.map(({ name }) => name);
  const method = (name: string): MethodSpace => {
    const found = spaces.find((one) => one.name === name);
    if (found !== undefined) return found;
    const near = nearest(name, methods);
    throw new ConfigError({
      message: `subspace: there is no method "${name}"; ${near === undefined ? `it has ${methods.join(", ")}` : `is "${near}" meant?`}`,
      name,
    });
  };
  const vector = (given: Coordinates): Tensor1D => {
    if (!("shape" in given)) return tensor1d(checkedCoordinates("subspace", given, dimension));
    const { size } = given;
    if (size === dimension) return reshape(given, [dimension]);
    throw new ShapeError({ message: `subspace: a point has ${dimension} coordinates, got ${size}`, size });
  };
  return {
    dimension,
    methods,
    tasks,
    coordinates,
    method,
    projection: (name) => projectionOf(method(name), dimension),
    async encode(name, point) {
      const space = method(name);
      const tree = treeOf(point);
      for (const [key, shape] of space.shapes)
        if (`${tree.get(key)?.shape}` !== `${shape}`)
          throw new ShapeError({
            message: `encode: the point has no "${key}" of [${shape}], which ${name} has in the subspace`,
          });
      const row = rowOf(tree, space.start, space.shapes);
      try {
        return await encodeRow(space, row);
      } finally {
        row.dispose();
      }
    },
    decode(name, given) {
      const { start } = method(name);
      const z = vector(given);
      const offsets = projectionOf(method(name), dimension).apply(new Map([["z", z]]));
      z.dispose();
      const point = new Map([...offsets].map(([key, offset]) => [key, add(start.get(key)!, offset)]));
      for (const offset of offsets.values()) offset.dispose();
      return point;
    },
    delta: (name, given) => subspaceDelta(method(name), dimension, given),
    dispose() {
      for (const { start, decoder, encoder } of spaces) {
        decoder.dispose();
        for (const tree of [start, decoder.parameters, encoder?.parameters])
          for (const tensor of tree?.values() ?? []) if (!tensor.isDisposed) dispose(tensor);
      }
    },
  };
}
