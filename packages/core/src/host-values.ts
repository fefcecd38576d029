import { getBackend, type Tensor, type TypedArray } from "@tensorflow/tfjs-core";

/** Backends that compute at once and keep values where this program can look at them: a look is no wait. */
const eager = ["cpu", "wasm"];

/**
 * Values of a tensor, where looking at them costs nothing; elsewhere nothing. For checks of ids and labels: on backends that
 * run later or on another device they would have to wait for all the work before them.
 */
export function hostValues(tensor: Tensor): TypedArray | undefined {
  return eager.includes(getBackend()) ? (tensor.dataSync() as TypedArray) : undefined;
}
