/** Methods that add a matrix to those of linear layers, in a forward pass and as a change of weights. */
import { applyLinear, around, dropoutMask, type Random } from "@cambium/core";
import { add, mul, type Tensor, type Tensor1D, type Tensor2D } from "@tensorflow/tfjs-core";
import type { DeltaPoint, MethodDefinition } from "./method.ts";
import { type LinearTarget, placesByPath, placesOf } from "./targets.ts";
import { addToMatrix, changeWeights } from "./weights.ts";

/** A method that adds a matrix. */
interface LinearUpdate<Config> {
  /** What is added to a layer's matrix, `[out, in]`. */
  update(at: DeltaPoint<Config>, place: LinearTarget): Tensor2D;
  /** `x` times the update's transpose, `[..., out]`, where it is less work than to make the update. @default by the update */
  apply?(at: DeltaPoint<Config>, place: LinearTarget, x: Tensor): Tensor;
  /** While training, what each row of the update is multiplied by, `[out]`, where parts of it are dropped. @default nothing is */
  keep?(output: number, config: Config, random: Random): Tensor1D | undefined;
}

/** `y = x (W + update)ᵀ + b`: the hooks, and the merge. */
export function addingUpdate<Config extends { readonly targets: readonly string[] }>({
  update,
  apply = (at, place, x) => applyLinear(x, update(at, place)),
  keep = () => undefined,
}: LinearUpdate<Config>): Required<Pick<MethodDefinition<unknown, Config>, "hooks" | "merge">> {
  return {
    hooks: (at) => [
      around(
        "linear",
        ({ path }) => placesByPath(at.shape, at.config).has(path),
        ({ site, input, next, context }) => {
          const place = placesByPath(at.shape, at.config).get(site.path)!;
          const change = apply(at, place, input);
          const kept = context.training ? keep(place.output, at.config, context.random) : undefined;
          return add(next(input), kept === undefined ? change : mul(change, kept));
        },
        { byRow: true },
      ),
    ],
    merge: (base, at) =>
      changeWeights(base, placesOf(at.shape, at.config), (weights, place) => [
        [place.weight.name, addToMatrix(weights, place, update(at, place))],
      ]),
  };
}

/** Settings of `keptRows`. */
export interface UpdateDropout {
  /** Share of the update's rows that are zero at a step. */
  readonly rankDropout: number;
  /** How often a layer has no update at a step. */
  readonly moduleDropout: number;
}

/**
 * What the rows of an update are multiplied by, so that some of them are zero, or all, as LyCORIS trains. `[rows]`
 *
 * @param isScaled - Whether the rows that are left are scaled up, so that their mean is that of all.
 */
export function keptRows(
  rows: number,
  { rankDropout, moduleDropout }: UpdateDropout,
  random: Random,
  isScaled: boolean,
): Tensor1D | undefined {
  const masks = [
    ...(rankDropout === 0
      ? []
      : [mul(dropoutMask([rows], rankDropout, random.at("rows")), isScaled ? 1 : 1 - rankDropout)]),
    ...(moduleDropout === 0 ? [] : [mul(dropoutMask([1], moduleDropout, random.at("module")), 1 - moduleDropout)]),
  ];
  return masks.length === 0 ? undefined : (masks.reduce((a, b) => mul(a, b)) as Tensor1D);
}
