/**
 * What a projection is: few coordinates in, an offset of many parameters out. Everything that trains, measures or stores a point
 * by its coordinates is written once against this interface; a kind of projection is a file beside this one.
 */
import { ConfigError, type Json, ShapeError } from "@cambium/base";
import { type Parameters, sizeOfShape } from "@cambium/core";
import { reshape, slice, type Tensor, type Tensor1D, tidy } from "@tensorflow/tfjs-core";

/** Few coordinates that move many parameters: `θ = θ₀ + P(z)`. */
export interface Projection {
  /** Such as `"fastfood"`. */
  readonly kind: string;
  /** Coordinates in all. */
  readonly dimension: number;
  /** What it moves: shapes by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Shapes of the coordinates by name; most kinds have one vector, `z`. */
  readonly coordinates: ReadonlyMap<string, readonly number[]>;
  /** Coordinates at which nothing moves. The caller owns them. */
  start(): Map<string, Tensor>;
  /** The offset at coordinates, under the names of `shapes`. Differentiable; the caller owns it. */
  apply(coordinates: Parameters): Map<string, Tensor>;
  /** What it is, as JSON, with a fingerprint where numbers are drawn. */
  describe(): Promise<Json>;
  /** Frees its tensors. */
  dispose(): void;
}

/** Names and shapes of what a projection shall move: tensors, or shapes alone. */
export type Shaped = ReadonlyMap<string, { readonly shape: readonly number[]; readonly dtype?: string }>;

/** Which of a tree a projection moves. */
export interface Filtered {
  /** Names that it moves. @default all */
  readonly only?: (name: string) => boolean;
}

/**
 * Shapes that a projection moves.
 *
 * @throws {ConfigError} When there are none, or one of them does not hold floats.
 */
export function movedShapes(
  caller: string,
  like: Shaped,
  { only = () => true }: Filtered,
): Map<string, readonly number[]> {
  const moved = [...like].filter(([name]) => only(name));
  if (moved.length === 0)
    throw new ConfigError({
      message: `${caller}: there is nothing to move; "only" takes none of ${[...like.keys()].join(", ") || "no names"}`,
    });
  for (const [name, { dtype = "float32" }] of moved)
    if (dtype !== "float32")
      throw new ConfigError({ message: `${caller}: "${name}" is ${dtype}, which does not move`, name });
  return new Map(moved.map(([name, { shape }]) => [name, shape]));
}

/** @throws {ConfigError} When a dimension is no integer from `least`. */
export function checkDimension(caller: string, dimension: number, least = 1): void {
  if (!Number.isInteger(dimension) || dimension < least)
    throw new ConfigError({
      message: `${caller}: dimension must be an integer from ${least}, got ${dimension}`,
      dimension,
    });
}

/** The coordinates of a projection that has one vector. */
export function vectorOf(caller: string, coordinates: Parameters, dimension: number): Tensor1D {
  const z = coordinates.get("z");
  if (z?.size === dimension) return reshape(z, [dimension]);
  throw new ShapeError({
    message: `${caller}: the coordinates must have a vector "z" of ${dimension} numbers, got ${z === undefined ? `only ${[...coordinates.keys()].join(", ") || "nothing"}` : `[${z.shape}]`}`,
  });
}

/** Cuts a vector into tensors of shapes, in their order. The caller owns them. */
export function cut(flat: Tensor1D, shapes: ReadonlyMap<string, readonly number[]>): Map<string, Tensor> {
  let from = 0;
  return new Map(
    [...shapes].map(([name, shape]) => {
      const size = sizeOfShape(shape);
      const piece = tidy(() => reshape(slice(flat, [from], [size]), [...shape]));
      from += size;
      return [name, piece] as const;
    }),
  );
}

/** Numbers in a tree of shapes. */
export function sizeOf(shapes: ReadonlyMap<string, readonly number[]>): number {
  return [...shapes.values()].reduce((sum, shape) => sum + sizeOfShape(shape), 0);
}
