import { permuteUnits, symmetriesOf } from "@cambium/connectivity";
import { mapParameters, type Parameters, type Random } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { Tensor } from "@tensorflow/tfjs-core";

/** A point with the units of every group in another order: the same function. The caller owns it. */
export function permutedCopy(tuned: Tuned, point: Parameters, key: Random): Map<string, Tensor> {
  const copy = mapParameters(point, (tensor) => tensor.clone());
  for (const group of symmetriesOf(tuned)) {
    for (const [name, tensor] of permuteUnits(group, key.at(group.name).permutation(group.size), copy)) {
      copy.get(name)!.dispose();
      copy.set(name, tensor);
    }
  }
  return copy;
}
