import { parseConfig } from "@cambium/base";
import type { Start, TensorSpec } from "@cambium/core";
import {
  concat,
  div,
  matMul,
  mul,
  norm,
  reshape,
  scalar,
  slice,
  stack,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat, noLayers } from "../files/peft-linear.ts";
import { mappingInputs } from "../input-map.ts";
import { type Method, method } from "../method.ts";
import { nameTargetsLikeLora, placesOf, type TargetOptions, targetKeys } from "../targets.ts";

/** Settings of `hra`. */
export interface HraOptions extends TargetOptions {
  /** Reflections of each layer's input; an even number of them starts as none. @default 8 */
  readonly rank?: number | undefined;
  /** Whether the reflections are made orthogonal to each other, by Gram and Schmidt. Then they start at random. @default false */
  readonly orthogonal?: boolean | undefined;
}

/** An HRA as JSON. */
export interface HraConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly orthogonal: boolean;
}

const rank = z.int().positive().default(8);
const schema = z.strictObject({ ...targetKeys, rank, orthogonal: z.boolean().default(false) });

const format: PeftFormat<HraOptions, HraConfig> = linearFormat({
  type: "HRA",
  kinds: ["hra"],
  schema: z.looseObject({ r: rank, apply_GS: z.boolean().default(false) }),
  tensors: ["hra_u"],
  options: (config) => ({ rank: config.r, orthogonal: config.apply_GS }),
  fields: (config: HraConfig) => ({
    r: config.rank,
    apply_GS: config.orthogonal,
    bias: "none",
    init_weights: true,
    ...noLayers,
  }),
});

/**
 * HRA (Yuan et al. 2024, arXiv:2405.17484): inputs of a layer are reflected, one hyperplane after the other. `y = W H₁ … Hᵣ x + b`,
 * `H = 1 − 2 u uᵀ / ‖u‖²`, the vectors u the columns of one tensor `[in, rank]`.
 *
 * Of an even number of reflections, two neighbours start alike and undo each other, so the model is unchanged up to rounding. An
 * odd number, or orthogonal ones, cannot, and starts as a random reflection. Trains `rank · in` scalars for each layer.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, hra(base, { rank: 8 }, random(1)), head(base));
 */
export const hra: Method<HraOptions, HraConfig> = method<HraOptions, HraConfig>({
  kind: "hra",
  parse(options, shape) {
    const { targets, exclude, layers, ...settings } = parseConfig("hra", schema, options);
    return { ...settings, targets: nameTargetsLikeLora("hra", shape, { targets, exclude, layers }) };
  },
  tensors: (shape, config) => ({
    trained: new Map(
      placesOf(shape, config).map(({ site, input }): [string, TensorSpec] => [
        nameOf(site.path),
        { shape: [input, config.rank], start: startOf(config, input) },
      ]),
    ),
  }),
  ...mappingInputs<HraConfig>(({ parameters, config }, { site }, x) => {
    const units = unitColumns(parameters.get(nameOf(site.path))! as Tensor2D, config);
    const rows = reshape(x, [-1, units.shape[0]]) as Tensor2D;
    // Reflections that are orthogonal to each other are one product; others follow each other, the last first.
    const reflected = config.orthogonal
      ? reflect(rows, units)
      : Array.from(
          { length: config.rank },
          (_, i) => slice(units, [0, config.rank - 1 - i], [-1, 1]) as Tensor2D,
        ).reduce(reflect, rows);
    return reshape(reflected, x.shape);
  }),
  peft: format,
});

const nameOf = (path: string): string => `${path}.hra_u`;

/** `x − 2 (x U) Uᵀ` */
function reflect(x: Tensor2D, units: Tensor2D): Tensor2D {
  return sub(x, mul(matMul(matMul(x, units), units, false, true), scalar(2)));
}

/** The columns at length 1, made orthogonal to those before them if the config wants it. */
function unitColumns(u: Tensor2D, { orthogonal, rank: count }: HraConfig): Tensor2D {
  if (!orthogonal) return div(u, norm(u, "euclidean", 0, true));
  const units: Tensor[] = [];
  for (let i = 0; i < count; i++) {
    const free = units.reduce(
      (rest, unit) => sub(rest, mul(sum(mul(unit, rest)), unit)),
      slice(u, [0, i], [-1, 1]) as Tensor,
    );
    units.push(div(free, norm(free)));
  }
  return concat(units, 1) as Tensor2D;
}

function startOf({ rank: count, orthogonal }: HraConfig, input: number): Start {
  const isPaired = count % 2 === 0 && !orthogonal;
  const columns = isPaired ? count / 2 : count;
  const bound = 1 / Math.sqrt(columns);
  if (!isPaired) return { kind: "uniform", low: -bound, high: bound };
  return {
    kind: "weights",
    names: [],
    make: (_, random) => {
      const half = random.uniform([input, columns], -bound, bound);
      return reshape(stack([half, half], 2), [input, count]);
    },
  };
}
