import { add, mean, mul, rsqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** Tensors of `LayerNorm`: `x` `[..., width]`, `gain` and `bias` `[width]`. */
export interface LayerNormInputs<T = Tensor> {
  readonly x: T;
  readonly gain: T;
  readonly bias: T;
}

/** Tensors of the norms' gradients: `dy` and `x` `[..., width]`, `gain` `[width]`. */
export interface NormGradInputs<T = Tensor> {
  readonly dy: T;
  readonly x: T;
  readonly gain: T;
}

/** Attributes of the norms: `epsilon` is added to the variance or to the mean square. */
export interface NormAttributes {
  readonly epsilon: number;
}

/** `x̂ = (x − mean) / √(var + ε)` over the last axis, and the inverse deviation `[..., 1]`. */
function standardise(x: Tensor, epsilon: number): [normal: Tensor, inverse: Tensor] {
  const centered = sub(x, mean(x, -1, true));
  const inverse = rsqrt(add(mean(square(centered), -1, true), epsilon));
  return [mul(centered, inverse), inverse];
}

/** `(x − mean) / √(var + ε) · gain + bias` over the last axis. */
export const layerNormKernel: CustomKernel = defineKernel<LayerNormInputs, NormAttributes>(
  "LayerNorm",
  ({ x, gain, bias }, { epsilon }) => add(mul(standardise(x, epsilon)[0], gain), bias),
);

/** Gradient of `LayerNorm` for x: `inverse · (g − mean(g) − x̂ · mean(g x̂))` with `g = dy · gain`. */
export const layerNormGradKernel: CustomKernel = defineKernel<NormGradInputs, NormAttributes>(
  "LayerNormGrad",
  ({ dy, x, gain }, { epsilon }) => {
    const [normal, inverse] = standardise(x, epsilon);
    const scaled = mul(dy, gain);
    const along = mul(normal, mean(mul(scaled, normal), -1, true));
    return mul(inverse, sub(sub(scaled, mean(scaled, -1, true)), along));
  },
);

/** Tensors of `RmsNorm`: `x` `[..., width]`, `gain` `[width]`. */
export interface RmsNormInputs<T = Tensor> {
  readonly x: T;
  readonly gain: T;
}

const inverseRootMeanSquare = (x: Tensor, epsilon: number): Tensor => rsqrt(add(mean(square(x), -1, true), epsilon));

/** `x / √(mean(x²) + ε) · gain` over the last axis. */
export const rmsNormKernel: CustomKernel = defineKernel<RmsNormInputs, NormAttributes>(
  "RmsNorm",
  ({ x, gain }, { epsilon }) => mul(mul(x, inverseRootMeanSquare(x, epsilon)), gain),
);

/**
 * Gradient of `RmsNorm` for x: `inverse · g − x · inverse³ · mean(g x)` with `g = dy · gain`. Of the forward pass it needs
 * nothing but one number for each row.
 */
export const rmsNormGradKernel: CustomKernel = defineKernel<NormGradInputs, NormAttributes>(
  "RmsNormGrad",
  ({ dy, x, gain }, { epsilon }) => {
    const inverse = inverseRootMeanSquare(x, epsilon);
    const scaled = mul(dy, gain);
    const along = mul(inverse, mul(inverse, mul(inverse, mean(mul(scaled, x), -1, true))));
    return sub(mul(inverse, scaled), mul(x, along));
  },
);
