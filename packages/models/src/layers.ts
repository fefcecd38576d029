import { dropout, gelu, layerNorm, type Scope, silu } from "@cambium/core";
import { relu, type Tensor, type Tensor3D, tanh } from "@tensorflow/tfjs-core";
import type { HiddenActivation } from "./config.ts";

/** The functions behind transformers' names. */
export const activations: Readonly<Record<HiddenActivation, (x: Tensor) => Tensor>> = {
  gelu: (x) => gelu(x, "none"),
  gelu_new: (x) => gelu(x, "tanh"),
  gelu_fast: (x) => gelu(x, "tanh"),
  gelu_pytorch_tanh: (x) => gelu(x, "tanh"),
  relu: (x) => relu(x),
  silu: (x) => silu(x),
  swish: (x) => silu(x),
  tanh: (x) => tanh(x),
};

/** Visits the layer norm at `name`. */
export function norm(scope: Scope, name: string, x: Tensor3D, epsilon: number): Tensor3D {
  const here = scope.at(name);
  return here.call("norm", "", x, (input) =>
    layerNorm(input, here.parameter("weight"), here.parameter("bias"), epsilon),
  );
}

/** Dropout while training, from the randomness of this place; several dropouts at one place differ by their `label`. */
export function drop<T extends Tensor>(scope: Scope, x: T, rate: number, label = "dropout"): T {
  return scope.training && rate > 0 ? dropout(x, rate, scope.random.at(label)) : x;
}
