import { type NamedAttrMap, type NamedTensorMap, type Tensor, tidy } from "@tensorflow/tfjs-core";

/**
 * A kernel that tfjs-core lacks: a name under which backends register a native version, and the same mathematics in
 * tfjs-core's own kernels for the backends that have none.
 */
export interface CustomKernel {
  /** Name in tfjs-core's kernel registry. */
  readonly name: string;
  /** The outputs in tfjs-core operations. Not differentiated: gradients are registered for the kernel as a whole. */
  composite(inputs: NamedTensorMap, attributes: NamedAttrMap): Tensor | Tensor[];
}

/** A custom kernel whose composite disposes of its intermediate tensors. */
export function defineKernel<Inputs extends object, Attributes extends object>(
  name: string,
  composite: (inputs: Inputs, attributes: Attributes) => Tensor | Tensor[],
): CustomKernel {
  return {
    name,
    composite: (inputs, attributes) =>
      tidy(() => composite(inputs as unknown as Inputs, attributes as unknown as Attributes)),
  };
}
