import { ConfigError, parseConfig } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { mul, pad, scalar, type Tensor, zeros } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Delta } from "../delta.ts";
import { bindDelta } from "../method.ts";
import {
  checkPlain,
  factorsAt,
  type LoraConfig,
  type LoraPlace,
  lora,
  loraPlaces,
  namesOfFactors,
} from "../methods/lora.ts";
import { hasResidual } from "../methods/lora-starts.ts";
import { type TargetOptions, targetKeys } from "../targets.ts";
import { tidyParameters } from "../trees.ts";

/** Settings of `padLora`. */
export interface PadLoraOptions extends TargetOptions {
  /** Rank of every layer: at least those that the delta has. */
  readonly rank: number;
}

const schema = z.strictObject({ ...targetKeys, rank: z.int().positive() });

/**
 * The same LoRA with more rows and layers, all of them zero, and a scale of 1: what LoRAs of several ranks, scales and layers have in
 * common, so that `swap` puts one in the place of another. Layers are the delta's own unless `targets`, `exclude` or `layers` say which.
 *
 * It is for running: the gradient of rows that are zero in both matrices is zero, so that training leaves them.
 *
 * @returns The caller owns its tensors.
 * @throws {ConfigError} For a delta that is no LoRA, a rank below its ranks, and targets that leave one of its layers out.
 * @example
 * const wide = padLora(style, { rank: 16, targets: "all-linear" });
 */
export function padLora(delta: Delta, options: PadLoraOptions): Delta<LoraConfig> {
  const { rank, ...where } = parseConfig("padLora", schema, options);
  const fail = (message: string): ConfigError => new ConfigError({ message: `padLora: ${message}`, delta: delta.name });
  if (delta.kind !== "lora") throw fail(`"${delta.name}" is of the kind "${delta.kind}", and LoRAs are padded`);
  const { shape, config, name } = checkPlain("padLora", delta as Delta<LoraConfig>);
  const own = loraPlaces(shape, config);
  const paths = new Set(own.map(({ site }) => site.path));
  const isGiven = Object.values(where).some((value) => value !== undefined);
  const padded = lora.parse(
    { ...(isGiven ? where : { targets: [...paths] }), rank, alpha: rank, dropout: config.dropout },
    shape,
  );
  const places = loraPlaces(shape, padded);
  const left = own.find(({ site }) => !places.some((place) => place.site.path === site.path));
  if (left !== undefined) throw fail(`the targets leave out ${left.site.path}, which the delta changes`);
  const times = hasResidual(config.init) ? 2 : 1; // the start is taken off by as many ranks again
  const high = own.find((place) => times * place.rank > rank);
  if (high !== undefined) throw fail(`at ${high.site.path} the delta has rank ${times * high.rank}, above ${rank}`);
  const point = { ...(delta as Delta<LoraConfig>), shape, config };
  const make = (place: LoraPlace): readonly (readonly [string, Tensor])[] => {
    const { path } = place.site;
    const [a, b] = paths.has(path)
      ? sidesOf(point, path, rank)
      : [zeros([rank, place.input]), zeros([place.output, rank])];
    const [nameA, nameB] = namesOfFactors(place.site);
    return [
      [nameA, a],
      [nameB, b],
    ];
  };
  const parameters: Parameters = tidyParameters(() => new Map(places.flatMap(make)));
  const whole = { parameters, buffers: new Map(), state: new Map(), config: padded, shape };
  return { ...bindDelta(lora, whole), name };
}

/** A and B with more rows and columns, the scale within B. */
function sidesOf(delta: Delta<LoraConfig>, path: string, rank: number): readonly [Tensor, Tensor] {
  const { a, b, scale } = factorsAt(delta, path);
  const missing = rank - a.shape[0];
  return [
    pad(a, [
      [0, missing],
      [0, 0],
    ]),
    pad(mul(b, scalar(scale)), [
      [0, 0],
      [0, missing],
    ]),
  ];
}
