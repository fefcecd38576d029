import { ConfigError, parseConfig } from "@cambium/base";
import { around, oneStart, zeroStart } from "@cambium/core";
import {
  add,
  cos,
  mul,
  neg,
  reshape,
  sin,
  slice,
  stack,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tile,
  transpose,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat } from "../files/peft-linear.ts";
import type { Host } from "../host.ts";
import { type DeltaPoint, type DeltaTensor, type SeedlessMethod, seedlessMethod } from "../method.ts";
import { nameTargetsLikeLora, placesByPath, placesOf, type TargetOptions, targetKeys } from "../targets.ts";
import { addToMatrix, changeWeights, readMatrix, replaceBias } from "../weights.ts";

/** Settings of `road`. */
export interface RoadOptions extends TargetOptions {
  /**
   * How many angles and scales each pair of outputs has: one of each, one for each of the two, or one for each entry of its
   * matrix. @default 1
   */
  readonly variant?: 1 | 2 | 4 | undefined;
  /** Outputs whose first half is paired with the second; must divide a layer's width. @default 64 */
  readonly groupSize?: number | undefined;
}

/** A RoAd as JSON. */
export interface RoadConfig {
  readonly targets: readonly string[];
  readonly variant: 1 | 2 | 4;
  readonly groupSize: number;
}

const groupSize = z.int().positive().multipleOf(2).default(64);
const schema = z.strictObject({
  ...targetKeys,
  variant: z.union([z.literal(1), z.literal(2), z.literal(4)]).default(1),
  groupSize,
});

const format: PeftFormat<RoadOptions, RoadConfig> = linearFormat({
  type: "ROAD",
  kinds: ["road"],
  schema: z.looseObject({ variant: z.enum(["road_1", "road_2", "road_4"]).default("road_1"), group_size: groupSize }),
  tensors: ["road_theta", "road_alpha"],
  options: (config) => ({ variant: Number(config.variant.slice(-1)) as 1 | 2 | 4, groupSize: config.group_size }),
  fields: (config: RoadConfig) => ({
    variant: `road_${config.variant}`,
    group_size: config.groupSize,
    init_weights: true,
  }),
});

/**
 * RoAd (Liao and Monz 2024, arXiv:2409.00119): outputs of a layer are turned and scaled, two by two. With the first half u and the
 * second half v of a group of outputs, `u' = a cos(t) u − a' sin(t') v` and `v' = a' sin(t') u + a cos(t) v`, biases included.
 *
 * Angles t start at zero and scales a at one, so the model is unchanged until the first step. Trains `variant · out` scalars for
 * each layer. Train without weight decay, which would pull the scales to zero.
 *
 * @throws {ConfigError} For settings out of range, groups that do not divide a layer, and targets that match nothing.
 * @example
 * const tuned = attach(base, road(base, { groupSize: 64 }), head(base));
 */
export const road: SeedlessMethod<RoadOptions, RoadConfig> = seedlessMethod<RoadOptions, RoadConfig>({
  kind: "road",
  parse(options, shape) {
    const { targets, exclude, layers, ...settings } = parseConfig("road", schema, options);
    const config = { ...settings, targets: nameTargetsLikeLora("road", shape, { targets, exclude, layers }) };
    checkGroups(shape, config);
    return config;
  },
  tensors: (shape, config) => ({
    trained: new Map(
      placesOf(shape, config).flatMap(({ site: { path }, output }): [string, DeltaTensor][] => {
        const count = (output * config.variant) / 2;
        return [
          [thetaName(path), { shape: [count], start: zeroStart }],
          [alphaName(path), { shape: [count], start: oneStart }],
        ];
      }),
    ),
  }),
  hooks: (at) => [
    around(
      "linear",
      ({ path }) => placesByPath(at.shape, at.config).has(path),
      ({ site, input, next }) => turn(at, site.path, next(input)),
      { byRow: true },
    ),
  ],
  merge: (base, at) =>
    changeWeights(base, placesOf(at.shape, at.config), (weights, place) => {
      const { path } = place.site;
      const matrix = readMatrix(weights, place);
      const turned = transpose(turn(at, path, transpose(matrix))) as Tensor2D;
      const weight = [place.weight.name, addToMatrix(weights, place, sub(turned, matrix))] as const;
      if (place.bias === undefined) return [weight];
      return [weight, [place.bias, replaceBias(weights, place, (bias) => turn(at, path, bias) as Tensor1D)]];
    }),
  peft: format,
});

const thetaName = (path: string): string => `${path}.road_theta`;
const alphaName = (path: string): string => `${path}.road_alpha`;

/** `x` `[..., out]`, its pairs turned. */
function turn(at: DeltaPoint<RoadConfig>, path: string, x: Tensor): Tensor {
  const { variant, groupSize: size } = at.config;
  const half = size / 2;
  const width = x.shape.at(-1)!;
  const of = (name: string): Tensor => at.parameters.get(name)!;
  // Each half of a group has the values of a pair; its own; or its own of each column.
  const column = (values: Tensor, which: 0 | 1): Tensor => {
    if (variant === 1) return reshape(tile(reshape(values, [-1, 1, half]), [1, 2, 1]), [width]);
    if (variant === 2) return values;
    return reshape(slice(reshape(values, [-1, 2, size]), [0, which, 0], [-1, 1, size]), [width]);
  };
  const first = mul(column(of(alphaName(path)), 0), cos(column(of(thetaName(path)), 0)));
  const second = mul(column(of(alphaName(path)), 1), sin(column(of(thetaName(path)), 1)));
  const halves = reshape(x, [-1, 2, half]);
  const [u, v] = [0, 1].map((which) => reshape(slice(halves, [0, which, 0], [-1, 1, half]), [-1, half])) as [
    Tensor,
    Tensor,
  ];
  const swapped = reshape(stack([neg(v), u], 1), x.shape);
  return add(mul(x, first), mul(swapped, second));
}

function checkGroups(shape: Host, config: RoadConfig): void {
  const place = placesOf(shape, config).find(({ output }) => output % config.groupSize !== 0);
  if (place === undefined) return;
  throw new ConfigError({
    message: `road: groupSize ${config.groupSize} does not divide the ${place.output} outputs of ${place.site.path}`,
    path: place.site.path,
    groupSize: config.groupSize,
  });
}
