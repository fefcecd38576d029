/**
 * What 8 or 4 bits would do to the layers of a model, layer by layer, on a batch that stands for the data.
 *
 * Each layer is measured by itself: its inputs and the gradients of its outputs are those of the model in float32, and both
 * of its products are taken in float32 and with the rounded weights.
 */

import { ConfigError, checkOptions } from "@cambium/base";
import { blockLinearGradKernel, quantisedLinearGradKernel } from "@cambium/kernels";
import {
  add,
  clone,
  concat,
  dispose,
  keep,
  matMul,
  reshape,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import { valueAndGradients } from "./differentiate.ts";
import { around } from "./hook.ts";
import { applyWeight } from "./layers.ts";
import type { Model } from "./model.ts";
import { runCustomKernel } from "./ops/run-kernel.ts";
import { bitsOf, isQuantised, matrixOf, quantiseWeight, quantiseWeightInBlocks } from "./quantised-weight.ts";
import type { Site, SiteWeight } from "./site.ts";

/** A channel of a layer's output. */
export interface ChannelError {
  readonly channel: number;
  /** Its part of the squared error of the layer's output, from 0 to 1. */
  readonly share: number;
}

/** Settings of `measureQuantisation`. */
export interface MeasureQuantisationOptions {
  /** How layers would be held, as `loadModel` has it. @default "int8" */
  readonly frozen?: "int8" | "int4";
}

/** What 8 or 4 bits do to one layer. */
export interface LayerError {
  /** Of the site. */
  readonly path: string;
  /** Name of the parameter. */
  readonly weight: string;
  /** Error of the output over its size, both as root of the sum of squares; 0.01 is one percent. */
  readonly output: number;
  /** The same of the gradient for the layer's input. */
  readonly gradient: number;
  /** The three channels with the largest part of the output's error, the worst first. */
  readonly worst: readonly ChannelError[];
}

/** What flows through a layer: inputs, and gradients of outputs, in rows. */
interface Traffic {
  readonly input: Tensor2D;
  readonly gradient: Tensor2D;
}

const rowsOf = (x: Tensor): Tensor2D => reshape(x, [-1, x.shape.at(-1)!]) as Tensor2D;

/** Linear layers of blocks that have their own matrix. */
const isMeasured = ({ kind, layer, weight }: Site): boolean =>
  kind === "linear" && layer !== undefined && weight !== undefined;

/** What flows through every measured layer while the loss of a batch is taken. The caller owns the tensors. */
function watchTraffic<Input>(model: Model<Input, unknown>, batch: Input): Map<string, Traffic> {
  const isWatched = isMeasured as (site: Site<"linear">) => boolean;
  const inputs = new Map<string, Tensor2D>();
  const watch = around("linear", isWatched, ({ site, input, next }) => {
    inputs.set(site.path, keep(clone(rowsOf(input))));
    return next(input);
  });
  tidy(() => void model.loss!(batch, { hooks: [watch] }));
  const gradients = tidy(() => {
    const sites = model.sites().filter(isMeasured);
    const nudges = new Map(sites.map(({ path, width }) => [path, zeros([inputs.get(path)!.shape[0], width])]));
    const nudge = (at: ReadonlyMap<string, Tensor>) =>
      around("linear", isWatched, ({ site, input, next }) => {
        const output = next(input);
        return add(output, reshape(at.get(site.path)!, output.shape));
      });
    const found = valueAndGradients((at) => model.loss!(batch, { hooks: [nudge(at)] }), nudges);
    return Object.fromEntries(found.gradients);
  });
  return new Map([...inputs].map(([path, input]) => [path, { input, gradient: gradients[path] as Tensor2D }]));
}

const size = (x: Tensor): Tensor1D => reshape(sum(square(x)), [1]) as Tensor1D;

const outAndIn = ({ shape: [rows, columns] }: Tensor2D, layout: SiteWeight["layout"]): [out: number, input: number] =>
  layout === "out,in" ? [rows, columns] : [columns, rows];

async function measureLayer(
  site: Site,
  weight: Tensor2D,
  { input, gradient }: Traffic,
  frozen: "int8" | "int4",
): Promise<LayerError> {
  const { name, layout } = site.weight!;
  const [values, shape] = [(await weight.data()) as Float32Array, outAndIn(weight, layout)];
  const rounded =
    frozen === "int8"
      ? quantiseWeight(name, values, shape, layout)
      : quantiseWeightInBlocks(name, values, shape, { bits: 4, layout });
  const numbers = tidy(() => {
    const output = applyWeight(input, weight, layout);
    const errors = square(sub(applyWeight(input, rounded, layout), output));
    const passed = matMul(gradient, weight, false, layout === "in,out");
    const attributes = { matrix: matrixOf(rounded), hasBias: false };
    const kernel = frozen === "int8" ? quantisedLinearGradKernel : blockLinearGradKernel;
    const inFewBits = runCustomKernel<Tensor>(kernel, { dy: gradient, weight: rounded }, attributes);
    return concat([size(output), size(passed), size(sub(inFewBits, passed)), sum(errors, 0) as Tensor1D]);
  });
  const [output, passed, gradientError, ...channels] = await numbers.data();
  dispose([rounded, numbers]);
  const total = channels.reduce((all, error) => all + error, 0);
  const worst = channels
    .map((error, channel): ChannelError => ({ channel, share: total === 0 ? 0 : error / total }))
    .sort((a, b) => b.share - a.share);
  const ratio = (error: number, of: number): number => (error === 0 ? 0 : Math.sqrt(error / of));
  return {
    path: site.path,
    weight: name,
    output: ratio(total, output!),
    gradient: ratio(gradientError!, passed!),
    worst: worst.slice(0, 3),
  };
}

/**
 * Relative errors of the outputs and of the input gradients that 8 or 4 bits would make of each linear layer of a model's blocks.
 *
 * @param model - In float32, with a head, so that there are gradients.
 * @param batch - Some rows of the data that the model is to be trained on, with labels. Not disposed of.
 * @returns One entry for each layer, in the order of the forward pass.
 * @throws {ConfigError} When the model has no loss, is in few bits already, or an option does not exist.
 * @see Dettmers et al. 2022, LLM.int8(), arXiv:2208.07339, section 3, for the few channels that make most of the error.
 * @example
 * const errors = await measureQuantisation(model, batch);
 * const base = await loadModel(folder, { head, frozen: "int8", keepFloat: overBudget(errors, 0.03) });
 */
export async function measureQuantisation<Input>(
  model: Model<Input, unknown>,
  batch: Input,
  options: MeasureQuantisationOptions = {},
): Promise<LayerError[]> {
  checkOptions("measureQuantisation", options, ["frozen"]);
  const { frozen = "int8" } = options;
  if (frozen !== "int8" && frozen !== "int4")
    throw new ConfigError({
      message: `measureQuantisation: frozen must be "int8" or "int4", got ${JSON.stringify(frozen)}`,
      frozen,
    });
  if (model.loss === undefined)
    throw new ConfigError({ message: "measureQuantisation: the model has no loss; load it with a head" });
  const sites = model.sites().filter(isMeasured);
  const rounded = sites.find(({ weight }) => isQuantised(model.parameters.get(weight!.name)!));
  if (rounded !== undefined)
    throw new ConfigError({
      message: `measureQuantisation: "${rounded.weight!.name}" is in ${bitsOf(model.parameters.get(rounded.weight!.name)!)} bits already; load the model in float32`,
      name: rounded.weight!.name,
    });
  const traffic = watchTraffic(model, batch);
  try {
    const errors: LayerError[] = [];
    for (const site of sites) {
      const weight = model.parameters.get(site.weight!.name) as Tensor2D;
      errors.push(await measureLayer(site, weight, traffic.get(site.path)!, frozen));
    }
    return errors;
  } finally {
    for (const { input, gradient } of traffic.values()) dispose([input, gradient]);
  }
}

/**
 * Names of the weights whose error is larger than a budget: what `loadModel` shall keep in float32.
 *
 * @param budget - Largest relative error of output and gradient that is let pass, such as 0.03 in 8 bits, 0.12 in 4.
 */
export function overBudget(errors: readonly LayerError[], budget: number): string[] {
  return errors.filter(({ output, gradient }) => !(Math.max(output, gradient) <= budget)).map(({ weight }) => weight);
}
