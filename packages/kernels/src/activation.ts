import { add, erf, exp, mul, sigmoid, square, sub, type Tensor, tanh } from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** Tensor of an activation kernel. */
export interface ActivationInputs<T = Tensor> {
  readonly x: T;
}

/** Tensors of an activation's gradient kernel, of one shape. */
export interface ActivationGradInputs<T = Tensor> {
  readonly dy: T;
  readonly x: T;
}

/** Tensors of `GatedSilu`, of one shape. */
export interface GatedInputs<T = Tensor> {
  readonly gate: T;
  readonly up: T;
}

/** Tensors of `GatedSiluGrad`, of one shape. */
export interface GatedGradInputs<T = Tensor> extends GatedInputs<T> {
  readonly dy: T;
}

/** Attributes of `Gelu` and `GeluGrad`. */
export interface GeluAttributes {
  /** `"none"` is `x Φ(x)`; `"tanh"` the approximation of Hendrycks and Gimpel (2016, arXiv:1606.08415, section 2). */
  readonly approximate: "none" | "tanh";
}

const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBE = 0.044715;

/** `x Φ(x)`, Φ the normal distribution function, or its tanh approximation. */
export const geluKernel: CustomKernel = defineKernel<ActivationInputs, GeluAttributes>(
  "Gelu",
  ({ x }, { approximate }) => {
    const half = mul(x, 0.5);
    if (approximate === "none") return mul(half, add(erf(mul(x, Math.SQRT1_2)), 1));
    const inner = mul(mul(x, add(mul(square(x), TANH_CUBE), 1)), TANH_SCALE);
    return mul(half, add(tanh(inner), 1));
  },
);

/** `dy (Φ(x) + x φ(x))`, or the derivative of the tanh approximation. */
export const geluGradKernel: CustomKernel = defineKernel<ActivationGradInputs, GeluAttributes>(
  "GeluGrad",
  ({ dy, x }, { approximate }) => {
    const squared = square(x);
    if (approximate === "none") {
      const distribution = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
      const density = mul(exp(mul(squared, -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return mul(dy, add(distribution, mul(x, density)));
    }
    const t = tanh(mul(mul(x, add(mul(squared, TANH_CUBE), 1)), TANH_SCALE));
    const slope = mul(add(mul(squared, 3 * TANH_CUBE), 1), TANH_SCALE);
    const bend = mul(mul(mul(x, 0.5), sub(1, square(t))), slope);
    return mul(dy, add(mul(add(t, 1), 0.5), bend));
  },
);

/** `x σ(x)`. */
export const siluKernel: CustomKernel = defineKernel<ActivationInputs, object>("Silu", ({ x }) => mul(x, sigmoid(x)));

/** `dy σ(x) (1 + x (1 − σ(x)))`. */
export const siluGradKernel: CustomKernel = defineKernel<ActivationGradInputs, object>("SiluGrad", ({ dy, x }) => {
  const gate = sigmoid(x);
  return mul(dy, mul(gate, add(mul(x, sub(1, gate)), 1)));
});

/** `silu(gate) ⊙ up`. */
export const gatedSiluKernel: CustomKernel = defineKernel<GatedInputs, object>("GatedSilu", ({ gate, up }) =>
  mul(mul(gate, sigmoid(gate)), up),
);

/** `[dy ⊙ up · σ(gate) (1 + gate (1 − σ(gate))), dy ⊙ silu(gate)]`: the gradients of `gate` and of `up`. */
export const gatedSiluGradKernel: CustomKernel = defineKernel<GatedGradInputs, object>(
  "GatedSiluGrad",
  ({ dy, gate, up }) => {
    const share = sigmoid(gate);
    const active = mul(gate, share);
    const slope = add(mul(share, sub(1, active)), active);
    return [mul(mul(dy, up), slope), mul(dy, active)];
  },
);
