import { add, mean, mul, rsqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** Tensors of `LayerNorm`: `x` `[..., width]`, `gain` and `bias` `[width]`. */
export interface LayerNormInputs<T = Tensor> {
  readonly x: T;
  readonly gain: T;
  readonly bias: T;
}

/** Tensors of `LayerNormGrad`: `dy` and `x` `[..., width]`, `gain` `[width]`, `center` and `inverse` `[..., 1]`. */
export interface LayerNormGradInputs<T = Tensor> {
  readonly dy: T;
  readonly x: T;
  readonly gain: T;
  readonly center: T;
  readonly inverse: T;
}

/** Attributes of the norms: `epsilon` is added to the variance. */
export interface NormAttributes {
  readonly epsilon: number;
}

/** `(x − mean) / √(var + ε) · gain + bias` over the last axis; outputs the result, the mean and the inverse deviation. */
export const layerNormKernel: CustomKernel = defineKernel<LayerNormInputs, NormAttributes>(
  "LayerNorm",
  ({ x, gain, bias }, { epsilon }) => {
    const center = mean(x, -1, true);
    const centered = sub(x, center);
    const inverse = rsqrt(add(mean(square(centered), -1, true), epsilon));
    return [add(mul(mul(centered, inverse), gain), bias), center, inverse];
  },
);

/** Gradient of `LayerNorm` for `x`: `inverse · (g − mean(g) − x̂ · mean(g x̂))` with `g = dy · gain`. */
export const layerNormGradKernel: CustomKernel = defineKernel<LayerNormGradInputs, object>(
  "LayerNormGrad",
  ({ dy, x, gain, center, inverse }) => {
    const normal = mul(sub(x, center), inverse);
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

/** Tensors of `RmsNormGrad`: `dy` and `x` `[..., width]`, `gain` `[width]`, `inverse` `[..., 1]`. */
export interface RmsNormGradInputs<T = Tensor> {
  readonly dy: T;
  readonly x: T;
  readonly gain: T;
  readonly inverse: T;
}

/** `x / √(mean(x²) + ε) · gain` over the last axis; outputs the result and the inverse root mean square. */
export const rmsNormKernel: CustomKernel = defineKernel<RmsNormInputs, NormAttributes>(
  "RmsNorm",
  ({ x, gain }, { epsilon }) => {
    const inverse = rsqrt(add(mean(square(x), -1, true), epsilon));
    return [mul(mul(x, inverse), gain), inverse];
  },
);

/** Gradient of `RmsNorm` for `x`: `inverse · (g − x̂ · mean(g x̂))` with `g = dy · gain`. */
export const rmsNormGradKernel: CustomKernel = defineKernel<RmsNormGradInputs, object>(
  "RmsNormGrad",
  ({ dy, x, gain, inverse }) => {
    const normal = mul(x, inverse);
    const scaled = mul(dy, gain);
    return mul(inverse, sub(scaled, mul(normal, mean(mul(scaled, normal), -1, true))));
  },
);
