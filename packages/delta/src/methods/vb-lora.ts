import { ConfigError, parseConfig } from "@cambium/base";
import { applyLinear, around, dropout as drop, MASKED } from "@cambium/core";
import {
  add,
  customGrad,
  greaterEqual,
  matMul,
  reshape,
  scalar,
  slice,
  softmax,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  topk,
  transpose,
  where,
  zerosLike,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat, noLayers } from "../files/peft-linear.ts";
import type { Host } from "../host.ts";
import { type DeltaPoint, type DeltaTensor, type Method, method } from "../method.ts";
import {
  type LinearTarget,
  nameTargetsLikeLora,
  placesByPath,
  placesOf,
  type TargetOptions,
  targetKeys,
} from "../targets.ts";
import { addToMatrix, changeWeights } from "../weights.ts";

/** Settings of `vbLora`. */
export interface VbLoraOptions extends TargetOptions {
  /** Rows of A and columns of B. @default 4 */
  readonly rank?: number | undefined;
  /** Vectors of the bank that all layers share. @default 256 */
  readonly vectors?: number | undefined;
  /** Their length, which must divide the widths of every layer. @default 256 */
  readonly vectorLength?: number | undefined;
  /** Vectors that are mixed for each piece of A and B. @default 2 */
  readonly top?: number | undefined;
  /** Fraction of the input that A does not see while training, 0 to below 1. @default 0 */
  readonly dropout?: number | undefined;
}

/** A VB-LoRA as JSON. */
export interface VbLoraConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly vectors: number;
  readonly vectorLength: number;
  readonly top: number;
  readonly dropout: number;
}

const size = z.int().positive();
const share = z.number().min(0).lt(1).default(0);
const schema = z.strictObject({
  ...targetKeys,
  rank: size.default(4),
  vectors: size.default(256),
  vectorLength: size.default(256),
  top: size.default(2),
  dropout: share,
});

const format: PeftFormat<VbLoraOptions, VbLoraConfig> = linearFormat({
  type: "VBLORA",
  kinds: ["vbLora"],
  transposed: true,
  schema: z.looseObject({
    r: size.default(4),
    num_vectors: size.default(256),
    vector_length: size.default(256),
    topk: size.default(2),
    vblora_dropout: share,
  }),
  refusals: [
    {
      key: "save_only_topk_weights",
      refuses: Boolean,
      reason:
        "such a file has the mixtures alone, and no logits to train on; load it in Python, set save_only_topk_weights to False, and save it",
    },
  ],
  tensors: ["vblora_logits_[AB]"],
  options: (config) => ({
    rank: config.r,
    vectors: config.num_vectors,
    vectorLength: config.vector_length,
    top: config.topk,
    dropout: config.vblora_dropout,
  }),
  fields: (config: VbLoraConfig) => ({
    r: config.rank,
    num_vectors: config.vectors,
    vector_length: config.vectorLength,
    topk: config.top,
    vblora_dropout: config.dropout,
    save_only_topk_weights: false,
    init_vector_bank_bound: 0.02,
    init_logits_std: 0.1,
    bias: "none",
    ...noLayers,
  }),
  keys: {
    write: (name, wrap) => (name === bankName ? `base_model.${name}` : wrap(name)),
    read: (key) => key.replace(/^(vblora_vector_bank)\.[^.]+$/, "$1"),
  },
});

/**
 * VB-LoRA (Li et al. 2024, arXiv:2405.15179): LoRA whose matrices are pieced together from one bank of vectors. `y = W x + B A x`, each
 * row of A and column of B in pieces of `vectorLength`, each piece a mixture of the `top` vectors whose logits are largest, by
 * their softmax.
 *
 * Bank and logits start at random, ±0.02 and normal with deviation 0.1, so the model is **not** unchanged at the start, but nearly.
 * Trains `vectors · vectorLength` scalars once, and `rank · vectors · (in + out) / vectorLength` for each layer. The paper trains
 * the bank at 1e-3 and logits at 1e-2.
 *
 * @throws {ConfigError} For settings out of range, vectors that do not divide a layer, and targets that match nothing.
 * @example
 * const tuned = attach(base, vbLora(base, { rank: 4, vectors: 90, vectorLength: 256 }, random(1)), head(base));
 */
export const vbLora: Method<VbLoraOptions, VbLoraConfig> = method<VbLoraOptions, VbLoraConfig>({
  kind: "vbLora",
  parse(options, shape) {
    const { targets, exclude, layers, ...settings } = parseConfig("vbLora", schema, options);
    const config = { ...settings, targets: nameTargetsLikeLora("vbLora", shape, { targets, exclude, layers }) };
    checkSizes(shape, config);
    return config;
  },
  tensors: (shape, config) => ({
    trained: new Map([
      [bankName, { shape: [config.vectors, config.vectorLength], start: { kind: "uniform", low: -0.02, high: 0.02 } }],
      ...placesOf(shape, config).flatMap((place): [string, DeltaTensor][] => {
        const { rank, vectors, vectorLength } = config;
        const start = { kind: "normal", deviation: 0.1 } as const;
        return [
          [logitsName(place, "A"), { shape: [rank, place.input / vectorLength, vectors], start }],
          [logitsName(place, "B"), { shape: [place.output / vectorLength, rank, vectors], start }],
        ];
      }),
    ]),
  }),
  hooks: (at) => [
    around(
      "linear",
      ({ path }) => placesByPath(at.shape, at.config).has(path),
      ({ site, input, next, context }) => {
        const { a, b } = factorsAt(at, placesByPath(at.shape, at.config).get(site.path)!);
        const x = context.training ? drop(input, at.config.dropout, context.random) : input;
        return add(next(input), applyLinear(applyLinear(x, a), b));
      },
      { byRow: true },
    ),
  ],
  merge: (base, at) =>
    changeWeights(base, placesOf(at.shape, at.config), (weights, place) => {
      const { a, b } = factorsAt(at, place);
      return [[place.weight.name, addToMatrix(weights, place, matMul(b, a))]];
    }),
  peft: format,
});

const bankName = "vblora_vector_bank";
const logitsName = ({ site }: LinearTarget, which: "A" | "B"): string => `${site.path}.vblora_logits_${which}`;

/** A `[rank, in]` and B `[out, rank]`. */
function factorsAt(
  { parameters, config }: DeltaPoint<VbLoraConfig>,
  place: LinearTarget,
): { readonly a: Tensor2D; readonly b: Tensor2D } {
  const bank = parameters.get(bankName)! as Tensor2D;
  const { rank, vectorLength, top } = config;
  const mix = (which: "A" | "B"): Tensor3D => {
    const logits = parameters.get(logitsName(place, which))! as Tensor3D;
    const [rows, columns, vectors] = logits.shape;
    const pieces = matMul(reshape(topWeights(logits, top), [rows * columns, vectors]) as Tensor2D, bank);
    return reshape(pieces, [rows, columns, vectorLength]);
  };
  return {
    a: reshape(mix("A"), [rank, place.input]),
    b: reshape(transpose(mix("B"), [0, 2, 1]), [place.output, rank]),
  };
}

/** The softmax of the largest logits, and zero for all others. Which they are has no gradient. */
function topWeights(logits: Tensor3D, top: number): Tensor {
  const threshold = customGrad(() => ({
    value: slice(topk(logits, top).values, [0, 0, top - 1], [-1, -1, 1]),
    gradFunc: () => [zerosLike(logits)],
  }));
  return softmax(where(greaterEqual(logits, threshold(logits)), logits as Tensor, scalar(MASKED) as Tensor));
}

function checkSizes(shape: Host, config: VbLoraConfig): void {
  const { vectors, vectorLength, top } = config;
  if (top > vectors)
    throw new ConfigError({ message: `vbLora: top ${top} is above the ${vectors} vectors of the bank`, top, vectors });
  const place = placesOf(shape, config).find(
    ({ input, output }) => input % vectorLength !== 0 || output % vectorLength !== 0,
  );
  if (place === undefined) return;
  throw new ConfigError({
    message: `vbLora: vectorLength ${vectorLength} does not divide ${place.site.path}, which is [${place.output}, ${place.input}]`,
    path: place.site.path,
    vectorLength,
  });
}
