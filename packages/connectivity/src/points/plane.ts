/** Planes in the space of points. */
import { ConfigError } from "@cambium/base";
import { disposeParameters, type Parameters } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { move } from "./combination.ts";
import { alike, type PointLike } from "./point.ts";
import { dotOf, offset, scaled } from "./vectors.ts";

/** `origin + x · across + y · up`. */
export interface Plane {
  readonly origin: Parameters;
  /** Directions. Of `plane` they are orthogonal and of length 1. The caller owns them. */
  readonly across: Parameters;
  readonly up: Parameters;
  /** The point at coordinates. The caller owns it. */
  at(x: number, y: number): Map<string, Tensor>;
}

/** A plane of an origin and two directions. Nothing is copied. */
export function planeOf(origin: Parameters, across: Parameters, up: Parameters): Plane {
  return { origin, across, up, at: (x, y) => move(origin, [across, up], [x, y]) };
}

/** Coordinates of a point in a plane, and what of it lies outside. */
export interface Projection {
  readonly x: number;
  readonly y: number;
  /** From the point to the plane. */
  readonly distance: number;
}

/**
 * The plane through three points, with the first as its origin and the second at `y = 0`. Its axes have length 1, so that
 * coordinates are distances between trees. The caller owns both directions.
 *
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 * @throws {ConfigError} When the points lie on one line.
 * @see Garipov et al. 2018, arXiv:1802.10026, section 3.3 and figure 1.
 * @example
 * const through = await plane(a, b, bend);
 * const middle = through.at(0.5 * (await projectPoint(through, b)).x, 0);
 */
export async function plane(origin: PointLike, second: PointLike, third: PointLike): Promise<Plane> {
  const [a, b, c] = alike("plane", [origin, second, third], 3) as readonly [Parameters, Parameters, Parameters];
  const flat = (): ConfigError =>
    new ConfigError({ message: "plane: the three points lie on one line, through which there are many planes" });
  const [first, other] = [offset(a, b), offset(a, c)];
  try {
    const [length, far] = [Math.sqrt(await dotOf(first, first)), Math.sqrt(await dotOf(other, other))];
    if (!(length > 0 && far > 0)) throw flat();
    const across = scaled(first, 1 / length);
    // Twice, since a difference of near numbers has lost digits.
    let up: Parameters = other;
    for (let pass = 0; pass < 2; pass++) {
      const rest = move(up, [across], [-(await dotOf(up, across))]);
      if (up !== other) disposeParameters(up);
      up = rest;
    }
    const height = Math.sqrt(await dotOf(up, up));
    if (!(height > 1e-5 * far)) {
      disposeParameters(up);
      disposeParameters(across);
      throw flat();
    }
    const unit = scaled(up, 1 / height);
    disposeParameters(up);
    return planeOf(a, across, unit);
  } finally {
    disposeParameters(first);
    disposeParameters(other);
  }
}

/**
 * Coordinates of the point of a plane that is nearest to a given one, for planes whose directions are orthogonal.
 *
 * @throws {ShapeError} When the point has other names or shapes.
 */
export async function projectPoint({ origin, across, up }: Plane, point: PointLike): Promise<Projection> {
  const [start, tree] = alike("projectPoint", [origin, point], 2) as readonly [Parameters, Parameters];
  const way = offset(start, tree);
  try {
    const [x, y] = [
      (await dotOf(way, across)) / (await dotOf(across, across)),
      (await dotOf(way, up)) / (await dotOf(up, up)),
    ];
    const rest = move(way, [across, up], [-x, -y]);
    const distance = Math.sqrt(await dotOf(rest, rest));
    disposeParameters(rest);
    return { x, y, distance };
  } finally {
    disposeParameters(way);
  }
}
