import { disposeParameters, type Parameters } from "@cambium/core";
import { alike, type PointLike } from "./point.ts";
import { dotsOf, offset } from "./vectors.ts";

/** How far two points are apart. */
export interface Distance {
  /** Euclidean. */
  readonly distance: number;
  /** Euclidean over the root of the number of scalars. */
  readonly perScalar: number;
  /** Cosine of the trees as vectors; NaN where one is zero. */
  readonly cosine: number;
  /** Cosine of the ways from the origin, where one was given; NaN where one has length zero. */
  readonly cosineFromOrigin?: number;
  /** Euclidean, of each tensor. */
  readonly byName: ReadonlyMap<string, number>;
}

/**
 * Distances and angles between two points.
 *
 * @param origin - Where both started, such as the weights before tuning. @default none
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 */
export async function measureDistance(a: PointLike, b: PointLike, origin?: PointLike): Promise<Distance> {
  const [x, y, start] = alike("measureDistance", origin === undefined ? [a, b] : [a, b, origin], 2) as readonly [
    Parameters,
    Parameters,
    Parameters | undefined,
  ];
  const way = offset(x, y);
  const ways = start === undefined ? [] : [offset(start, x), offset(start, y)];
  try {
    const single = [...way].map(([name, tensor]) => new Map([[name, tensor]]));
    const [xx, yy, xy, ...rest] = await dotsOf([
      [x, x],
      [y, y],
      [x, y],
      ...(ways.length === 0
        ? []
        : ([
            [ways[0]!, ways[0]!],
            [ways[1]!, ways[1]!],
            [ways[0]!, ways[1]!],
          ] as const)),
      ...single.map((tree) => [tree, tree] as const),
    ]);
    const squares = ways.length === 0 ? rest : rest.slice(3);
    const distance = Math.sqrt(squares.reduce((sum, value) => sum + value, 0));
    const count = [...way.values()].reduce((sum, { size }) => sum + size, 0);
    return {
      distance,
      perScalar: distance / Math.sqrt(count),
      cosine: xy! / Math.sqrt(xx! * yy!),
      ...(ways.length > 0 && { cosineFromOrigin: rest[2]! / Math.sqrt(rest[0]! * rest[1]!) }),
      byName: new Map([...way.keys()].map((name, i) => [name, Math.sqrt(squares[i]!)])),
    };
  } finally {
    for (const tree of [way, ...ways]) disposeParameters(tree);
  }
}
