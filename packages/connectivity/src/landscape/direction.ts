/** Random directions to look along, made as long as the weights that they move. */
import { ConfigError, checkOptions } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, type Random } from "@cambium/core";
import { abs, div, maximum, mul, norm, reshape, type Tensor, tidy, transpose, zerosLike } from "@tensorflow/tfjs-core";
import { move } from "../points/combination.ts";
import { alike, type PointLike } from "../points/point.ts";
import { dotOf } from "../points/vectors.ts";
import { filterAxes, type HasSites } from "./filters.ts";

/** How a direction is scaled. */
export type Normalisation = "filter" | "layer" | "weight" | "none";

/** Settings of `createDirections`. */
export interface CreateDirectionsOptions {
  /** How many. Each is made orthogonal to those before it, before it is scaled. @default 2 */
  readonly count?: number;
  /**
   * What of a direction gets the length of what it moves: each `"filter"` (an output of a matrix), each `"layer"` (a tensor), each
   * `"weight"` (a number), or `"none"`. @default "filter"
   */
  readonly normalise?: Normalisation;
  /** Tensors that do not move: biases and gains of norms, which have one axis, or none. @default "biasnorm" */
  readonly ignore?: "biasnorm" | "none";
  /** The model whose sites tell which axis of a matrix is its output. @default the first axis of all */
  readonly model?: HasSites;
}

/**
 * Random directions through a point: Gaussian, and scaled so that a step of 1 moves each filter by its own length (Li et al. 2018,
 * Visualizing the Loss Landscape of Neural Nets, arXiv:1712.09913, section 4). Without the scaling, sharpness depends on the scale of
 * the weights, which changes nothing that a network with norms computes.
 *
 * @param point - Where they start. Not disposed of.
 * @returns Trees of the point's names. The caller owns them.
 * @throws {ConfigError} For options out of range, for more directions than numbers that move, and when every tensor of the point is one of those that do not move.
 */
export async function createDirections(
  point: PointLike,
  random: Random,
  options: CreateDirectionsOptions = {},
): Promise<readonly Parameters[]> {
  checkOptions("createDirections", options, ["count", "normalise", "ignore", "model"]);
  const { count = 2, normalise = "filter", ignore = "biasnorm", model } = options;
  if (!Number.isInteger(count) || count < 1)
    throw new ConfigError({ message: `createDirections: count must be an integer from 1, got ${count}` });
  if (!["filter", "layer", "weight", "none"].includes(normalise))
    throw new ConfigError({
      message: `createDirections: normalise must be "filter", "layer", "weight" or "none", got "${normalise}"`,
    });
  if (ignore !== "biasnorm" && ignore !== "none")
    throw new ConfigError({ message: `createDirections: ignore must be "biasnorm" or "none", got "${ignore}"` });
  const [tree] = alike("createDirections", [point]) as readonly [Parameters];
  const moves = (tensor: Tensor): boolean => tensor.dtype === "float32" && (ignore === "none" || tensor.rank > 1);
  if (![...tree.values()].some(moves)) {
    throw new ConfigError({
      message: 'createDirections: all tensors of this point are biases or gains; let them move by ignore: "none"',
    });
  }
  const most = [...tree.values()].filter(moves).reduce((sum, { size }) => sum + size, 0);
  if (count > most)
    throw new ConfigError({
      message: `createDirections: ${most} numbers that move have ${most} directions, got ${count}`,
      count,
    });
  const axisOf = filterAxes(model);
  const plain: Parameters[] = [];
  for (let k = 0; k < count; k++) {
    let drawn: Parameters = mapParameters(tree, (tensor, name) =>
      moves(tensor) ? random.at(k).at(name).normal(tensor.shape) : zerosLike(tensor),
    );
    for (const before of plain) {
      const share = (await dotOf(drawn, before)) / (await dotOf(before, before));
      const rest = move(drawn, [before], [-share]);
      disposeParameters(drawn);
      drawn = rest;
    }
    plain.push(drawn);
  }
  const scaled = plain.map((direction) =>
    mapParameters(direction, (tensor, name) => scaleTo(tree.get(name)!, tensor, normalise, axisOf(name))),
  );
  for (const direction of plain) disposeParameters(direction);
  return scaled;
}

/** A part of a direction as long as the part of the weights that it moves; zero where these are. */
function scaleTo(weight: Tensor, direction: Tensor, by: Normalisation, axis: 0 | 1): Tensor {
  if (by === "none" || direction.dtype !== "float32") return direction.clone();
  return tidy(() => {
    if (by === "weight") return mul(direction, abs(weight));
    if (by === "layer" || weight.rank < 2) return mul(direction, div(norm(weight), maximum(norm(direction), TINY)));
    const turn = (tensor: Tensor): Tensor => (axis === 0 ? tensor : transpose(tensor));
    const rows = (tensor: Tensor): Tensor => reshape(turn(tensor), [tensor.shape[axis]!, -1]);
    const lengths = (tensor: Tensor): Tensor => norm(rows(tensor), "euclidean", 1, true);
    const whole = mul(rows(direction), div(lengths(weight), maximum(lengths(direction), TINY)));
    return turn(reshape(whole, turn(weight).shape));
  });
}

/** Nothing is divided by less. */
const TINY = 1e-30;
