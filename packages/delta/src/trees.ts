import type { Parameters } from "@cambium/core";
import { type Tensor, tidy } from "@tensorflow/tfjs-core";

/** `top` over `bottom`: every name of both, with the value of `top` where both have one. */
export function overlay<T>(bottom: ReadonlyMap<string, T>, top: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return new Map([...bottom, ...top]);
}

/** `tidy` for parameter trees: keeps the tensors of the returned tree only. */
export function tidyParameters(body: () => Parameters): Map<string, Tensor> {
  return new Map(Object.entries(tidy(() => Object.fromEntries(body()))));
}
