import { add, div, mul, sqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { loadAdamModule } from "./adam-module.ts";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** Numbers of a step, the same for every element. */
export interface AdamScalars<T = number> {
  /** Decay of the first moment. */
  readonly beta1: T;
  /** Decay of the second moment. */
  readonly beta2: T;
  readonly rate: T;
  /** Added to the root of the second moment. */
  readonly epsilon: T;
  /** What is kept of the parameter. */
  readonly decay: T;
}

/** Arrays of one length, or tensors of one shape. */
export interface AdamArrays<T = Float32Array> {
  readonly parameter: T;
  readonly gradient: T;
  readonly firstMoment: T;
  readonly secondMoment: T;
}

/** Tensors of `AdamStep`: scalars have shape `[1]`. */
export interface AdamInputs<T = Tensor> extends AdamArrays<T>, AdamScalars<T> {}

/** Attributes of `AdamStep`. */
export interface AdamAttributes {
  /**
   * Whether the step may take the memory of its inputs for its results: parameter and moments are not read any more. A
   * backend may make use of that where no other tensor shares the memory.
   */
  readonly donate: boolean;
}

/** Where results go: other arrays, or those of the inputs. */
export type AdamResults<T = Float32Array> = Omit<AdamArrays<T>, "gradient">;

/** One step on arrays, written into arrays. */
export type StepByAdam = (arrays: AdamArrays, scalars: AdamScalars, into: AdamResults) => void;

/** `stepByAdam` in plain JavaScript, for hosts without vector instructions, and what those are tested against. */
export const plainAdamStep: StepByAdam = (arrays, scalars, into) => {
  const { fround } = Math;
  const { parameter, gradient, firstMoment, secondMoment } = arrays;
  const [beta1, beta2, rate, epsilon, decay] = [
    fround(scalars.beta1),
    fround(scalars.beta2),
    fround(scalars.rate),
    fround(scalars.epsilon),
    fround(scalars.decay),
  ];
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i]!;
    const m = fround(fround(firstMoment[i]! * beta1) + g);
    const v = fround(fround(secondMoment[i]! * beta2) + fround(g * g));
    const step = fround(fround(m * rate) / fround(fround(Math.sqrt(v)) + epsilon));
    into.firstMoment[i] = m;
    into.secondMoment[i] = v;
    into.parameter[i] = fround(parameter[i]! * decay) - step;
  }
};

let step: StepByAdam | undefined;

/**
 * One step of Adam on arrays of one length, in one pass over memory: see `adamKernel`. Results may go into the arrays that
 * they are made of.
 */
export const stepByAdam: StepByAdam = (arrays, scalars, into) => {
  step ??= loadAdamModule() ?? plainAdamStep;
  step(arrays, scalars, into);
};

/**
 * One step of Adam with decoupled decay: `M ← β₁ M + g`, `V ← β₂ V + g²`, `θ ← decay · θ − rate · M / (√V + ε)`. Outputs are
 * the parameter, the first and the second moment. It has no gradient.
 */
export const adamKernel: CustomKernel = defineKernel<AdamInputs, AdamAttributes>(
  "AdamStep",
  ({ parameter, gradient, firstMoment, secondMoment, beta1, beta2, rate, epsilon, decay }) => {
    const first = add(mul(firstMoment, beta1), gradient);
    const second = add(mul(secondMoment, beta2), square(gradient));
    const step = div(mul(first, rate), add(sqrt(second), epsilon));
    return [sub(mul(parameter, decay), step), first, second];
  },
);
