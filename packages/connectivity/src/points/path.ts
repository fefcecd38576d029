/**
 * Curves in the space of points. Each is a sum of a few fixed nodes whose coefficients depend on t alone, so that every point of it
 * comes from one graph, and a loss at it has gradients with respect to the nodes.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { abs, mul, relu, scalar, sub, type Tensor, type Tensor1D, tidy } from "@tensorflow/tfjs-core";
import { combine } from "./combination.ts";
import { alike, type PointLike } from "./point.ts";
import { dotsOf } from "./vectors.ts";

/** Kinds of curves. */
export type PathKind = "line" | "bezier" | "polychain" | "sphere";

/** A curve from one point to another: t from 0 to 1 gives trees of parameters. */
export interface Path {
  readonly kind: PathKind;
  /** Its ends, and between them the bends. Not copied; they stay whose they are. */
  readonly nodes: readonly Parameters[];
  /** What each node counts at t. */
  coefficients(t: number): readonly number[];
  /**
   * The point at t. At 0 and 1 it is the end to the bit. The caller owns it.
   *
   * @throws {ConfigError} When t is not finite, or outside [0, 1] on a chain, which ends there.
   */
  at(t: number): Map<string, Tensor>;
}

function checkT(kind: PathKind, t: number): void {
  if (Number.isFinite(t) && (kind !== "polychain" || (t >= 0 && t <= 1))) return;
  throw new ConfigError({
    message: `${kind}: t must be ${kind === "polychain" ? "from 0 to 1" : "finite"}, got ${t}`,
    t,
  });
}

function binomials(degree: number): number[] {
  return Array.from({ length: degree + 1 }, (_, k) => {
    let value = 1;
    for (let i = 0; i < k; i++) value = (value * (degree - i)) / (i + 1);
    return value;
  });
}

/** Coefficients by kind, of as many nodes as there are. They add up to 1. */
const formulas: Readonly<Record<Exclude<PathKind, "sphere">, (t: number, count: number) => readonly number[]>> = {
  line: (t) => [1 - t, t],
  bezier: (t, count) => binomials(count - 1).map((c, k) => c * t ** k * (1 - t) ** (count - 1 - k)),
  polychain: (t, count) => Array.from({ length: count }, (_, k) => Math.max(0, 1 - Math.abs(t * (count - 1) - k))),
};

/** A curve whose coefficients add up to 1. */
export function pathThrough(kind: Exclude<PathKind, "sphere">, points: readonly PointLike[]): Path {
  const nodes = alike(kind, points, 2);
  const coefficients = (t: number): readonly number[] => {
    checkT(kind, t);
    return formulas[kind](t, nodes.length);
  };
  return { kind, nodes, coefficients, at: (t) => combine(nodes, coefficients(t), 1) };
}

/**
 * What the nodes of a trainable curve count at t, `[1]` each, differentiable and without a number that depends on t.
 *
 * @param t - Of shape [1].
 */
export function coefficientTensors(kind: "bezier" | "polychain", count: number, t: Tensor1D): Tensor[] {
  const rest = sub(scalar(1), t);
  const power = (x: Tensor, exponent: number): Tensor =>
    Array.from({ length: exponent }).reduce<Tensor>((y) => mul(y, x), scalar(1));
  return Array.from({ length: count }, (_, k) =>
    tidy(() =>
      kind === "polychain"
        ? relu(sub(scalar(1), abs(sub(mul(t, scalar(count - 1)), scalar(k)))))
        : mul(mul(power(t, k), power(rest, count - 1 - k)), scalar(binomials(count - 1)[k]!)),
    ),
  );
}

/**
 * The straight line `(1 − t) a + t b`. It goes on straight before 0 and beyond 1.
 *
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 * @example
 * const middle = line(a, b).at(0.5);
 */
export function line(from: PointLike, to: PointLike): Path {
  return pathThrough("line", [from, to]);
}

/** Settings of `bezier` and `polychain`. */
export interface BendOptions {
  /** Nodes between the ends, which are what is trained. The ends do not count. @default 1 */
  readonly bends?: number;
}

function bent(
  kind: "bezier" | "polychain",
  from: PointLike,
  to: PointLike,
  bends: readonly PointLike[] | BendOptions,
): Path {
  if (Array.isArray(bends)) return pathThrough(kind, [from, ...bends, to]);
  checkOptions(kind, bends as BendOptions, ["bends"]);
  const { bends: count = 1 } = bends as BendOptions;
  if (!Number.isInteger(count) || count < 1)
    throw new ConfigError({ message: `${kind}: bends must be an integer from 1, got ${count}`, bends: count });
  const straight = line(from, to);
  const between = Array.from({ length: count }, (_, k) => straight.at((k + 1) / (count + 1)));
  return pathThrough(kind, [from, ...between, to]);
}

/**
 * A Bezier curve `Σ C(n+1, k) tᵏ (1 − t)ⁿ⁺¹⁻ᵏ wₖ` with n bends, which it is drawn towards and does not touch.
 *
 * @param bends - The bends themselves, or how many: then they start on the line, so that the curve is the line until it is
 *   trained, and the caller owns them (`path.nodes.slice(1, -1)`).
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 * @see Garipov et al. 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs, arXiv:1802.10026, section 3.1. Their
 *   program counts the ends among the bends; here they do not count.
 * @example
 * const path = bezier(a, b, { bends: 1 });
 */
export function bezier(from: PointLike, to: PointLike, bends: readonly PointLike[] | BendOptions = {}): Path {
  return bent("bezier", from, to, bends);
}

/**
 * Straight pieces from node to node, each for an equal share of t.
 *
 * @param bends - As of `bezier`.
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 * @see Garipov et al. 2018, arXiv:1802.10026, section 3.1.
 */
export function polychain(from: PointLike, to: PointLike, bends: readonly PointLike[] | BendOptions = {}): Path {
  return bent("polychain", from, to, bends);
}

/** From this cosine on, an arc is a line to within float32, as in mergekit. */
export const STRAIGHT = 0.9995;

/**
 * The arc `sin((1 − t) Ω) / sin Ω · a + sin(t Ω) / sin Ω · b` at the angle Ω between the trees as vectors: spherical interpolation
 * (Shoemake 1985). Where one is zero, or |cos Ω| is above 0.9995, it is the line.
 *
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 */
export async function sphere(from: PointLike, to: PointLike): Promise<Path> {
  const nodes = alike("sphere", [from, to], 2);
  const [a, b] = nodes as readonly [Parameters, Parameters];
  const [aa, bb, ab] = (await dotsOf([
    [a, a],
    [b, b],
    [a, b],
  ])) as [number, number, number];
  const cosine = ab / Math.sqrt(aa * bb);
  if (!(Math.abs(cosine) <= STRAIGHT)) return line(a, b);
  const angle = Math.acos(cosine);
  const coefficients = (t: number): readonly number[] => {
    checkT("sphere", t);
    if (t === 0 || t === 1) return [1 - t, t];
    return [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  };
  return { kind: "sphere", nodes, coefficients, at: (t) => combine(nodes, coefficients(t)) };
}

/** `count` values of t from 0 to 1 at equal distances, both ends among them. */
export function evenly(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i / (count - 1));
}
