import { applyLinear, around, dropout as drop, type Start } from "@cambium/core";
import {
  add,
  customGrad,
  div,
  matMul,
  mul,
  reshape,
  scalar,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  transpose,
  zerosLike,
} from "@tensorflow/tfjs-core";
import type { PeftFormat } from "../files/peft-format.ts";
import { plainLoraKey, plainLoraOnly, readLora, writeLora } from "../files/peft-lora.ts";
import type { LowRank } from "../low-rank-rows.ts";
import { type DeltaPoint, type DeltaTensor, type Method, method } from "../method.ts";
import { addToMatrix, changeWeights, readMatrix } from "../weights.ts";
import {
  factorsAt,
  type LoraConfig,
  type LoraOptions,
  type LoraPlace,
  loraPlaces,
  loraTensors,
  parseLora,
} from "./lora.ts";

/** Settings of `dora`: those of LoRA. */
export interface DoraOptions extends LoraOptions {}

/** A DoRA as JSON: every setting, and its layers by name. */
export interface DoraConfig extends LoraConfig {}

/** DoRA as PEFT has it: LoRA with `use_dora`. */
const format: PeftFormat<DoraOptions, DoraConfig> = {
  type: "LORA",
  is: (json) => json["use_dora"] === true,
  read: (source) => readLora(source, plainLoraOnly),
  write(delta, base) {
    const lora = writeLora(delta, base);
    return "reason" in lora ? lora : { fields: { ...lora.fields, use_dora: true } };
  },
  keys: { read: (key) => plainLoraKey(key).replace(/\.(lora_magnitude_vector)(\..+)?$/, ".$1") },
};

/**
 * DoRA (Liu et al. 2024, arXiv:2402.09353): the direction of each row of a weight is trained as by LoRA, its length apart.
 * `W' = m ⊙ (W + s · B A) / ‖W + s · B A‖`, norms over the inputs of each output, m `[out]`.
 *
 * m starts as the norms of W and B at zero, so the model is unchanged until the first step. Trains `rank · (in + out) + out`
 * scalars for each layer. As in PEFT and section 4.3 of the paper, no gradient passes through the norm.
 *
 * W is read once, for its norms; later only products with it are asked for, so that a layer in 8 bits stays so. Put it before
 * deltas on the same layers: what those add would count as W.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, dora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, random(1)));
 */
export const dora: Method<DoraOptions, DoraConfig> = method<DoraOptions, DoraConfig>({
  kind: "dora",
  parse: (options, shape) => parseLora("dora", options, shape),
  tensors(shape, config) {
    const each = (make: (place: LoraPlace) => [string, DeltaTensor]): [string, DeltaTensor][] =>
      loraPlaces(shape, config).map(make);
    return {
      trained: new Map([
        ...loraTensors(shape, config),
        ...each((place) => [
          magnitudeName(place.site.path),
          { shape: [place.output], start: ofMatrix(place, (matrix) => sqrt(squaredNorms(matrix))) },
        ]),
      ]),
      frozen: new Map(
        each((place) => [
          normsName(place.site.path),
          { shape: [place.output], start: ofMatrix(place, squaredNorms), isStored: false },
        ]),
      ),
    };
  },
  hooks: (at) => [
    around(
      "linear",
      (site) => at.parameters.has(magnitudeName(site.path)),
      ({ site, input, next, context }) => {
        const factors = factorsAt(at, site.path);
        const { bias, columns } = placeAt(at, site.path);
        const stored = bias === undefined ? undefined : context.read(bias);
        const own =
          stored === undefined || columns === undefined
            ? stored
            : slice(stored, [columns[0]], [columns[1] - columns[0]]);
        const without = (y: Tensor): Tensor => (own === undefined ? y : sub(y, own));
        const drops = context.training && at.config.dropout > 0;
        const x = drops ? drop(input, at.config.dropout, context.random) : input;
        const whole = next(input);
        const product = without(drops ? next(x) : whole); // x Wᵀ
        const gain = gainAt(at, site.path, factors, (a) => without(next(a)));
        const update = applyLinear(mul(applyLinear(x, factors.a), scalar(factors.scale)), factors.b);
        return add(whole, add(mul(sub(gain, scalar(1)), product), mul(gain, update)));
      },
      { byRow: true },
    ),
  ],
  merge: (base, at) =>
    changeWeights(base, loraPlaces(at.shape, at.config), (weights, place) => {
      const factors = factorsAt(at, place.site.path);
      const matrix = readMatrix(weights, place);
      const gain = gainAt(at, place.site.path, factors, (a) => matMul(a, matrix, false, true));
      const moved = add(matrix, mul(matMul(factors.b, factors.a), scalar(factors.scale)));
      const update = sub(mul(moved, reshape(gain, [-1, 1])), matrix) as Tensor2D;
      return [[place.weight.name, addToMatrix(weights, place, update)]];
    }),
  peft: format,
});

const magnitudeName = (path: string): string => `${path}.lora_magnitude_vector`;
const normsName = (path: string): string => `${path}.squared_norms`;

/** A start that is a function of a layer's own matrix, `[out, in]`. */
function ofMatrix(place: LoraPlace, make: (matrix: Tensor2D) => Tensor): Start {
  return { kind: "weights", names: [place.weight.name], make: (weights) => make(readMatrix(weights, place)) };
}

/** Over the inputs, `[out]`. */
function squaredNorms(matrix: Tensor2D): Tensor {
  return sum(square(matrix), 1);
}

function placeAt({ shape, config }: DeltaPoint<DoraConfig>, path: string): LoraPlace {
  return loraPlaces(shape, config).find(({ site }) => site.path === path)!;
}

/**
 * `m / ‖W + s · B A‖`, `[out]`, the norm without a gradient.
 *
 * `‖W + s · B A‖² = ‖W‖² + 2 s · rows of (W Aᵀ ⊙ B) + s² · rows of (B (A Aᵀ) ⊙ B)`: the product of B and A is not made.
 *
 * @param product - `A Wᵀ`, `[rank, out]`.
 */
function gainAt(
  { parameters, buffers }: DeltaPoint<DoraConfig>,
  path: string,
  { a, b, scale }: LowRank,
  product: (a: Tensor2D) => Tensor,
): Tensor1D {
  const squared = buffers.get(normsName(path))!;
  const norms = customGrad((...inputs) => {
    const [frozenA, frozenB] = inputs as unknown as [Tensor2D, Tensor2D];
    const crossed = sum(mul(transpose(product(frozenA)), frozenB), 1);
    const added = sum(mul(matMul(frozenB, matMul(frozenA, frozenA, false, true)), frozenB), 1);
    const all = add(squared, add(mul(crossed, scalar(2 * scale)), mul(added, scalar(scale * scale))));
    return { value: sqrt(all), gradFunc: () => [zerosLike(frozenA), zerosLike(frozenB)] };
  });
  return div(parameters.get(magnitudeName(path))!, norms(a, b)) as Tensor1D;
}
