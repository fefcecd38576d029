import { checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";
import {
  customGrad,
  dispose,
  gather,
  mul,
  pad,
  scalar,
  slice,
  type Tensor,
  type Tensor1D,
  tensor1d,
  tidy,
} from "@tensorflow/tfjs-core";
import { type HadamardFactors, hadamardFactors, powerOfTwo, transformBy } from "./hadamard.ts";
import type { Projection, Shaped } from "./projection.ts";
import { projectionOfPieces, type RandomProjectionOptions } from "./random-projection.ts";

/** Settings of `fastfoodProjection`. */
export interface FastfoodOptions extends RandomProjectionOptions {
  /**
   * Whether gradients of the coordinates are divided by the length of the transform, as code that is often copied does. Steps are
   * then too short by that factor; for comparing learning rates with such code only. @default false
   */
  readonly legacyGradientScale?: boolean;
}

/** What a Fastfood matrix consists of, drawn once. */
export interface FastfoodTensors {
  readonly size: number;
  readonly dimension: number;
  readonly factors: HadamardFactors;
  /** Diagonal B, ±1, for the coordinates alone: the rest of the padded vector is zero. `[dimension]` */
  readonly signs: Tensor1D;
  /** Π and its inverse, int32 `[n]`. */
  readonly order: Tensor1D;
  readonly inverse: Tensor1D;
  /** Diagonal G, standard normal, `[n]`. */
  readonly gaussians: Tensor1D;
  /** `1 / (√(n Σ Gᵢ²) √(size / n))`. */
  readonly scale: number;
}

/** Draws a Fastfood matrix of `[size, dimension]`. The caller owns its tensors: `disposeFastfood`. */
export function drawFastfood(size: number, dimension: number, random: Random): FastfoodTensors {
  const n = powerOfTwo(Math.max(size, dimension));
  const order = random.at("order").permutation(n);
  const inverse = new Int32Array(n);
  for (let i = 0; i < n; i++) inverse[order[i]!] = i;
  const normals = Float32Array.from(random.at("gaussians").normals(n));
  let squares = 0;
  for (const value of normals) squares += value * value;
  return {
    size,
    dimension,
    factors: hadamardFactors(n),
    signs: tensor1d(Float32Array.from(random.at("signs").uniforms(dimension), (value) => (value < 0.5 ? -1 : 1))),
    order: tensor1d(Int32Array.from(order), "int32"),
    inverse: tensor1d(inverse, "int32"),
    gaussians: tensor1d(normals),
    scale: 1 / (Math.sqrt(n * squares) * Math.sqrt(size / n)),
  };
}

/** Frees what `drawFastfood` made. */
export function disposeFastfood({ factors, signs, order, inverse, gaussians }: FastfoodTensors): void {
  dispose([...factors.matrices, signs, order, inverse, gaussians]);
}

/** `x[order]`, whose gradient is `dy[inverse]` and not a sum of scattered numbers. */
function permute(x: Tensor1D, order: Tensor1D, inverse: Tensor1D): Tensor1D {
  const run = customGrad((values) => ({
    value: gather(values as Tensor, order),
    gradFunc: (dy) => gather(dy, inverse),
  }));
  return run(x) as Tensor1D;
}

/**
 * `P z = scale · [H diag(G) Π H diag(B) pad(z)]` cut to `size`. Differentiable in z and G; its gradient is the exact adjoint.
 * The caller owns it.
 *
 * @param gaussians - Another G. @default the one drawn
 */
export function fastfoodProduct(
  { size, dimension, factors, signs, order, inverse, gaussians: drawn, scale }: FastfoodTensors,
  z: Tensor1D,
  gaussians: Tensor1D = drawn,
): Tensor1D {
  return tidy(() => {
    const signed = pad(mul(z, signs), [[0, factors.size - dimension]]) as Tensor1D;
    const mixed = permute(transformBy(factors, signed), order, inverse);
    const spread = transformBy(factors, mul(mixed, gaussians) as Tensor1D);
    return mul(slice(spread, [0], [size]), scalar(scale)) as Tensor1D;
  });
}

/** The value, with a gradient that is divided by a number. */
function withSmallGradient(z: Tensor1D, divisor: number): Tensor1D {
  const run = customGrad((values) => ({
    value: (values as Tensor).clone(),
    gradFunc: (dy) => mul(dy, scalar(1 / divisor)),
  }));
  return run(z) as Tensor1D;
}

/**
 * A random projection without a matrix, by Hadamard transforms: `O(params · log params)` time and `O(params)` memory, so that
 * millions of parameters are moved by any number of coordinates. It keeps lengths, `‖P z‖ ≈ ‖z‖`, and its gradient is exact.
 *
 * @param like - Names and shapes of what it moves, such as `tuned.parameters`.
 * @throws {ConfigError} For options out of range.
 * @see Le et al. 2013, Fastfood, ICML, section 3; Li et al. 2018, arXiv:1804.08838, appendix S7; Aghajanyan et al. 2020,
 *      arXiv:2012.13255, section 3.
 * @example
 * const small = subspaceObjective(tuned, fastfoodProjection(tuned.parameters, { dimension: 200 }, random(1)));
 */
export function fastfoodProjection(like: Shaped, options: FastfoodOptions, random: Random): Projection {
  checkOptions("fastfoodProjection", options, ["dimension", "only", "per", "structured", "legacyGradientScale"]);
  const { legacyGradientScale = false } = options;
  return projectionOfPieces(
    "fastfood",
    like,
    options,
    (size, dimension, label) => {
      const drawn = drawFastfood(size, dimension, random.at(label));
      return {
        product: (z) =>
          tidy(() => fastfoodProduct(drawn, legacyGradientScale ? withSmallGradient(z, drawn.factors.size) : z)),
        dispose: () => disposeFastfood(drawn),
      };
    },
    (about) => ({ ...about, key: [...random.key], legacyGradientScale }),
  );
}
