/** Scores of feed-forward neurons from data, made once before a run. */
import { ConfigError, canonicalJson, type Files, parseConfig, StateError, sha256 } from "@cambium/base";
import {
  around,
  fingerprint,
  type Hook,
  type Parameters,
  type Random,
  random as seeded,
  valueAndGradients,
} from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import { capture, type LanguageModel, type LanguageOutput, type TokenBatch } from "@cambium/models";
import type { Batches } from "@cambium/train";
import {
  abs,
  add,
  dispose,
  div,
  expandDims,
  keep,
  maximum,
  mul,
  ones,
  scalar,
  square,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor3D,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import { balancedClusters } from "./clusters.ts";
import { type FeedForwardSites, feedForwardParts } from "./feed-forward.ts";
import {
  fingerprintBody,
  loadNeuronScores,
  type NeuronMethod,
  type NeuronScores,
  outputNorms,
  saveNeuronScores,
  weightScores,
} from "./neuron-scores.ts";
import { rowMask } from "./row-mask.ts";

/** Settings of `scoreNeurons`. */
export interface ScoreNeuronsOptions {
  /**
   * `"activation"`: mean size of what a neuron gives, over an example's real rows and then over examples; `"mean"`: the same with its sign;
   * `"output"`: that size times the length of what the neuron writes; `"fisher"`: mean squared gradient of the loss by a factor on the neuron;
   * `"integrated-gradients"`: that gradient summed on the way of the factor from 0 to 1, layer by layer; `"weights"`: by the weights alone;
   * `"experts"`: groups of equal size by k-means over what neurons read with, in the order of their mean activation. @default "activation"
   */
  readonly method?: NeuronMethod;
  /** Most examples that are read; whole batches are. `"weights"` reads none. @default 1000 */
  readonly examples?: number;
  /** Points of `"integrated-gradients"`. @default 20 */
  readonly points?: number;
  /** Groups of `"experts"` in a layer, which must divide its neurons. @default 16 */
  readonly clusters?: number;
  /** Where groups start, for `"experts"`. @default random(0) */
  readonly random?: Random;
  /** A folder in which scores are kept, and found by the next call with the same model, data and settings. @default none */
  readonly cache?: string | Files;
}

const METHODS = ["activation", "mean", "integrated-gradients", "weights", "fisher", "output", "experts"] as const;
const schema = z.strictObject({
  method: z.enum(METHODS).default("activation"),
  examples: z.int().positive().exactOptional(),
  points: z.int().positive().exactOptional(),
  clusters: z.int().positive().exactOptional(),
  random: z.custom<Random>((value) => typeof (value as Random | undefined)?.at === "function").exactOptional(),
  cache: z
    .custom<string | Files>(
      (value) => typeof value === "string" || typeof (value as Files | undefined)?.write === "function",
    )
    .exactOptional(),
});

/** What neurons can be scored of. */
export type Scorable = LanguageModel | Tuned<LanguageModel>;

/** A model or a tuned one, as far as scoring runs it. */
type Runner = LanguageModel & { readonly base?: LanguageModel };

/**
 * Scores of all feed-forward neurons of a model on a task.
 *
 * The paper puts an untrained prompt in front: pass `attach(base, prompt(base, …))`. `"fisher"` and `"integrated-gradients"` read labels: take rows of the training
 * data. `"fisher"` is exact with batches of one row; larger ones square the gradient of the batch's mean.
 *
 * @param model - Whole; on a tuned model its deltas act.
 * @param data - Batches of its task; the first epoch is read.
 * @throws {ConfigError} For settings that there are not, and methods with gradients on a model without a head.
 * @throws {StateError} When scores are not finite.
 * @see Huang et al. 2022, FPT, arXiv:2211.06840, section 3; Zhang et al. 2022, MoEfication, arXiv:2110.01786, for `"experts"`.
 * @example
 * const neurons = await scoreNeurons(attach(base, prompt(base, {}, random(1))), data, { cache: "runs/scores" });
 */
export async function scoreNeurons(
  model: Scorable,
  data: Batches<TokenBatch>,
  options: ScoreNeuronsOptions = {},
): Promise<NeuronScores> {
  const {
    method,
    examples = 1000,
    points,
    clusters,
    random = seeded(0),
    cache,
  } = parseConfig("scoreNeurons", schema, options);
  const unread = Object.entries({
    examples: method !== "weights",
    points: method === "integrated-gradients",
    clusters: method === "experts",
    random: method === "experts",
  }).find(([key, isRead]) => !isRead && options[key as keyof ScoreNeuronsOptions] !== undefined);
  if (unread !== undefined)
    throw new ConfigError({ message: `scoreNeurons: ${unread[0]} is not read by the method "${method}"` });
  const runner = model as unknown as Runner;
  const base = runner.base ?? runner;
  const print = await fingerprintBody(base);
  const settings = {
    method,
    examples,
    points: points ?? 20,
    clusters: clusters ?? 16,
    seed: random.seed,
    path: random.path as never,
  };
  const key = cache === undefined ? "" : await keyOf(runner, data, { print, ...settings });
  const known = cache === undefined ? undefined : await loadNeuronScores(cache, key);
  if (known !== undefined) return known;
  const parts = feedForwardParts(base.sites());
  const scored = { runner, base, parts, data, examples };
  const layers =
    method === "weights"
      ? weightScores(base).layers
      : method === "fisher" || method === "integrated-gradients"
        ? await byGradients(scored, method === "fisher" ? undefined : settings.points)
        : await byActivations(scored, method, settings.clusters, random);
  const broken = Object.entries(layers).find(([, values]) => !values.every(Number.isFinite));
  if (broken !== undefined)
    throw new StateError({
      message: `scoreNeurons: scores of ${broken[0]} are not finite; are the weights of the model?`,
      path: broken[0],
    });
  const scores: NeuronScores = { method, model: print, layers };
  if (cache !== undefined) await saveNeuronScores(scores, cache, key);
  return scores;
}

/** What scores depend on. */
async function keyOf(runner: Runner, data: Batches<TokenBatch>, settings: object): Promise<string> {
  const tuned = (runner as { readonly describe?: () => unknown }).describe;
  const parameters = runner.base === undefined ? null : await fingerprint(runner.parameters);
  const described = tuned === undefined ? null : await tuned();
  return sha256(
    canonicalJson(JSON.parse(JSON.stringify({ ...settings, parameters, described, data: await data.describe() }))),
  );
}

interface Scored {
  readonly runner: Runner;
  readonly base: LanguageModel;
  readonly parts: readonly FeedForwardSites[];
  readonly data: Batches<TokenBatch>;
  readonly examples: number;
}

/** Sums over batches of a vector for each part, by the weight of a batch; then their mean, on the host. */
async function meanOver(
  { parts, data, examples }: Scored,
  measure: (batch: TokenBatch) => readonly Tensor1D[],
): Promise<Record<string, number[]>> {
  let totals: Tensor1D[] = tidy(() => parts.map(({ act }) => keep(zeros([act.width]) as Tensor1D)));
  let rows = 0;
  try {
    for await (const { batch, rows: size } of data.epoch(0)) {
      const next = tidy(() => measure(batch).map((vector, i) => keep(add(totals[i]!, mul(vector, size)) as Tensor1D)));
      dispose(totals);
      totals = next;
      dispose(batch as unknown as Record<string, Tensor>);
      rows += size;
      if (rows >= examples) break;
    }
    if (rows === 0) throw new ConfigError({ message: "scoreNeurons: the data has no rows" });
    const values = await Promise.all(totals.map((total) => total.data()));
    return Object.fromEntries(parts.map(({ act }, i) => [act.path, [...values[i]!].map((value) => value / rows)]));
  } finally {
    dispose(totals);
  }
}

async function byActivations(
  scored: Scored,
  method: NeuronMethod,
  clusters: number,
  random: Random,
): Promise<Record<string, readonly number[]>> {
  const { runner, base, parts } = scored;
  const layers = await meanOver(scored, (batch) => {
    const { output, captured } = capture<TokenBatch, LanguageOutput>(runner, batch, ["ff.act"]);
    return parts.map((part) => {
      const active = captured.get(part.act.path)! as Tensor3D; // [batch, rows, dFf]
      const mask = rowMask(part.act, batch, output); // [batch, rows]
      const counted = mul(method === "mean" ? active : abs(active), expandDims(mask, 2));
      const each = div(sum(counted, 1), expandDims(maximum(sum(mask, 1), scalar(1)), 1)); // [batch, dFf]
      const mean = div(sum(each, 0), scalar(each.shape[0]!)) as Tensor1D;
      return method === "output" ? (mul(mean, outputNorms(base.parameters, part)) as Tensor1D) : mean;
    });
  });
  if (method !== "experts") return layers;
  const grouped: Record<string, readonly number[]> = {};
  for (const part of parts)
    grouped[part.act.path] = await byExperts(base, part, layers[part.act.path]!, clusters, random);
  return grouped;
}

/** Neurons of the groups that are most active first; within a group the most active first. */
async function byExperts(
  base: LanguageModel,
  { up, act }: FeedForwardSites,
  activity: readonly number[],
  clusters: number,
  random: Random,
): Promise<readonly number[]> {
  const { weight } = up.at(-1)!;
  const values = await base.parameters.get(weight!.name)!.data();
  const [width, input] = [act.width, values.length / act.width];
  const rows = Array.from({ length: width }, (_, unit) =>
    Float64Array.from(
      { length: input },
      (_, i) => values[weight!.layout === "out,in" ? unit * input + i : i * width + unit]!,
    ),
  );
  const groups = balancedClusters(rows, clusters, random.at(act.path));
  const mean = (group: readonly number[]): number =>
    group.reduce((total, unit) => total + activity[unit]!, 0) / group.length;
  const order = groups
    .map((group) => ({ group, value: mean(group) }))
    .sort((a, b) => b.value - a.value)
    .flatMap(({ group }) => [...group].sort((a, b) => activity[b]! - activity[a]! || a - b));
  const scores = new Array<number>(width);
  for (const [place, unit] of order.entries()) scores[unit] = width - place;
  return scores;
}

/** By the gradient of the loss for a factor on each neuron: squared at 1, or summed on the way from 0 to 1. */
async function byGradients(scored: Scored, points: number | undefined): Promise<Record<string, number[]>> {
  const { runner, parts } = scored;
  if (runner.loss === undefined)
    throw new ConfigError({
      message: "scoreNeurons: this method reads the loss, and the model has no head; load it with one",
    });
  const context = { random: seeded(0), training: false };
  const lossAt = (batch: TokenBatch, factors: Parameters): ReturnType<NonNullable<LanguageModel["loss"]>> => {
    const hooks: readonly Hook[] = parts.flatMap(({ act }) => {
      const factor = factors.get(act.path);
      return factor === undefined
        ? []
        : [
            around(
              "activation",
              ({ path }) => path === act.path,
              ({ input, next }) => mul(next(input), factor) as Tensor3D,
            ),
          ];
    });
    if (runner.base === undefined) return runner.loss!(batch, { hooks });
    return runner.base.loss!(batch, {
      ...context,
      hooks: [...(runner as unknown as Tuned).deltas.flatMap((delta) => delta.hooks(delta)), ...hooks],
    });
  };
  return meanOver(scored, (batch) => {
    if (points === undefined) {
      const at = new Map(parts.map(({ act }) => [act.path, ones([act.width])] as const));
      const { gradients } = valueAndGradients((factors) => lossAt(batch, factors), at);
      return parts.map(({ act }) => square(gradients.get(act.path)!) as Tensor1D);
    }
    return parts.map(({ act }) => {
      const sums = Array.from({ length: points }, (_, i) =>
        tidy(() => {
          const at = new Map([[act.path, mul(ones([act.width]), (i + 0.5) / points)]]);
          return valueAndGradients((factors) => lossAt(batch, factors), at).gradients.get(act.path)!;
        }),
      );
      // What the loss falls by when a neuron comes in is what it is worth.
      return mul(
        sums.reduce((a, b) => add(a, b)),
        -1 / points,
      ) as Tensor1D;
    });
  });
}
