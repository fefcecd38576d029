import { randomMaskKernel } from "@cambium/kernels";
import { mul, type Tensor, tidy } from "@tensorflow/tfjs-core";
import "../gradients.ts";
import { ConfigError } from "@cambium/base";
import type { Random } from "../random.ts";
import { runCustomKernel } from "./run-kernel.ts";

/**
 * A dropout mask: 0 with probability `rate`, else `1 / (1 − rate)`. Equal keys give equal masks on every backend. The
 * caller owns it.
 *
 * @param shape - Shape of the mask.
 * @param rate - Share of zeros, from 0 up to but without 1, taken in steps of 1/65536.
 * @param random - Key of the mask.
 * @throws {ConfigError} When the rate is out of range.
 */
export function dropoutMask(shape: readonly number[], rate: number, random: Random): Tensor {
  if (!(rate >= 0 && rate < 1))
    throw new ConfigError({ message: `dropout: the rate must be at least 0 and less than 1, got ${rate}`, rate });
  return tidy(() => runCustomKernel<Tensor>(randomMaskKernel, { key: random.tensor() }, { shape: [...shape], rate }));
}

/**
 * Dropout from an explicit key: `x · mask`, with kept values scaled by `1 / (1 − rate)`. A rate of 0 is the identity. The
 * caller owns the result.
 *
 * @param x - Any shape.
 * @param rate - Share of zeros, from 0 up to but without 1.
 * @param random - Key of the mask; equal keys drop equal places.
 * @throws {ConfigError} When the rate is out of range.
 * @see Srivastava et al. 2014, Dropout, JMLR 15, section 4 (here scaled in training).
 */
export function dropout<T extends Tensor>(x: T, rate: number, random: Random): T {
  if (rate === 0) return x.clone();
  return tidy(() => mul(x, dropoutMask(x.shape, rate, random)));
}
