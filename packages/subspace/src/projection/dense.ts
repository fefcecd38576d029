import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";
import { matMul, reshape, type Tensor1D, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import type { Projection, Shaped } from "./projection.ts";
import { projectionOfPieces, type RandomProjectionOptions } from "./random-projection.ts";

/** Numbers in a matrix above which Fastfood is meant: 1 GiB. */
const MOST = 2 ** 28;

/**
 * A dense random projection: `P` of `[params, dimension]` with entries of variance `1 / params`, so that `‖P z‖ ≈ ‖z‖`. Memory
 * is `O(params · dimension)`: for small models, and to check `fastfoodProjection` against.
 *
 * @param like - Names and shapes of what it moves, such as `tuned.parameters`.
 * @throws {ConfigError} For options out of range, and for matrices above 2^28 numbers.
 * @see Li et al. 2018, Measuring the Intrinsic Dimension of Objective Landscapes, arXiv:1804.08838, section 2.
 * @example
 * const small = subspaceObjective(tuned, denseProjection(tuned.parameters, { dimension: 20 }, random(1)));
 */
export function denseProjection(like: Shaped, options: RandomProjectionOptions, random: Random): Projection {
  checkOptions("denseProjection", options, ["dimension", "only", "per", "structured"]);
  return projectionOfPieces(
    "dense",
    like,
    options,
    (size, dimension, label) => {
      if (size * dimension > MOST)
        throw new ConfigError({
          message: `denseProjection: a matrix of ${size} x ${dimension} numbers is too large; use fastfoodProjection, which needs none`,
        });
      const matrix = random.at(label).normal([size, dimension], 0, 1 / Math.sqrt(size)) as Tensor2D;
      return {
        product: (z) => tidy(() => reshape(matMul(matrix, reshape(z, [dimension, 1])), [size])) as Tensor1D,
        dispose: () => matrix.dispose(),
      };
    },
    (about) => ({ ...about, key: [...random.key] }),
  );
}
