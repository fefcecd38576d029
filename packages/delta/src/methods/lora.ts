/**
 * LoRA: a product of two thin matrices beside each chosen linear layer.
 *
 * Every method reads like this file. `lora` finds its layers, makes their tensors, and returns a plain object: the
 * tensors under names, `hooks` that put them to work at any values, and `merge`, the same as a change of weights.
 */
import { parseConfig } from "@cambium/base";
import { applyLinear, around, dropout as drop, type Parameters, type Random } from "@cambium/core";
import { add, matMul, mul, scalar, type Tensor, type Tensor2D, zeros } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Delta, Host } from "../delta.ts";
import { findTargets, shortestNames, type TargetOptions, targetKeys, valueFor } from "../targets.ts";
import { addToMatrix, changeWeights } from "../weights.ts";

/** Settings of `lora`. */
export interface LoraOptions extends TargetOptions {
  /** Rows of A and columns of B. @default 8 */
  readonly rank?: number | undefined;
  /** Numerator of the scale. @default the rank, so that the scale of plain LoRA is 1 */
  readonly alpha?: number | undefined;
  /** Fraction of the input that A does not see while training, 0 to below 1. @default 0 */
  readonly dropout?: number | undefined;
  /** Scale by `alpha / √rank` in place of `alpha / rank`: rank-stabilised LoRA (Kalajdzievski 2023, arXiv:2312.03732). @default false */
  readonly rsLora?: boolean | undefined;
  /** How A starts; B is zero. `"default"`: uniform on ±1/√input. `"gaussian"`: normal with deviation 1/rank. @default "default" */
  readonly init?: "default" | "gaussian" | undefined;
  /** Other ranks for some layers: a regular expression for the end of the path, and the rank. The first match holds. @default {} */
  readonly rankPattern?: Readonly<Record<string, number>> | undefined;
  /** Other alphas for some layers, likewise. @default {} */
  readonly alphaPattern?: Readonly<Record<string, number>> | undefined;
}

/** A LoRA as JSON: every setting, and its layers by name. */
export interface LoraConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rsLora: boolean;
  readonly init: "default" | "gaussian";
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
}

const rank = z.int().positive();
const schema = z.strictObject({
  ...targetKeys,
  rank: rank.default(8),
  alpha: z.number().positive().optional(),
  dropout: z.number().min(0).lt(1).default(0),
  rsLora: z.boolean().default(false),
  init: z.enum(["default", "gaussian"]).default("default"),
  rankPattern: z.record(z.string(), rank).default({}),
  alphaPattern: z.record(z.string(), z.number().positive()).default({}),
});

/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685): `y = W x + s · B A x`, A `[rank, in]`, B `[out, rank]`, `s = alpha / rank`.
 *
 * B starts at zero, so the model is unchanged until the first step. Trains `rank · (in + out)` scalars for each layer;
 * by default the query and value layers, as the paper does.
 *
 * @param model - Read for its sites and shapes only.
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, random(1)));
 */
export function lora(model: Host, options: LoraOptions, random: Random): Delta<LoraConfig> {
  const { targets = ["attn.q", "attn.v"], exclude, layers, ...settings } = parseConfig("lora", schema, options);
  const config = { ...settings, alpha: settings.alpha ?? settings.rank };
  const found = findTargets("lora", model, { targets, exclude, layers });
  const rankAt = (path: string): number => valueFor(config.rankPattern, path) ?? config.rank;
  const scaleAt = (path: string): number =>
    (valueFor(config.alphaPattern, path) ?? config.alpha) / (config.rsLora ? Math.sqrt(rankAt(path)) : rankAt(path));

  const parameters = new Map<string, Tensor>();
  for (const { site, input, output } of found) {
    const [rows, source] = [rankAt(site.path), random.at(site.path)];
    const bound = 1 / Math.sqrt(input);
    const a =
      config.init === "gaussian"
        ? source.normal([rows, input], 0, 1 / rows)
        : source.uniform([rows, input], -bound, bound);
    parameters.set(nameA(site.path), a);
    parameters.set(nameB(site.path), zeros([output, rows]));
  }

  return {
    kind: "lora",
    name: "lora",
    config: {
      ...config,
      targets: shortestNames(
        model,
        found.map(({ site }) => site.path),
      ),
    },
    parameters,
    hooks: (current) => [
      around(
        "linear",
        (site) => current.has(nameA(site.path)),
        ({ site, input, next, context }) => {
          const [a, b] = factors(current, site.path);
          const x = context.training ? drop(input, config.dropout, context.random) : input;
          const narrow = applyLinear(x, a); // [..., rank]
          return add(next(input), applyLinear(mul(narrow, scalar(scaleAt(site.path))), b));
        },
      ),
    ],
    merge: (base, current) =>
      changeWeights(base, found, (weights, { site }) => {
        const [a, b] = factors(current, site.path);
        const update = mul(matMul(b, a), scalar(scaleAt(site.path))) as Tensor2D;
        return [[site.weight!.name, addToMatrix(weights, site, update)]];
      }),
  };
}

const nameA = (path: string): string => `${path}.lora_A.weight`;
const nameB = (path: string): string => `${path}.lora_B.weight`;

function factors(parameters: Parameters, path: string): readonly [a: Tensor2D, b: Tensor2D] {
  return [parameters.get(nameA(path))! as Tensor2D, parameters.get(nameB(path))! as Tensor2D];
}
