/**
 * AdaLoRA: LoRA as a product of three, whose middle numbers are dropped where they matter least.
 *
 * `parse`, `tensors`, `hooks` and `merge` read as in `lora.ts`. What is new follows steps: the schedule of the budget is in
 * `scalars`, numbers alone; what is dropped is in `afterStep` (`ada-lora-budget.ts`), tensors alone.
 */
import { ConfigError, parseConfig } from "@cambium/base";
import {
  applyLinear,
  around,
  dropout as drop,
  oneStart,
  type Parameters,
  type TensorSpec,
  zeroStart,
} from "@cambium/core";
import {
  add,
  addN,
  fill,
  matMul,
  mul,
  oneHot,
  range,
  type Scalar,
  scalar,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import { adaLoraFormat } from "../files/peft-ada-lora.ts";
import { type Host, oncePerPair } from "../host.ts";
import { type DeltaTensor, type Method, method } from "../method.ts";
import { type LinearTarget, nameTargetsLikeLora, placesOf, type TargetOptions, targetKeys } from "../targets.ts";
import { addToMatrix, changeWeights } from "../weights.ts";
import { budgetScalars, followBudget } from "./ada-lora-budget.ts";

/** Settings of `adaLora`. */
export interface AdaLoraOptions extends TargetOptions {
  /** Rank of each layer at first. @default 12 */
  readonly initialRank?: number | undefined;
  /** Mean rank of a layer at last. @default 8 */
  readonly targetRank?: number | undefined;
  /** Numerator of the scale, whose denominator is the initial rank. @default the initial rank */
  readonly alpha?: number | undefined;
  /** Fraction of the input that A does not see while training, 0 to below 1. @default 0 */
  readonly dropout?: number | undefined;
  /** How much A and B are held orthogonal: a factor on the mean of `‖A Aᵀ − 1‖` and `‖Bᵀ B − 1‖`, in nats. @default 0.5 */
  readonly regularisation?: number | undefined;
  /** Steps before ranks fall. @default 0 */
  readonly warmUpSteps?: number | undefined;
  /** Steps at the end, whose ranks are settled. @default 0 */
  readonly finalSteps?: number | undefined;
  /** Steps from one choice of what to drop to the next. @default 1 */
  readonly interval?: number | undefined;
  /** Steps of the whole schedule. @default those of the run */
  readonly totalSteps?: number | undefined;
  /** Share that the mean sensitivity keeps at a step, 0 to below 1. @default 0.85 */
  readonly sensitivityDecay?: number | undefined;
  /** Share that the mean uncertainty keeps, likewise. @default 0.85 */
  readonly uncertaintyDecay?: number | undefined;
  /** Of a file whose dropped parts are cut off: which of the initial rank each layer has, by path. @default all */
  readonly kept?: Readonly<Record<string, readonly boolean[]>> | undefined;
}

/** An AdaLoRA as JSON: every setting, and its layers by name. */
export interface AdaLoraConfig {
  readonly targets: readonly string[];
  readonly initialRank: number;
  readonly targetRank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly regularisation: number;
  readonly warmUpSteps: number;
  readonly finalSteps: number;
  readonly interval: number;
  readonly totalSteps?: number;
  readonly sensitivityDecay: number;
  readonly uncertaintyDecay: number;
  readonly kept: Readonly<Record<string, readonly boolean[]>>;
}

const steps = z.int().nonnegative();
const share = z.number().min(0).lt(1);
const schema = z.strictObject({
  ...targetKeys,
  initialRank: z.int().positive().default(12),
  targetRank: z.int().positive().default(8),
  alpha: z.number().positive().optional(),
  dropout: share.default(0),
  regularisation: z.number().nonnegative().default(0.5),
  warmUpSteps: steps.default(0),
  finalSteps: steps.default(0),
  interval: z.int().positive().default(1),
  totalSteps: z.int().positive().optional(),
  sensitivityDecay: share.default(0.85),
  uncertaintyDecay: share.default(0.85),
  kept: z.record(z.string(), z.array(z.boolean()).readonly()).default({}),
});

/**
 * AdaLoRA (Zhang et al. 2023, arXiv:2303.10512): `y = W x + s · B (E ⊙ A) x`, A `[rank, in]`, E `[rank, 1]`, B `[out, rank]`,
 * `s = alpha / initialRank`. While it trains, the least important of all E become zero, until the layers have the target rank
 * on average.
 *
 * E starts at zero, so the model is unchanged until the first step. Trains `initialRank · (in + out + 1)` scalars for each
 * layer, at the end too: dropped ones stay zero. Importance is the mean sensitivity `|p · gradient|` times its mean deviation
 * (section 3.2); the budget falls with the cube of the steps (equation 12). Steps are counted, and E is masked, as PEFT does.
 *
 * Training follows each step, so a loop of your own must call `afterStep`; `train` does.
 *
 * @throws {ConfigError} For settings out of range or at odds with each other, and for targets that match nothing.
 * @example
 * const tuned = attach(base, adaLora(base, { initialRank: 12, targetRank: 4, finalSteps: 100 }, random(1)), head(base));
 */
export const adaLora: Method<AdaLoraOptions, AdaLoraConfig> = method<AdaLoraOptions, AdaLoraConfig>({
  kind: "adaLora",
  parse(options, shape) {
    const { targets, exclude, layers, totalSteps, ...settings } = parseConfig("adaLora", schema, options);
    const config = {
      ...settings,
      alpha: settings.alpha ?? settings.initialRank,
      ...(totalSteps !== undefined && { totalSteps }),
      targets: nameTargetsLikeLora("adaLora", shape, { targets, exclude, layers }),
    };
    checkConfig(config, shape);
    return config;
  },
  tensors(shape, config) {
    const tensorsOf = ({ site: { path }, input, output, rank }: Ranked): [string, DeltaTensor][] => [
      [nameA(path), { shape: [rank, input], start: near }],
      [nameB(path), { shape: [output, rank], start: near }],
      [nameE(path), { shape: [rank, 1], start: zeroStart }],
    ];
    // What has nothing left is not trained; files have it all the same, empty.
    const all = (isTrained: boolean): Map<string, DeltaTensor> =>
      new Map(
        ranked(shape, config)
          .filter(({ rank }) => rank > 0 === isTrained)
          .flatMap(tensorsOf),
      );
    return { trained: all(true), frozen: all(false) };
  },
  state: (shape, config) =>
    new Map(
      trainedPlaces(shape, config).flatMap(({ site: { path }, input, output, rank }) => [
        ...meansOf(nameA(path), [rank, input]),
        ...meansOf(nameB(path), [output, rank]),
        ...meansOf(nameE(path), [rank, 1]),
        [`${path}.kept`, { shape: [rank, 1], start: oneStart }],
      ]),
    ),
  hooks: ({ parameters, config }) => [
    around(
      "linear",
      (site) => parameters.has(nameA(site.path)),
      ({ site, input, next, context }) => {
        const x = context.training ? drop(input, config.dropout, context.random) : input;
        const narrow = applyLinear(x, scaledA(parameters, site.path)); // [..., rank]
        const update = applyLinear(mul(narrow, scalar(scaleOf(config))), parameters.get(nameB(site.path))!);
        return add(next(input), update);
      },
      { byRow: true },
    ),
  ],
  merge: (base, { parameters, shape, config }) =>
    changeWeights(base, trainedPlaces(shape, config), (weights, place) => {
      const { path } = place.site;
      const product = matMul(parameters.get(nameB(path))! as Tensor2D, scaledA(parameters, path));
      const update = mul(product, scalar(scaleOf(config))) as Tensor2D;
      return [[place.weight.name, addToMatrix(weights, place, update)]];
    }),
  scale: (config, factor) => (factor > 0 ? { ...config, alpha: config.alpha * factor } : undefined),
  penalty(at) {
    const norms = trainedPlaces(at.shape, at.config).flatMap(({ site: { path } }) => [
      distanceFromOrthogonal(at.parameters.get(nameA(path))! as Tensor2D, false),
      distanceFromOrthogonal(at.parameters.get(nameB(path))! as Tensor2D, true),
    ]);
    const count = 2 * ranked(at.shape, at.config).length; // layers with nothing left count, as in PEFT
    return mul(addN(norms), scalar(at.config.regularisation / count)) as Scalar;
  },
  scalars: (shape, config, step, total) =>
    budgetScalars(
      config,
      ranked(shape, config).map(({ rank }) => rank),
      step,
      total,
    ),
  afterStep: (at, step) =>
    followBudget(
      at,
      trainedPlaces(at.shape, at.config).map(({ site: { path } }) => ({
        a: nameA(path),
        b: nameB(path),
        e: nameE(path),
        kept: `${path}.kept`,
      })),
      step,
    ),
  peft: adaLoraFormat,
});

const near = { kind: "normal", deviation: 0.02 } as const;
const nameA = (path: string): string => `${path}.lora_A`;
const nameB = (path: string): string => `${path}.lora_B`;
const nameE = (path: string): string => `${path}.lora_E`;

/** What is remembered of a tensor's importance. */
function meansOf(name: string, shape: readonly number[]): readonly [string, TensorSpec][] {
  return ["sensitivity", "uncertainty"].map((mean) => [`${name}.${mean}`, { shape, start: zeroStart }]);
}

/** PEFT's denominator is never zero. */
const scaleOf = ({ alpha, initialRank }: AdaLoraConfig): number => alpha / (initialRank + 1e-5);

/** `E ⊙ A`, `[rank, in]`. */
function scaledA(parameters: Parameters, path: string): Tensor2D {
  return mul(parameters.get(nameA(path))!, parameters.get(nameE(path))!) as Tensor2D;
}

/** A layer with the rank that it has left. */
type Ranked = LinearTarget & { readonly rank: number };

const ranked: (shape: Host, config: AdaLoraConfig) => readonly Ranked[] = oncePerPair((shape, config) =>
  placesOf(shape, config).map((place) => {
    const kept = config.kept[place.site.path];
    return { ...place, rank: kept === undefined ? config.initialRank : kept.filter(Boolean).length };
  }),
);

const trainedPlaces = (shape: Host, config: AdaLoraConfig): readonly Ranked[] =>
  ranked(shape, config).filter(({ rank }) => rank > 0);

function checkConfig(config: AdaLoraConfig, shape: Host): void {
  const { initialRank, targetRank, kept } = config;
  if (targetRank > initialRank) {
    throw new ConfigError({
      message: `adaLora: targetRank ${targetRank} is above initialRank ${initialRank}, and ranks only fall`,
      targetRank,
      initialRank,
    });
  }
  const paths = new Set(placesOf(shape, config).map(({ site }) => site.path));
  for (const [path, flags] of Object.entries(kept)) {
    if (paths.has(path) && flags.length === initialRank) continue;
    throw new ConfigError({
      message: `adaLora: kept["${path}"] ${paths.has(path) ? `has ${flags.length} flags for an initialRank of ${initialRank}` : "is none of the targets"}`,
      path,
    });
  }
}

/** `‖P Pᵀ − 1‖`, or of the columns `‖Pᵀ P − 1‖`: Frobenius norms. */
function distanceFromOrthogonal(p: Tensor2D, ofColumns: boolean): Tensor {
  const products = matMul(p, p, ofColumns, !ofColumns);
  const [rank] = products.shape;
  // Of operations, not of the host's numbers; tfjs's oneHot refuses a rank of 1.
  const identity = rank === 1 ? fill([1, 1], 1) : oneHot(range(0, rank, 1, "int32"), rank, 1, 0, "float32");
  return sqrt(sum(square(sub(products, identity))));
}
