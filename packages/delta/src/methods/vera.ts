import { parseConfig } from "@cambium/base";
import { applyLinear, around, dropout as drop, random, type Start, zeroStart } from "@cambium/core";
import { add, matMul, mul, reshape, slice, type Tensor1D, type Tensor2D } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { writeLayers } from "../files/peft-layers.ts";
import { loraRefusals, usualRoles } from "../files/peft-lora.ts";
import { commonDropout, type LowRank, lowRankPerRow } from "../low-rank-rows.ts";
import { type DeltaPoint, type Method, method } from "../method.ts";
import { nameTargetsLikeLora, placesOf, type TargetOptions, targetKeys } from "../targets.ts";
import { addToMatrix, changeWeights } from "../weights.ts";

/** Settings of `vera`. */
export interface VeraOptions extends TargetOptions {
  /** Rows of A and columns of B. @default 256 */
  readonly rank?: number | undefined;
  /** Fraction of the input that A does not see while training, 0 to below 1. @default 0 */
  readonly dropout?: number | undefined;
  /** What d starts as. @default 0.1 */
  readonly start?: number | undefined;
  /** Seed of A and B: a setting, so that they can be drawn again from the config alone. @default 0 */
  readonly projectionSeed?: number | undefined;
  /**
   * Whether files hold A and B. Without them a file is small, and only this library draws the same ones: PEFT has another
   * generator, so that the file is none of PEFT's. @default true
   */
  readonly saveProjection?: boolean | undefined;
}

/** A VeRA as JSON: every setting, and its layers by name. */
export interface VeraConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly dropout: number;
  readonly start: number;
  readonly projectionSeed: number;
  readonly saveProjection: boolean;
}

const schema = z.strictObject({
  ...targetKeys,
  rank: z.int().positive().default(256),
  dropout: z.number().min(0).lt(1).default(0),
  start: z.number().default(0.1),
  projectionSeed: z.int().nonnegative().default(0),
  saveProjection: z.boolean().default(true),
});

const fields = z.looseObject({
  r: z.int().positive().default(256),
  vera_dropout: z.number().min(0).lt(1).default(0),
  d_initial: z.number().default(0.1),
  projection_prng_key: z.int().default(0),
  save_projection: z.boolean().default(true),
});

/** VeRA in PEFT's files. A and B belong to no layer. */
const format: PeftFormat<VeraOptions, VeraConfig> = {
  type: "VERA",
  read(source) {
    const config = source.fields(fields);
    source.refuse(loraRefusals);
    if (!config.save_projection)
      throw source.fail(
        "was saved without its projections, which only PyTorch's generator draws again; save it in Python with save_projection=True",
      );
    const layers = source.layers(usualRoles(source, "vera"));
    if (layers.byName.size === 0) return { problems: layers.problems };
    return {
      problems: layers.problems,
      options: {
        targets: layers.isTarget,
        rank: config.r,
        dropout: config.vera_dropout,
        start: config.d_initial,
        projectionSeed: config.projection_prng_key,
      },
    };
  },
  write({ config }, base) {
    if (!config.saveProjection) return { reason: "PEFT would draw VeRA's projections with another generator" };
    const layers = writeLayers(base, config);
    if ("reason" in layers) return layers;
    return {
      fields: {
        ...layers.fields,
        r: config.rank,
        vera_dropout: config.dropout,
        d_initial: config.start,
        projection_prng_key: config.projectionSeed,
        save_projection: true,
        bias: "none",
        init_weights: true,
        layers_pattern: null,
        layers_to_transform: null,
      },
    };
  },
  keys: {
    write: (name, wrap) => (name === "vera_A" || name === "vera_B" ? `base_model.${name}` : wrap(name)),
    read: (key) => key.replace(/\.(vera_lambda_[bd])\.[^.]+$/, ".$1").replace(/^(vera_[AB])\.[^.]+$/, "$1"),
  },
};

/**
 * VeRA (Kopiczko et al. 2024, arXiv:2310.11454): LoRA whose matrices are random, frozen and shared by all layers, with trained
 * scales between them. `y = W x + b ⊙ B (d ⊙ A x)`, A `[rank, in]` and B `[out, rank]` cut from the largest that a layer needs.
 *
 * b starts at zero, so the model is unchanged until the first step. Trains `rank + out` scalars for each layer.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, vera(base, { rank: 256 }, random(1)));
 */
export const vera: Method<VeraOptions, VeraConfig> = method<VeraOptions, VeraConfig>({
  kind: "vera",
  parse(options, shape) {
    const { targets, exclude, layers, ...settings } = parseConfig("vera", schema, options);
    return { ...settings, targets: nameTargetsLikeLora("vera", shape, { targets, exclude, layers }) };
  },
  tensors(shape, config) {
    const { rank, start, saveProjection: isStored } = config;
    const places = placesOf(shape, config);
    const input = Math.max(...places.map((place) => place.input));
    const output = Math.max(...places.map((place) => place.output));
    return {
      trained: new Map(
        places.flatMap(({ site, output: width }) => [
          [nameB(site.path), { shape: [width], start: zeroStart }],
          [nameD(site.path), { shape: [rank], start: { kind: "constant", value: start } }],
        ]),
      ),
      frozen: new Map([
        ["vera_A", { shape: [rank, input], start: projection(config, "A", [rank, input]), isStored }],
        ["vera_B", { shape: [output, rank], start: projection(config, "B", [output, rank]), isStored }],
      ]),
    };
  },
  hooks: (at) => [
    around(
      "linear",
      (site) => at.parameters.has(nameB(site.path)),
      ({ site, input, next, context }) => {
        const { a, b } = factorsAt(at, site.path);
        const x = context.training ? drop(input, at.config.dropout, context.random) : input;
        const narrow = mul(applyLinear(x, a), at.parameters.get(nameD(site.path))!); // [..., rank]
        return add(next(input), mul(applyLinear(narrow, b), at.parameters.get(nameB(site.path))!));
      },
      { byRow: true },
    ),
  ],
  merge: (base, at) =>
    changeWeights(base, placesOf(at.shape, at.config), (weights, place) => {
      const { a, b } = scaledAt(at, place.site.path);
      return [[place.weight.name, addToMatrix(weights, place, matMul(b, a))]];
    }),
  perRow: (members) => [
    lowRankPerRow(
      members.map((at) => (path) => (at?.parameters.has(nameB(path)) ? scaledAt(at, path) : undefined)),
      commonDropout(members),
    ),
  ],
  peft: format,
});

const nameB = (path: string): string => `${path}.vera_lambda_b`;
const nameD = (path: string): string => `${path}.vera_lambda_d`;

/** Uniform on ±√(6 / columns), as He et al. 2015, arXiv:1502.01852, from the config's own seed. */
function projection(
  { projectionSeed }: VeraConfig,
  label: string,
  shape: readonly [rows: number, columns: number],
): Start {
  const bound = Math.sqrt(6 / shape[1]);
  return { kind: "given", make: () => random(projectionSeed).at("vera").at(label).uniform(shape, -bound, bound) };
}

/** A and B as a layer sees them. */
function factorsAt({ buffers, shape, config }: DeltaPoint<VeraConfig>, path: string): { a: Tensor2D; b: Tensor2D } {
  const { input, output } = placesOf(shape, config).find(({ site }) => site.path === path)!;
  return {
    a: slice(buffers.get("vera_A")! as Tensor2D, [0, 0], [config.rank, input]),
    b: slice(buffers.get("vera_B")! as Tensor2D, [0, 0], [output, config.rank]),
  };
}

/** The same with the scales in them. */
function scaledAt(at: DeltaPoint<VeraConfig>, path: string): LowRank {
  const { a, b } = factorsAt(at, path);
  const column = (name: string): Tensor2D => reshape(at.parameters.get(name)! as Tensor1D, [-1, 1]);
  return { a: mul(a, column(nameD(path))), b: mul(b, column(nameB(path))), scale: 1 };
}
