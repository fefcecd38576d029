/** Methods that put a linear map before linear layers, in a forward pass and as a change of weights. */
import { around } from "@cambium/core";
import { matMul, sub, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import { identity } from "./inverse.ts";
import type { DeltaPoint, MethodDefinition } from "./method.ts";
import { type LinearTarget, placesByPath, placesOf } from "./targets.ts";
import { addToMatrix, changeWeights, readMatrix } from "./weights.ts";

/** What a layer reads in place of `x` `[..., in]`: linear in it, row by row, `x R` for some `[in, in]`. */
type InputMap<Config> = (at: DeltaPoint<Config>, place: LinearTarget, x: Tensor) => Tensor;

/** `y = (x R) Wᵀ + b`: the hooks, and the merge, where `W R ᵀ` takes the place of W. */
export function mappingInputs<Config extends { readonly targets: readonly string[] }>(
  map: InputMap<Config>,
): Required<Pick<MethodDefinition<unknown, Config>, "hooks" | "merge">> {
  return {
    hooks: (at) => [
      around(
        "linear",
        ({ path }) => placesByPath(at.shape, at.config).has(path),
        ({ site, input, next }) => next(map(at, placesByPath(at.shape, at.config).get(site.path)!, input)),
        { byRow: true },
      ),
    ],
    merge: (base, at) =>
      changeWeights(base, placesOf(at.shape, at.config), (weights, place) => {
        const matrix = readMatrix(weights, place);
        const turned = matMul(matrix, map(at, place, identity(place.input)) as Tensor2D, false, true);
        return [[place.weight.name, addToMatrix(weights, place, sub(turned, matrix))]];
      }),
  };
}
