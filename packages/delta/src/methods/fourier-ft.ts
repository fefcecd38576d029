import { ConfigError, parseConfig } from "@cambium/base";
import { zeroStart } from "@cambium/core";
import {
  cast,
  concat,
  cos,
  matMul,
  mod,
  mul,
  neg,
  range,
  reshape,
  scalar,
  sin,
  slice,
  type Tensor,
  type Tensor2D,
  tensor2d,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { writePattern } from "../files/peft-layers.ts";
import { linearFormat, noLayers } from "../files/peft-linear.ts";
import { patternField } from "../files/peft-lora.ts";
import type { Host } from "../host.ts";
import { addingUpdate } from "../linear-update.ts";
import { torchPermutation } from "../mersenne-twister.ts";
import { type DeltaTensor, type Method, method } from "../method.ts";
import {
  type LinearTarget,
  nameTargetsLikeLora,
  patternsKey,
  placesOf,
  type TargetOptions,
  targetKeys,
  valuesOf,
} from "../targets.ts";

/** Settings of `fourierFt`. */
export interface FourierFtOptions extends TargetOptions {
  /** Frequencies of each layer, at most as many as its weight has entries. @default 1000 */
  readonly count?: number | undefined;
  /** Other counts for some layers, by patterns as `rankPattern` of LoRA. @default {} */
  readonly countPattern?: Readonly<Record<string, number>> | undefined;
  /** Factor on the update. @default 150 */
  readonly scale?: number | undefined;
  /** Seed of the frequencies: a setting, so that they can be drawn again from the config alone. @default 777 */
  readonly seed?: number | undefined;
  /** How coefficients start: at zero, so that the model is unchanged; or standard normal, as in PEFT. @default "zero" */
  readonly init?: "zero" | "normal" | undefined;
}

/** A FourierFT as JSON. */
export interface FourierFtConfig {
  readonly targets: readonly string[];
  readonly count: number;
  readonly countPattern: Readonly<Record<string, number>>;
  readonly scale: number;
  readonly seed: number;
  readonly init: "zero" | "normal";
}

const count = z.int().positive();
const seed = z.int().min(0).max(0xffffffff).default(777);
const schema = z.strictObject({
  ...targetKeys,
  count: count.default(1000),
  countPattern: patternsKey(count),
  scale: z.number().default(150),
  seed,
  init: z.enum(["zero", "normal"]).default("zero"),
});

const format: PeftFormat<FourierFtOptions, FourierFtConfig> = linearFormat({
  type: "FOURIERFT",
  kinds: ["fourierFt"],
  transposed: true,
  schema: z.looseObject({
    n_frequency: count.default(1000),
    scaling: z.number().default(150),
    random_loc_seed: seed,
    n_frequency_pattern: patternField,
  }),
  tensors: ["fourierft_spectrum"],
  options: (config, layers) => ({
    count: config.n_frequency,
    countPattern: layers.resolve(config.n_frequency_pattern),
    scale: config.scaling,
    seed: config.random_loc_seed,
  }),
  fields: (config: FourierFtConfig, base) => ({
    n_frequency: config.count,
    n_frequency_pattern: writePattern(base, config, config.countPattern, config.count),
    scaling: config.scale,
    random_loc_seed: config.seed,
    bias: "none",
    init_weights: false,
    ...noLayers,
  }),
});

/**
 * FourierFT (Gao et al. 2024, arXiv:2405.03003): an update whose spectrum has few entries. `y = W x + s · F x`, F the real part of the
 * inverse transform of a matrix that is zero but at `count` random places: `F[p, q] = Σ c cos 2π(u p / out + v q / in) / (out · in)`.
 *
 * The places are those that PyTorch draws from the same seed, so that PEFT's files, which leave them out, are read. Coefficients c
 * start at zero, so the model is unchanged until the first step. Trains `count` scalars for each layer. The update is a product of
 * cosines and sines, `O(count · in · out)`.
 *
 * @throws {ConfigError} For settings out of range, more frequencies than a layer has, and targets that match nothing.
 * @example
 * const tuned = attach(base, fourierFt(base, { count: 1000 }, random(1)), head(base));
 */
export const fourierFt: Method<FourierFtOptions, FourierFtConfig> = method<FourierFtOptions, FourierFtConfig>({
  kind: "fourierFt",
  parse(options, shape) {
    const { targets, exclude, layers, ...settings } = parseConfig("fourierFt", schema, options);
    const config = { ...settings, targets: nameTargetsLikeLora("fourierFt", shape, { targets, exclude, layers }) };
    checkCounts(shape, config);
    return config;
  },
  tensors(shape, config) {
    const places = placesOf(shape, config);
    return {
      trained: new Map(
        places.map((place): [string, DeltaTensor] => [
          spectrumName(place),
          {
            shape: [countAt(place, config)],
            start: config.init === "zero" ? zeroStart : { kind: "normal", deviation: 1 },
          },
        ]),
      ),
      frozen: new Map(
        places.map((place): [string, DeltaTensor] => {
          const shape: [number, number] = [2, countAt(place, config)];
          const make = (): Tensor => tensor2d(drawFrequencies(place, config), shape, "int32");
          return [frequenciesName(place), { shape, dtype: "int32", start: { kind: "given", make }, isStored: false }];
        }),
      ),
    };
  },
  ...addingUpdate<FourierFtConfig>({
    update({ parameters, buffers, config }, place) {
      const { input, output } = place;
      const frequencies = buffers.get(frequenciesName(place))!;
      const coefficients = mul(parameters.get(spectrumName(place))!, scalar(config.scale / (input * output)));
      const [u, v] = [anglesOf(frequencies, 0, output), anglesOf(frequencies, 1, input)] as const;
      // cos(a + b) = cos a cos b − sin a sin b
      const left = concat([mul(cos(u), coefficients), neg(mul(sin(u), coefficients))], 1) as Tensor2D;
      return matMul(left, concat([cos(v), sin(v)], 1) as Tensor2D, false, true);
    },
  }),
  peft: format,
});

const spectrumName = ({ site }: LinearTarget): string => `${site.path}.fourierft_spectrum`;
const frequenciesName = ({ site }: LinearTarget): string => `${site.path}.frequencies`;

function countAt({ site }: LinearTarget, config: FourierFtConfig): number {
  return valuesOf(config.countPattern)(site.path) ?? config.count;
}

/** Rows of the places, then their columns. */
function drawFrequencies(place: LinearTarget, config: FourierFtConfig): Int32Array {
  const { input, output } = place;
  const places = torchPermutation(input * output, config.seed, countAt(place, config));
  return Int32Array.from([...places.map((each) => Math.floor(each / input)), ...places.map((each) => each % input)]);
}

/** `2π u p / size` for the frequencies u of one side and its places p, `[size, count]`; products are reduced as integers. */
function anglesOf(frequencies: Tensor, side: 0 | 1, size: number): Tensor2D {
  const u = slice(frequencies, [side, 0], [1, -1]);
  const turns = mod(mul(reshape(range(0, size, 1, "int32"), [size, 1]), u), scalar(size, "int32"));
  return mul(cast(turns, "float32"), scalar((2 * Math.PI) / size)) as Tensor2D;
}

function checkCounts(shape: Host, config: FourierFtConfig): void {
  for (const place of placesOf(shape, config)) {
    const most = place.input * place.output;
    if (countAt(place, config) <= most) continue;
    throw new ConfigError({
      message: `fourierFt: ${place.site.path} has ${most} frequencies, fewer than the count of ${countAt(place, config)}`,
      path: place.site.path,
    });
  }
}
