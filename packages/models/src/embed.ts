import { ConfigError, checkOptions } from "@cambium/base";
import { dispose, slice, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { byLength, usualLength } from "./by-length.ts";
import { type CollateOptions, collate } from "./collate.ts";
import { applyDense, type LoadedDense, loadDense } from "./embedding/dense.ts";
import { checkPooling, type EmbeddingHead } from "./embedding/head-config.ts";
import { lowerCased } from "./embedding/lower-case.ts";
import { type EmbeddingModules, promptText, readModules, type VectorStep } from "./embedding/modules.ts";
import { type Pooling, poolRows, unitRows } from "./embedding/pooling.ts";
import type { RunnableModel } from "./runnable.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Settings of `embed`. What is left out is as the tokenizer's folder says. */
export interface EmbedOptions extends Partial<Pick<CollateOptions, "truncation" | "padId">> {
  /** What of the tokens becomes the vector; several stand side by side. @default the head's or the folder's, else "mean" */
  readonly pooling?: Pooling | readonly Pooling[];
  /** Whether vectors are scaled to length 1, so that products are cosines. @default the head's or the folder's, else false */
  readonly normalise?: boolean;
  /** Most tokens of a text, special ones included; longer texts are cut. @default the folder's, at most what the model has positions for */
  readonly maxLength?: number;
  /** Name of the folder's prompt that is put in front of every text, or `false` for none. @default the folder's choice, else none */
  readonly prompt?: string | false;
  /** Numbers of a vector that are kept, from its start, before `normalise: true`: for models that were trained for it. @default the folder's, else all */
  readonly dimensions?: number;
  /** Texts in one forward pass. @default 32 */
  readonly batchSize?: number;
}

const keys = ["pooling", "normalise", "maxLength", "prompt", "dimensions", "batchSize", "truncation", "padId"] as const;

function checkText(text: unknown, index: number): void {
  if (typeof text === "string") return;
  throw new ConfigError({ message: `embed: text ${index} must be a string, got ${typeof text}`, index });
}

/** How rows become vectors, all choices made. */
interface Plan {
  readonly pooling: readonly Pooling[];
  /** Tokens at the start of each text that are not pooled. */
  readonly skipped: number;
  readonly steps: readonly (VectorStep | (VectorStep & LoadedDense))[];
  readonly dimensions: number | undefined;
  /** Whether vectors are scaled once they have their length. */
  readonly normalises: boolean;
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
  const { pooling, normalise, prompt, dimensions, batchSize = 32, maxLength, ...rest } = options;
  checkPooling("embed", pooling);
  checkDimensions(dimensions);
  texts.forEach(checkText);
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
  const own = head?.kind === "embedding" ? head : undefined;
  const { steps, dense } = await loadSteps(own === undefined ? modules.steps : stepsOf(own), tokenizer);
  const plan: Plan = {
    pooling: [pooling ?? own?.pooling ?? modules.pooling].flat(),
    skipped,
    steps: normalise === false ? withoutLast(steps) : steps,
    dimensions: dimensions ?? modules.dimensions,
    normalises: normalise ?? false,
  };
  const vectors = new Array<Float32Array>(texts.length);
  try {
    for (const group of groups) {
      const pooled = tidy(() =>
        finish(poolRows(model.forward(toBatch(group.map(({ row }) => row))), plan.pooling, skipped), plan),
      );
      const width = pooled.shape[1]!;
      const values = (await pooled.data()) as Float32Array;
      dispose(pooled);
      group.forEach(({ index }, i) => {
        vectors[index] = values.slice(i * width, (i + 1) * width);
      });
    }
  } finally {
    dispose(dense);
  }
  return vectors;
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

/** Without normalising at the end. */
function withoutLast<Step extends VectorStep>(steps: readonly Step[]): readonly Step[] {
  return steps.at(-1)?.kind === "normalise" ? withoutLast(steps.slice(0, -1)) : steps;
}

/** Steps with the weights of those that have some, and these weights once more. */
async function loadSteps(
  steps: EmbeddingModules["steps"],
  tokenizer: Tokenizer,
): Promise<{ readonly steps: Plan["steps"]; readonly dense: Tensor[] }> {
  const dense: Tensor[] = [];
  const loaded: (VectorStep | (VectorStep & LoadedDense))[] = [];
  try {
    for (const step of steps) {
      if (step.kind === "normalise") loaded.push(step);
      else {
        const { weight, biases, ...layer } = await loadDense("embed", step, tokenizer.files);
        dense.push(weight, ...(biases === undefined ? [] : [biases]));
        loaded.push({ kind: "dense", ...layer, weight, ...(biases !== undefined && { biases }) });
      }
    }
  } catch (error) {
    dispose(dense);
    throw error;
  }
  return { steps: loaded, dense };
}

/** What the steps make of pooled vectors `[batch, width]`. */
function finish(pooled: Tensor, { steps, dimensions, normalises }: Plan): Tensor {
  let vectors = pooled;
  for (const step of steps) {
    if (step.kind === "normalise") vectors = unitRows(vectors);
    else {
      const width = vectors.shape[1]!;
      if (step.input !== width) {
        throw new ConfigError({
          message: `embed: the Dense module in ${step.folder} reads vectors of ${step.input} numbers, and pooling gives ${width}; leave pooling out`,
          width,
        });
      }
      vectors = applyDense(step as LoadedDense, vectors);
    }
  }
  const width = vectors.shape[1]!;
  if (dimensions !== undefined && dimensions > width) {
    throw new ConfigError({
      message: `embed: dimensions must be at most ${width}, which the vectors have, got ${dimensions}`,
      dimensions,
    });
  }
  const kept = dimensions === undefined ? vectors : slice(vectors, [0, 0], [-1, dimensions]);
  return normalises ? unitRows(kept) : kept;
}
