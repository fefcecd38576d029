import { ConfigError, checkOptions } from "@cambium/base";
import { dispose, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import type { TokenBatch } from "./architecture.ts";
import { byLength, usualLength } from "./by-length.ts";
import { type CollateOptions, collate } from "./collate.ts";
import { checkPooling, type EmbeddingHead } from "./embedding/head-config.ts";
import { lowerCased } from "./embedding/lower-case.ts";
import { promptText, readModules, type VectorStep } from "./embedding/modules.ts";
import { type Pooling, poolRows, unitRows } from "./embedding/pooling.ts";
import { firstDimensions, loadSteps, withoutNormalising } from "./embedding/steps.ts";
import type { RunnableModel } from "./runnable.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A text that `embed` reads in part. */
export interface EmbedCut {
  /** Which of the texts. */
  readonly index: number;
  /** All that it has, the prompt and special ones included. */
  readonly tokens: number;
  /** Those of them that are read. */
  readonly maxLength: number;
}

/** Settings of `embed`. What is left out is as the tokenizer's folder says. */
export interface EmbedOptions extends Partial<Pick<CollateOptions, "truncation" | "padId">> {
  /** What of the tokens becomes the vector; several stand side by side. @default the head's or the folder's, else "mean" */
  readonly pooling?: Pooling | readonly Pooling[];
  /** Whether vectors are scaled to length 1, so that products are cosines. @default the head's or the folder's, else false */
  readonly normalise?: boolean;
  /** Most tokens of a text, special ones included; longer texts are cut. @default the folder's, else 2048, at most what the model has positions for */
  readonly maxLength?: number;
  /** Name of the folder's prompt that is put in front of every text, or `false` for none. @default the folder's choice, else none */
  readonly prompt?: string | false;
  /** Numbers of a vector that are kept, from its start, before `normalise: true`: for models that were trained for it. @default the folder's, else all */
  readonly dimensions?: number;
  /** Texts in one forward pass. @default 32 */
  readonly batchSize?: number;
  /**
   * Called for each text that is longer than `maxLength`, in their order, before any is embedded. What it throws, `embed` throws: that
   * refuses such texts.
   *
   * @default long texts are cut
   */
  readonly onCut?: (cut: EmbedCut) => void;
}

const shared = ["pooling", "normalise", "maxLength", "prompt", "dimensions", "batchSize"] as const;
const keys = [...shared, "truncation", "padId", "onCut"] as const;

function checkText(text: unknown, index: number): void {
  if (typeof text === "string") return;
  throw new ConfigError({ message: `embed: text ${index} must be a string, got ${typeof text}`, index });
}

/**
 * One vector for each text, in the order of the texts: `dModel` numbers each, where neither options nor files say otherwise.
 *
 * A folder of sentence-transformers says how its model makes vectors: `modules.json` with the settings of pooling, dense layers
 * and normalising, `sentence_bert_config.json` (longest text, lower case) and `config_sentence_transformers.json` (prompts,
 * dimensions). The tokenizer brings these files along; options go before them, and so does the embedding head of a model that has
 * one. The vectors are then those of that library. Texts of similar length run together, whatever their order.
 *
 * @throws {ConfigError} When the tokenizer is not the model's, something is no text, an option does not exist, or a setting in
 *   the folder's files is not known.
 * @throws {FormatError} When a module in the folder's files is not known.
 * @see Reimers and Gurevych 2019, Sentence-BERT, arXiv:1908.10084.
 * @example
 * const [cat, dog] = await embed(model, tokenizer, ["a cat", "a dog"]);
 */
export async function embed(
  model: RunnableModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  checkOptions("embed", options, keys);
  const { pooling, normalise, prompt, dimensions, batchSize = 32, maxLength, onCut, ...rest } = options;
  checkPooling("embed", pooling);
  checkDimensions(dimensions);
  texts.forEach(checkText);
  if (onCut !== undefined && typeof onCut !== "function") {
    throw new ConfigError({ message: `embed: onCut must be a function, got ${typeof onCut}` });
  }
  const modules = readModules("embed", tokenizer.files);
  const { head, ...headless } = model;
  const reader = modules.lowerCase ? lowerCased(tokenizer) : tokenizer;
  const most = model.architecture.maximumLength(model.config);
  const length = maxLength ?? Math.min(modules.maxLength ?? usualLength(most), most);
  const toBatch = collate(headless, reader, { maxLength: length, ...rest });
  const before = promptText("embed", modules, prompt);
  const skipped = modules.includePrompt ? 0 : promptLength(reader, before, length);
  const rows = texts.map((text) => ({ text: `${before}${text}` }));
  const groups = byLength("embed", rows, batchSize);
  if (onCut !== undefined) tellCuts(rows, reader, length, onCut);
  const own = head?.kind === "embedding" ? head : undefined;
  const given = own === undefined ? modules.steps : stepsOf(own);
  const steps = await loadSteps("embed", normalise === false ? withoutNormalising(given) : given, tokenizer.files);
  const poolings = [pooling ?? own?.pooling ?? modules.pooling].flat();
  const vectorsOf = (batch: TokenBatch): Tensor2D => {
    const whole = steps.apply(poolRows(model.forward(batch), poolings, skipped));
    const kept = firstDimensions("embed", whole, dimensions ?? modules.dimensions);
    return normalise === true ? unitRows(kept) : kept;
  };
  const vectors = new Array<Float32Array>(texts.length);
  try {
    for (const group of groups) {
      const found = tidy(() => vectorsOf(toBatch(group.map(({ row }) => row))));
      const [, width] = found.shape;
      const values = (await found.data()) as Float32Array;
      dispose(found);
      group.forEach(({ index }, i) => {
        vectors[index] = values.slice(i * width, (i + 1) * width);
      });
    }
  } finally {
    steps.dispose();
  }
  return vectors;
}

/** Tells of the texts that do not fit. */
function tellCuts(
  rows: readonly { readonly text: string }[],
  tokenizer: Tokenizer,
  maxLength: number,
  onCut: (cut: EmbedCut) => void,
): void {
  for (const [index, { text }] of rows.entries()) {
    const tokens = tokenizer.encode(text).ids.length;
    if (tokens > maxLength) onCut({ index, tokens, maxLength });
  }
}

function checkDimensions(dimensions: number | undefined): void {
  if (dimensions === undefined || (Number.isSafeInteger(dimensions) && dimensions >= 1)) return;
  throw new ConfigError({
    message: `embed: dimensions must be a whole number from 1, got ${dimensions}`,
    dimensions,
  });
}

/** Tokens that a prompt takes at the start of every text. */
function promptLength(tokenizer: Tokenizer, prompt: string, maxLength: number): number {
  if (prompt === "") return 0;
  const { ids } = tokenizer.encode(prompt);
  const last = ids.at(-1);
  const isSpecial = Object.values(tokenizer.special).flat().includes(last);
  const length = ids.length - (isSpecial ? 1 : 0);
  if (length < maxLength - 1) return length;
  throw new ConfigError({
    message: `embed: the prompt ${JSON.stringify(prompt)} has ${length} tokens and is not pooled, so that maxLength ${maxLength} leaves no room for a text`,
    maxLength,
  });
}

/** What a head does to pooled vectors. */
const stepsOf = ({ normalise = false }: EmbeddingHead): readonly VectorStep[] =>
  normalise ? [{ kind: "normalise" }] : [];
