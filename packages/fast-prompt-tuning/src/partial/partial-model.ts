/**
 * A partial model: a view of a model without some layers and some feed-forward neurons. Layers are left out, not copied; of matrices
 * that lose neurons there are copies, which belong to the view.
 */
import { ConfigError, parseConfig } from "@cambium/base";
import { disposeParameters, gatherWeight, type Random, type Site } from "@cambium/core";
import type { AnyModel, Tuned } from "@cambium/delta";
import { checkWhole, type LanguageModel, viewModel } from "@cambium/models";
import { gather, type Tensor, type Tensor2D, tensor1d, tidy } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { type FeedForwardSites, feedForwardParts } from "./feed-forward.ts";
import { type NeuronScores, scoresOf, weightScores } from "./neuron-scores.ts";
import { type LayerStrategy, selectLayers, topIndices } from "./select-layers.ts";

/** How much of a model is kept. */
export interface PartialOptions {
  /**
   * Layers of each stack: a share above 0 and up to 1, rounded, one layer at least; or a whole number above 1 of them. @default 1, all
   */
  readonly depth?: number;
  /** Feed-forward neurons of each kept layer: a share, or a whole number above 1. @default 1, all */
  readonly width?: number;
  /** Which layers; see `selectLayers`. @default "even" */
  readonly strategy?: LayerStrategy;
  /** For the strategy `"score"`: a number for each block, all of the encoder's first. */
  readonly layerScores?: readonly number[];
  /** For the strategy `"random"`. */
  readonly random?: Random;
  /** The very layers of the only stack, ascending, in place of `depth`. */
  readonly layers?: readonly number[];
  /** The very layers of the encoder, where there are two stacks; without it, `depth` says. */
  readonly encoderLayers?: readonly number[];
  /** The very layers of the decoder. */
  readonly decoderLayers?: readonly number[];
  /** Whether the decoder of a model of two stacks is cut too: with short targets it costs little. @default "partial" */
  readonly decoder?: "partial" | "whole";
  /** Which neurons: those of the greatest scores. @default by their weights, read on the host */
  readonly neurons?: NeuronScores;
  /** Numbers of neurons are rounded up to a multiple of this, as some devices want. @default 1 */
  readonly multiple?: number;
}

/** What a partial model keeps. */
export interface PartialDescription {
  /** Paths of the blocks that are left out. */
  readonly without: readonly string[];
  /** Neurons that are kept, ascending, by the path of the activation; layers that keep all are not named. */
  readonly neurons: Readonly<Record<string, readonly number[]>>;
  /** Blocks that are kept, of all blocks. */
  readonly depth: readonly [kept: number, all: number];
  /** Neurons of the blocks that are kept: those that stay, of theirs. */
  readonly width: readonly [kept: number, all: number];
}

/** What a partial model has beside its model. */
export interface HasParts {
  readonly part: PartialDescription;
  /** Lets go of the copies of matrices; what else it reads is the model's. */
  dispose(): void;
}

/** A view of a model. */
export type PartialModel<M extends AnyModel = AnyModel> = M & HasParts;

const amount = z
  .number()
  .positive()
  .refine((value) => value <= 1 || Number.isInteger(value), {
    message: "must be a share up to 1, or a whole number",
  });
const places = z.array(z.int().nonnegative()).min(1).readonly();
const schema = z.strictObject({
  depth: amount.exactOptional(),
  width: amount.exactOptional(),
  strategy: z.enum(["even", "nested", "first", "last", "score", "random"]).exactOptional(),
  layerScores: z.array(z.number()).readonly().exactOptional(),
  random: z.custom<Random>((value) => typeof (value as Random | undefined)?.at === "function").exactOptional(),
  layers: places.exactOptional(),
  encoderLayers: places.exactOptional(),
  decoderLayers: places.exactOptional(),
  decoder: z.enum(["partial", "whole"]).exactOptional(),
  neurons: z
    .custom<NeuronScores>(
      (value) => typeof (value as NeuronScores | undefined)?.layers === "object",
      "must be scores, as scoreNeurons gives them",
    )
    .exactOptional(),
  multiple: z.int().positive().exactOptional(),
});

/**
 * A model with some of its layers and feed-forward neurons: its forward pass, its loss and its names of places, at a fraction of the work.
 *
 * Kept layers have the numbers and names that they had, so that a delta which sits on them alone, such as a prompt, fits both. A model of all
 * layers and all neurons reads the model's own tensors, so that its logits are the same to the bit. Embeddings, final norms and heads stay; so does T5's table of
 * distances, whichever of its blocks go.
 *
 * @param model - Whole. Its tensors are shared; it must outlive the part.
 * @returns The part, whose copies `dispose` lets go of.
 * @throws {ConfigError} For shares and places that there are not, for scores of another model, and for a model that is a part.
 * @see Huang et al. 2022, FPT: Improving Prompt Tuning Efficiency via Progressive Training, arXiv:2211.06840, section 3.
 * @example
 * const half = partialModel(model, { depth: 0.5, width: 0.5 });
 */
export function partialModel<M extends LanguageModel>(model: M, options: PartialOptions = {}): PartialModel<M> {
  const whole = model as unknown as LanguageModel;
  const { sites, blocks, kept, without, narrowed, neurons } = measurePart(whole, options);
  const scores = narrowed.length === 0 ? undefined : (neurons ?? weightScores(whole));
  const chosen = new Map(
    narrowed.map(
      ([part, count]) => [part, Int32Array.from(topIndices(scoresOf(scores!, part.act), count)).sort()] as const,
    ),
  );
  const sliced = slices(whole, chosen);
  const view = viewModel(whole, { without, ...sliced });
  const all = feedForwardWidths(sites, kept);
  return {
    ...view,
    part: {
      without,
      neurons: Object.fromEntries([...chosen].map(([{ act }, units]) => [act.path, [...units]])),
      depth: [kept.size, blocks.length],
      width: [feedForwardWidths(view.sites(), kept), all],
    },
    dispose: () => disposeParameters(sliced.weights),
  } as unknown as PartialModel<M>;
}

/** What a part has, before anything is made. */
interface Measured {
  readonly sites: readonly Site[];
  readonly blocks: readonly Site[];
  readonly kept: ReadonlySet<Site>;
  readonly without: readonly string[];
  /** Feed-forward parts that lose neurons, with how many stay. */
  readonly narrowed: readonly (readonly [FeedForwardSites, number])[];
  readonly neurons: NeuronScores | undefined;
}

function measurePart(whole: LanguageModel, options: PartialOptions): Measured {
  const read = parseConfig("partialModel", schema, options);
  checkWhole("partialModel", whole);
  checkIdle(read);
  const sites = whole.sites();
  const blocks = sites.filter(({ kind }) => kind === "block");
  const kept = keptBlocks(blocks, read);
  const without = blocks.filter((block) => !kept.has(block)).map(({ path }) => path);
  const { width = 1, multiple = 1, neurons } = read;
  const parts = width === 1 ? [] : feedForwardParts(sites).filter(({ block }) => !without.includes(block));
  const isWhole = ({ stack }: Site): boolean => stack === "decoder" && read.decoder === "whole";
  const narrowed = parts.flatMap((part) => {
    if (isWhole(part.act)) return [];
    const count = countOf(part.act.width, width, multiple, "width");
    if (count === part.act.width) return [];
    if (neurons !== undefined) scoresOf(neurons, part.act);
    return [[part, count] as const];
  });
  return { sites, blocks, kept, without, narrowed, neurons };
}

/**
 * Whether a part that could be made leaves anything out. Makes nothing.
 *
 * @throws {ConfigError} As `partialModel`.
 */
export function checkPart(model: LanguageModel, options: PartialOptions): boolean {
  const { without, narrowed } = measurePart(model, options);
  return without.length > 0 || narrowed.length > 0;
}

/** Throws for settings that others would have to be there for. */
function checkIdle({ depth, width, strategy, layerScores, random, neurons, multiple }: z.output<typeof schema>): void {
  const given = (settings: object): string =>
    Object.entries(settings)
      .flatMap(([key, value]) => (value === undefined ? [] : [`"${key}"`]))
      .join(", ");
  const [ofDepth, ofWidth] = [given({ strategy, layerScores, random }), given({ neurons, multiple })];
  const problem =
    depth === undefined && ofDepth !== ""
      ? `${ofDepth} says which layers to keep, and no depth says how many; give depth`
      : width === undefined && ofWidth !== ""
        ? `${ofWidth} says which neurons to keep, and no width says how many; give width`
        : random !== undefined && strategy !== "random"
          ? 'random is read by the strategy "random" alone'
          : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `partialModel: ${problem}` });
}

/**
 * A tuned model on a part of its base: `tuned.on(partialModel(tuned.base, options))`. Its parameters are the tuned model's.
 *
 * @throws {ConfigError} As for `partialModel`, and for deltas that sit on what is left out, such as those bound to the width of the feed-forward layers.
 * @example
 * for await (const event of train(partial(tuned, { depth: 0.5, width: 0.5 }), data, options)) console.log(event);
 */
export function partial<M extends LanguageModel>(
  tuned: Tuned<M>,
  options: PartialOptions = {},
): Tuned<PartialModel<M>> {
  const base = partialModel(tuned.base, options);
  try {
    return tuned.on(base);
  } catch (cause) {
    base.dispose();
    const { code, message } = cause as { readonly code?: string; readonly message: string };
    if (code !== "CONFIG" && code !== "SHAPE") throw cause;
    throw new ConfigError({ message: `partial: a delta does not fit this part of the model: ${message}`, cause });
  }
}

/** How many of `all` an amount is. */
function countOf(all: number, wanted: number, multiple: number, name: string): number {
  if (wanted > all)
    throw new ConfigError({
      message: `partialModel: ${name} asks for ${wanted}, and there are ${all}`,
      [name]: wanted,
    });
  const count = wanted <= 1 ? Math.max(1, Math.round(wanted * all)) : wanted;
  return Math.min(all, Math.ceil(count / multiple) * multiple);
}

function feedForwardWidths(sites: readonly Site[], kept: ReadonlySet<Site>): number {
  const inside = [...kept].map(({ path }) => `${path}.`);
  return sites
    .filter(({ role, path }) => role === "ff.act" && inside.some((block) => path.startsWith(block)))
    .reduce((sum, site) => sum + site.width, 0);
}

function keptBlocks(blocks: readonly Site[], options: z.output<typeof schema>): ReadonlySet<Site> {
  const { depth, strategy, layerScores, random, layers, encoderLayers, decoderLayers, decoder } = options;
  const hasStacks = blocks.some(({ stack }) => stack !== undefined);
  const wrong = hasStacks
    ? layers !== undefined && "layers is for models of one stack; give encoderLayers, decoderLayers"
    : (encoderLayers ?? decoderLayers ?? decoder) !== undefined &&
      "encoderLayers, decoderLayers and decoder are for models of two stacks; give layers or depth";
  const both = layers !== undefined && depth !== undefined && "layers and depth both say which layers";
  const twice =
    encoderLayers !== undefined &&
    decoderLayers !== undefined &&
    depth !== undefined &&
    "depth says what encoderLayers and decoderLayers say";
  const wholeAndLayers =
    decoder === "whole" &&
    decoderLayers !== undefined &&
    'decoder: "whole" keeps the layers that decoderLayers would drop';
  const unread =
    layerScores !== undefined && strategy !== "score" && 'layerScores are read by the strategy "score" alone';
  const problem = wrong || both || twice || wholeAndLayers || unread;
  if (problem) throw new ConfigError({ message: `partialModel: ${problem}` });
  if (layerScores !== undefined && layerScores.length !== blocks.length)
    throw new ConfigError({
      message: `partialModel: layerScores has ${layerScores.length} numbers for ${blocks.length} blocks`,
    });
  const stacks = hasStacks ? (["encoder", "decoder"] as const) : ([undefined] as const);
  const kept = stacks.flatMap((stack) => {
    const own = blocks.filter((block) => block.stack === stack);
    const given = stack === undefined ? layers : stack === "encoder" ? encoderLayers : decoderLayers;
    if (given !== undefined) return explicit(own, given);
    if (stack === "decoder" && decoder === "whole") return own;
    const count = countOf(own.length, depth ?? 1, 1, "depth");
    if (count === own.length) return own;
    const scores = layerScores && own.map((block) => layerScores[blocks.indexOf(block)]!);
    const chosen = selectLayers(count, own.length, {
      ...(strategy !== undefined && { strategy }),
      ...(scores !== undefined && { scores }),
      ...(random !== undefined && { random: stack === undefined ? random : random.at(stack) }),
    });
    return chosen.map((layer) => own[layer]!);
  });
  return new Set(kept);
}

function explicit(own: readonly Site[], layers: readonly number[]): readonly Site[] {
  const bad = layers.find((layer, i) => layer >= own.length || (i > 0 && layer <= layers[i - 1]!));
  if (bad === undefined) return layers.map((layer) => own[layer]!);
  throw new ConfigError({
    message: `partialModel: layers must ascend and be below ${own.length}, got ${JSON.stringify(layers)}`,
    layer: bad,
  });
}

/** Matrices and biases of the neurons that stay, and the sites that are narrower for it. */
function slices(
  model: LanguageModel,
  chosen: ReadonlyMap<FeedForwardSites, Int32Array>,
): { readonly weights: Map<string, Tensor>; readonly sites: readonly Site[] } {
  const weights = new Map<string, Tensor>();
  const sites: Site[] = [];
  for (const [{ act, up, down }, channels] of chosen) {
    const take = ({ weight }: Site, along: "out" | "in"): void => {
      const { name, layout } = weight!;
      weights.set(name, gatherWeight(name, model.parameters.get(name)! as Tensor2D, { layout, along, channels }));
    };
    for (const site of up) {
      take(site, "out");
      if (site.bias !== undefined)
        weights.set(
          site.bias,
          tidy(() => gather(model.parameters.get(site.bias!)!, tensor1d(channels, "int32"))),
        );
      sites.push({ ...site, width: channels.length });
    }
    take(down, "in");
    sites.push({ ...act, width: channels.length }, { ...down, input: channels.length });
  }
  return { weights, sites };
}
