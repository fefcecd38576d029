import { ConfigError, StateError } from "@cambium/base";
import type { Hook, Site } from "@cambium/core";
import {
  capture,
  collate,
  type LanguageOutput,
  type RunnableModel,
  type TokenBatch,
  type Tokenizer,
} from "@cambium/models";
import {
  add,
  cast,
  cumsum,
  dispose,
  div,
  equal,
  expandDims,
  gather,
  greaterEqual,
  less,
  logicalAnd,
  max,
  mul,
  range,
  reshape,
  slice,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tensor1d,
  tidy,
} from "@tensorflow/tfjs-core";
import { unboundPlace } from "../neurons/condition-activations.ts";
import { firstPlace, lastPlace, placeOf } from "./places.ts";

/** Which token of a text stands for it, or what of all real ones: `mask` is the first mask token. */
export type Reduction = "last" | "first" | "mask" | "mean" | "max";

/** Places of the mask in every row, for `mask`; throws where a text has none. */
export function checkMasks(caller: string, tokenizer: Tokenizer, texts: readonly string[], maxLength: number): number {
  const { mask } = tokenizer.special;
  if (mask === undefined) {
    throw new ConfigError({
      message: `${caller}: at "mask" needs a tokenizer with a mask token; choose "last" for decoders`,
    });
  }
  texts.forEach((text, index) => {
    if (tokenizer.encode(text, undefined, { maxLength }).ids.includes(mask)) return;
    throw new ConfigError({
      message: `${caller}: text ${index} has no mask token, ${tokenizer.decode([mask], { skipSpecial: false })}: ${JSON.stringify(text.slice(0, 60))}`,
      index,
    });
  });
  return mask;
}

/** One vector for each text, `[batch, width]`, of what left a site, `[batch, extra + seq, width]`. */
function reduceTokens(
  x: Tensor3D,
  batch: Pick<TokenBatch, "ids" | "mask">,
  at: Reduction,
  maskId: number | undefined,
): Tensor {
  const [rows, all, width] = x.shape;
  const seq = batch.mask.shape[1];
  const words = all === seq ? x : slice(x, [0, all - seq, 0], [rows, seq, width]);
  if (at === "mean" || at === "max") {
    const real = expandDims(batch.mask, 2);
    if (at === "mean") return div(sum(mul(words, real), 1), sum(real, 1));
    return max(sub(words, mul(sub(1, real), 1e30)), 1);
  }
  const place: Tensor1D =
    at === "last"
      ? lastPlace(batch.mask)
      : at === "first"
        ? firstPlace(batch.mask)
        : placeOf(equal(batch.ids, maskId!));
  return gather(reshape(words, [rows * seq, width]), add(place, range(0, rows * seq, seq, "int32")) as Tensor1D);
}

/**
 * Tokens of a text from one place up to before another, special tokens counted: `[0, 4]` are the first four, `[-3, 0]` the last three. Both ends are counted from the
 * start, or both from the end.
 */
export type TokenWindow = readonly [from: number, to: number];

/** A window in a site's name, as in `encoder.layer.0.intermediate[0:4]`. */
export const windowName = ([from, to]: TokenWindow): string => `[${from}:${to}]`;

/** The mean over a window's tokens, `[batch, width]`; of texts that end in it, over those that they have. */
function windowMean(x: Tensor3D, mask: Tensor2D, [from, to]: TokenWindow): Tensor {
  const [rows, all, width] = x.shape;
  const seq = mask.shape[1];
  const words = all === seq ? x : slice(x, [0, all - seq, 0], [rows, seq, width]);
  // Places of real tokens from 0, on whichever side the padding is; from the end, of the last one −1.
  const counted = sub(cumsum(mask, 1), 1);
  const places = from < 0 ? sub(counted, sum(mask, 1, true)) : counted;
  const inside = mul(mask, cast(logicalAnd(greaterEqual(places, from), less(places, to)), "float32"));
  const weights = expandDims(inside, 2);
  return div(sum(mul(words, weights), 1), sum(weights, 1));
}

/** What is read of texts in one batch. */
export interface ReadBatch {
  /** Places of the texts among all. */
  readonly places: readonly number[];
  /** By the path of each site, `[texts of the batch, width]`. */
  readonly values: ReadonlyMap<string, Float32Array>;
}

/** Settings shared by everything that reads activations of texts. */
export interface ReadTextsOptions {
  /** What of a text's tokens is read. @default "mask" where all texts have one, "mean" where none has; to be said where some have */
  readonly at?: Reduction;
  /** Most tokens of a text; longer ones are cut. @default what the model has positions for, at most 256 */
  readonly maxLength?: number;
  /** Texts in one forward pass. @default 32 */
  readonly batchSize?: number;
  /** Hooks under which the model runs: interventions, deltas. @default none */
  readonly hooks?: readonly Hook[];
}

export const readKeys = ["at", "maxLength", "batchSize", "hooks"] as const;

/** Settings with every default filled in. */
interface ResolvedReading {
  readonly at: Reduction;
  readonly maxLength: number;
  readonly batchSize: number;
  readonly hooks: readonly Hook[];
  readonly maskId: number | undefined;
}

/** Checks the options once and says what they are. */
export function resolveReading(
  caller: string,
  model: RunnableModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: ReadTextsOptions,
): ResolvedReading {
  const { batchSize = 32, hooks = [] } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new ConfigError({
      message: `${caller}: batchSize must be a whole number from 1, got ${batchSize}`,
      batchSize,
    });
  }
  if (texts.length === 0) throw new ConfigError({ message: `${caller}: at least one text is needed, got none` });
  texts.forEach((text, index) => {
    if (typeof text !== "string")
      throw new ConfigError({ message: `${caller}: text ${index} is a ${typeof text}`, index });
  });
  const maxLength = options.maxLength ?? Math.min(256, model.architecture.maximumLength(model.config));
  const written =
    tokenizer.special.mask === undefined
      ? undefined
      : tokenizer.decode([tokenizer.special.mask], { skipSpecial: false });
  const masked = written === undefined ? 0 : texts.filter((text) => text.includes(written)).length;
  if (options.at === undefined && masked > 0 && masked < texts.length)
    throw new ConfigError({
      message: `${caller}: ${masked} of ${texts.length} texts have a ${written}; say by at whether "mask" is read, which all must have, or "mean"`,
    });
  const at = options.at ?? (masked > 0 ? "mask" : "mean");
  if (!["last", "first", "mask", "mean", "max"].includes(at)) {
    throw new ConfigError({
      message: `${caller}: at must be "last", "first", "mask", "mean" or "max", got "${at}"`,
      at,
    });
  }
  const maskId = at === "mask" ? checkMasks(caller, tokenizer, texts, maxLength) : undefined;
  return { at: at as Reduction, maxLength, batchSize, hooks, maskId };
}

/**
 * Runs texts in batches of similar length and gives, batch by batch, one vector for each text and site, or with `windows` for each of these as well. Reductions happen where
 * the model runs; memory is that of one batch.
 */
export async function* readTexts(
  caller: string,
  model: RunnableModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  sites: readonly Site[],
  options: ReadTextsOptions,
  windows?: readonly TokenWindow[],
): AsyncGenerator<ReadBatch> {
  const { at, maxLength, batchSize, hooks, maskId } = resolveReading(caller, model, tokenizer, texts, options);
  checkReadable(caller, sites);
  const { head: _, ...headless } = model;
  const toBatch = collate(headless, tokenizer, { maxLength });
  const roles = [...new Set(sites.map(({ role }) => role))];
  const readsWords = model.head?.kind === "causal-lm" || model.head?.kind === "sequence-to-sequence";
  const paths = new Set(sites.map(({ path }) => path));
  const order = texts.map((_, i) => i).sort((a, b) => texts[a]!.length - texts[b]!.length);
  for (let from = 0; from < order.length; from += batchSize) {
    const places = order.slice(from, from + batchSize);
    const reduced = tidy(() => {
      const batch = spareHead(model, toBatch(places.map((place) => ({ text: texts[place]! }))));
      const { captured } = capture<TokenBatch, LanguageOutput>(model, batch, roles, { hooks, lastOnly: readsWords });
      return Object.fromEntries(
        [...captured]
          .filter(([path]) => paths.has(path))
          .flatMap(([path, x]): [string, Tensor][] =>
            windows === undefined
              ? [[path, reduceTokens(x as Tensor3D, batch, at, maskId)]]
              : windows.map((window) => [path + windowName(window), windowMean(x as Tensor3D, batch.mask, window)]),
          ),
      );
    });
    const values = new Map<string, Float32Array>();
    try {
      for (const [path, x] of Object.entries(reduced)) {
        values.set(path, (await x.data()) as Float32Array);
        checkFinite(caller, path, values.get(path)!, places);
      }
    } finally {
      dispose(reduced);
    }
    yield { places, values };
  }
}

/** What a broken model, or a hook, makes of a text is nothing to go on with. */
function checkFinite(caller: string, path: string, values: Float32Array, places: readonly number[]): void {
  const at = unboundPlace(values);
  if (at < 0) return;
  const width = values.length / places.length;
  const index = places[Math.floor(at / width)];
  throw new StateError({
    message: `${caller}: unit ${at % width} of ${path} is ${values[at]} for text ${index}; are the weights whole?`,
    path,
    index,
  });
}

/**
 * The batch with as little for the head to do as there can be: nobody reads what it says. A model of two stacks needs something
 * to begin its target with, also where only the source is read.
 */
function spareHead(model: RunnableModel, batch: TokenBatch): TokenBatch {
  if (model.head?.kind === "masked-lm") return { ...batch, positions: tensor1d([0], "int32") };
  if (model.architecture.batch !== "source+target") return batch;
  return { ...batch, targetIds: slice(batch.ids, [0, 0], [batch.ids.shape[0], 1]) };
}

function checkReadable(caller: string, sites: readonly Site[]): void {
  for (const site of sites) {
    const problem =
      site.kind === "attention" || site.kind === "pattern"
        ? "has an axis of heads"
        : site.kind === "logits" || site.role === "pooler" || site.role === "head"
          ? "has no axis of tokens"
          : site.stack === "decoder"
            ? "is of the decoder, which reads no text here; name sites of the encoder, as encoder.ff.act"
            : undefined;
    if (problem === undefined) continue;
    throw new ConfigError({ message: `${caller}: ${site.path} ${problem}; use capture for it`, path: site.path });
  }
}
