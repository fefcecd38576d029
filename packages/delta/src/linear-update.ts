/** Methods that add a matrix to those of linear layers, in a forward pass and as a change of weights. */
import { applyLinear, around, dropoutMask, type Random } from "@cambium/core";
import { add, mul, type Tensor2D } from "@tensorflow/tfjs-core";
import type { DeltaPoint, MethodDefinition } from "./method.ts";
import { type LinearTarget, placesByPath, placesOf } from "./targets.ts";
import { addToMatrix, changeWeights } from "./weights.ts";

/** A method that adds a matrix. */
interface LinearUpdate<Config> {
  /** What is added to a layer's matrix, `[out, in]`. */
  update(at: DeltaPoint<Config>, place: LinearTarget): Tensor2D;
  /** The update while training, where parts of it are dropped. @default the same */
  drop?(update: Tensor2D, config: Config, random: Random): Tensor2D;
}

/** `y = x (W + update)ᵀ + b`: the hooks, and the merge. */
export function addingUpdate<Config extends { readonly targets: readonly string[] }>({
  update,
  drop = (whole) => whole,
}: LinearUpdate<Config>): Required<Pick<MethodDefinition<unknown, Config>, "hooks" | "merge">> {
  return {
    hooks: (at) => [
      around(
        "linear",
        ({ path }) => placesByPath(at.shape, at.config).has(path),
        ({ site, input, next, context }) => {
          const whole = update(at, placesByPath(at.shape, at.config).get(site.path)!);
          const used = context.training ? drop(whole, at.config, context.random) : whole;
          return add(next(input), applyLinear(input, used));
        },
      ),
    ],
    merge: (base, at) =>
      changeWeights(base, placesOf(at.shape, at.config), (weights, place) => [
        [place.weight.name, addToMatrix(weights, place, update(at, place))],
      ]),
  };
}

/** Settings of `dropUpdate`. */
export interface UpdateDropout {
  /** Share of the update's rows that are zero at a step. */
  readonly rankDropout: number;
  /** How often a layer has no update at a step. */
  readonly moduleDropout: number;
}

/**
 * An update without some of its rows, or without any, as LyCORIS trains.
 *
 * @param isScaled - Whether the rows that are left are scaled up, so that their mean is that of all.
 */
export function dropUpdate(
  update: Tensor2D,
  { rankDropout, moduleDropout }: UpdateDropout,
  random: Random,
  isScaled: boolean,
): Tensor2D {
  const rows =
    rankDropout === 0
      ? update
      : mul(
          update,
          mul(dropoutMask([update.shape[0], 1], rankDropout, random.at("rows")), isScaled ? 1 : 1 - rankDropout),
        );
  if (moduleDropout === 0) return rows as Tensor2D;
  return mul(rows, mul(dropoutMask([1, 1], moduleDropout, random.at("module")), 1 - moduleDropout)) as Tensor2D;
}
