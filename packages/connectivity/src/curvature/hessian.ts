/** How sharp a minimum is: the extreme eigenvalues of the Hessian, and its trace. */
import { ConfigError, checkOptions } from "@cambium/base";
import { countParameters, type Objective, type Random, random as seeded } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { alike, type PointLike } from "../points/point.ts";
import { dotOf } from "../points/vectors.ts";
import { createDifferentiator } from "./gradients.ts";
import { eigenOfSymmetric } from "./tridiagonal.ts";
import { hessianVector } from "./vector-product.ts";

/** Settings of `measureHessian`. */
export interface MeasureHessianOptions {
  /** The point. @default the objective's own */
  readonly point?: PointLike;
  /** Eigenvalues wanted from the top. @default 1 */
  readonly count?: number;
  /** Most steps of Lanczos, each two gradients and a vector in memory. @default 30 */
  readonly iterations?: number;
  /** Residual next to the largest eigenvalue at which the wanted ones are found. @default 1e-3 */
  readonly tolerance?: number;
  /** Random signs for the trace, each two gradients; 0 for no trace. @default 0 */
  readonly traceSamples?: number;
  /** Where the first vector and the signs come from. @default random(0) */
  readonly random?: Random;
  /** Whether eigenvectors are wanted. @default false */
  readonly vectors?: boolean;
}

/** What is known of a Hessian. */
export interface Hessian {
  /** The largest eigenvalues, falling; fewer where there are fewer parameters. */
  readonly top: readonly number[];
  /** The smallest that was found: an upper bound of the least, and close to it after enough steps. */
  readonly bottom: number;
  /** `|bottom / top[0]|`: far from convex where it is not small (Li et al. 2018, section 6). */
  readonly ratio: number;
  /** `‖H v − λ v‖` of each of `top`, at most. */
  readonly residuals: readonly number[];
  /** Whether the residuals came below the tolerance. */
  readonly converged: boolean;
  /** Steps that were taken. */
  readonly iterations: number;
  /** Hutchinson's estimate, and its standard error, where it was asked for. */
  readonly trace?: { readonly value: number; readonly standardError: number };
  /** Of `top`, of length 1, `[params]` in the objective's order, where they were asked for. */
  readonly vectors?: readonly Float64Array[];
  /** Mean loss at the point, in nats, and the length of its gradient. */
  readonly loss: number;
  readonly gradientNorm: number;
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

function subtract(from: Float64Array, direction: Float64Array, factor: number): void {
  for (let i = 0; i < from.length; i++) from[i]! -= factor * direction[i]!;
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((value) => value / length);
}

/**
 * Extreme eigenvalues of the Hessian of the mean loss at a point, by Lanczos with full re-orthogonalisation (Golub and Van Loan 2013,
 * section 10.3; for networks Ghorbani et al. 2019, arXiv:1901.10159). Products with the Hessian are differences of gradients.
 *
 * `O(iterations · batches)` gradients, `O(iterations · params)` memory.
 *
 * @param objective - A tuned model, or any objective.
 * @param data - The same rows for every gradient: the first epoch.
 * @throws {ConfigError} For options out of range.
 * @throws {StateError} When the loss or a gradient is not finite.
 * @example
 * const { top, ratio } = await measureHessian(tuned, data, { count: 2 });
 */
export async function measureHessian<Batch>(
  objective: Objective<Batch>,
  data: Batches<Batch>,
  options: MeasureHessianOptions = {},
): Promise<Hessian> {
  const known = ["point", "count", "iterations", "tolerance", "traceSamples", "random", "vectors"] as const;
  checkOptions("measureHessian", options, known);
  const { point = objective, count = 1, iterations = 30, tolerance = 1e-3, traceSamples = 0 } = options;
  const { random = seeded(0), vectors = false } = options;
  for (const [name, value, least] of [
    ["count", count, 1],
    ["iterations", iterations, 1],
    ["traceSamples", traceSamples, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least)
      throw new ConfigError({ message: `measureHessian: ${name} must be an integer from ${least}, got ${value}` });
  }
  if (!(tolerance > 0))
    throw new ConfigError({ message: `measureHessian: tolerance must be above 0, got ${tolerance}` });
  if (iterations < count)
    throw new ConfigError({
      message: `measureHessian: ${count} eigenvalues need as many iterations, got ${iterations}`,
    });
  const tree = alike("measureHessian", [objective.parameters, point], 2)[1]!;
  const params = countParameters(tree);
  const differentiator = await createDifferentiator("measureHessian", objective, data);
  try {
    const norm = Math.sqrt(await dotOf(tree, tree));
    const { loss, gradient } = await differentiator.at(tree);
    const times = (vector: Float64Array): Promise<Float64Array> => hessianVector(differentiator, tree, norm, vector);
    const found = await lanczos(times, unit(random.at("start").normals(params)), { count, iterations, tolerance });
    const trace = traceSamples === 0 ? undefined : await estimateTrace(times, params, traceSamples, random.at("trace"));
    return {
      top: found.top.map(({ value }) => value),
      bottom: found.bottom,
      ratio: Math.abs(found.bottom / found.top[0]!.value),
      residuals: found.residuals,
      converged: found.converged,
      iterations: found.iterations,
      ...(trace !== undefined && { trace }),
      ...(vectors && { vectors: found.top.map(({ vector }) => vector) }),
      loss,
      gradientNorm: Math.sqrt(dot(gradient, gradient)),
    };
  } finally {
    differentiator.dispose();
  }
}

interface Found {
  readonly top: readonly { readonly value: number; readonly vector: Float64Array }[];
  readonly bottom: number;
  readonly residuals: readonly number[];
  readonly converged: boolean;
  readonly iterations: number;
}

async function lanczos(
  times: (vector: Float64Array) => Promise<Float64Array>,
  start: Float64Array,
  { count, iterations, tolerance }: { readonly count: number; readonly iterations: number; readonly tolerance: number },
): Promise<Found> {
  const basis = [start];
  const images: Float64Array[] = [];
  const most = Math.min(iterations, start.length);
  for (;;) {
    const last = basis.at(-1)!;
    const image = await times(last);
    images.push(image);
    // The projection of the whole matrix: differences of gradients are not quite symmetric, so both halves count.
    const size = basis.length;
    const projected = basis.map((v, i) => basis.map((w, j) => (dot(v, images[j]!) + dot(w, images[i]!)) / 2));
    const pairs = eigenOfSymmetric(projected);
    const rest = image.slice();
    for (let pass = 0; pass < 2; pass++) for (const vector of basis) subtract(rest, vector, dot(rest, vector));
    const beta = Math.sqrt(dot(rest, rest));
    const wanted = pairs.slice(0, count);
    const residuals = wanted.map(({ vector }) => beta * Math.abs(vector[size - 1]!));
    const largest = Math.max(...pairs.map(({ value }) => Math.abs(value)), Number.MIN_VALUE);
    const isExhausted = size === start.length || beta <= 1e-7 * largest;
    const converged = isExhausted || (size >= count && residuals.every((value) => value <= tolerance * largest));
    if (converged || size >= most) {
      const top = wanted.map(({ value, vector }) => {
        const whole = new Float64Array(start.length);
        for (const [i, each] of basis.entries()) subtract(whole, each, -vector[i]!);
        return { value, vector: whole };
      });
      return { top, bottom: pairs.at(-1)!.value, residuals, converged, iterations: size };
    }
    basis.push(rest.map((value) => value / beta));
  }
}

/** The mean of `vᵀ H v` over vectors of random signs (Hutchinson 1989). */
async function estimateTrace(
  times: (vector: Float64Array) => Promise<Float64Array>,
  params: number,
  samples: number,
  random: Random,
): Promise<{ readonly value: number; readonly standardError: number }> {
  const values: number[] = [];
  for (let k = 0; k < samples; k++) {
    const signs = Float64Array.from(random.at(k).uniforms(params), (value) => (value < 0.5 ? -1 : 1));
    values.push(dot(signs, await times(signs)));
  }
  const value = values.reduce((sum, each) => sum + each, 0) / samples;
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / Math.max(1, samples - 1);
  return { value, standardError: samples > 1 ? Math.sqrt(variance / samples) : Number.NaN };
}
