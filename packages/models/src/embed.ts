import { ConfigError, checkOptions } from "@cambium/base";
import {
  dispose,
  div,
  maximum,
  mul,
  norm,
  reshape,
  scalar,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  tidy,
} from "@tensorflow/tfjs-core";
import { byLength, usualLength } from "./by-length.ts";
import { type CollateOptions, collate } from "./collate.ts";
import type { LanguageOutput } from "./language-model.ts";
import type { RunnableModel } from "./runnable.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Settings of `embed`. */
export interface EmbedOptions extends Partial<Pick<CollateOptions, "truncation" | "padId">> {
  /** Mean over real tokens, or the first token. @default "mean" */
  readonly pooling?: "mean" | "cls";
  /** Whether vectors are scaled to length 1, so that products are cosines. @default false */
  readonly normalise?: boolean;
  /** Most tokens of a text, special ones included; longer texts are cut. @default what the model has positions for */
  readonly maxLength?: number;
  /** Texts in one forward pass. @default 32 */
  readonly batchSize?: number;
}

const keys = ["pooling", "normalise", "maxLength", "batchSize", "truncation", "padId"] as const;

function checkText(text: unknown, index: number): void {
  if (typeof text === "string") return;
  throw new ConfigError({ message: `embed: text ${index} must be a string, got ${typeof text}`, index });
}

/**
 * One vector for each text, `dModel` numbers each, in the order of the texts.
 *
 * Texts of similar length run together, whatever their order.
 *
 * @throws {ConfigError} When the tokenizer is not the model's, something is no text, or an option does not exist.
 * @example
 * const [cat, dog] = await embed(model, tokenizer, ["a cat", "a dog"], { normalise: true });
 */
export async function embed(
  model: RunnableModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  checkOptions("embed", options, keys);
  const { pooling = "mean", normalise = false, batchSize = 32, maxLength, ...rest } = options;
  if (pooling !== "mean" && pooling !== "cls")
    throw new ConfigError({
      message: `embed: pooling must be "mean" or "cls", got ${JSON.stringify(pooling)}`,
      pooling,
    });
  texts.forEach(checkText);
  const { head: _, ...headless } = model;
  const toBatch = collate(headless, tokenizer, {
    maxLength: maxLength ?? usualLength(model.architecture.maximumLength(model.config)),
    ...rest,
  });
  const rows = texts.map((text) => ({ text }));
  const vectors = new Array<Float32Array>(texts.length);
  for (const group of byLength("embed", rows, batchSize)) {
    const pooled = tidy(() => pool(model.forward(toBatch(group.map(({ row }) => row))), pooling, normalise));
    const width = pooled.shape[1];
    const values = (await pooled.data()) as Float32Array;
    dispose(pooled);
    group.forEach(({ index }, i) => {
      vectors[index] = values.slice(i * width, (i + 1) * width);
    });
  }
  return vectors;
}

/** `[batch, dModel]` of the rows behind any prompt. */
function pool({ hidden, mask, extra }: LanguageOutput, pooling: "mean" | "cls", normalise: boolean): Tensor2D {
  const [batch, rows, dModel] = hidden.shape;
  const vectors =
    pooling === "cls"
      ? reshape(slice(hidden, [0, extra, 0], [batch, 1, dModel]), [batch, dModel])
      : meanOfRows(slice(hidden, [0, extra, 0], [batch, rows - extra, dModel]), slice(mask, [0, extra], [batch, -1]));
  return (normalise ? div(vectors, maximum(norm(vectors, 2, 1, true), scalar(1e-12))) : vectors) as Tensor2D;
}

function meanOfRows(hidden: Tensor, mask: Tensor): Tensor {
  const weights = reshape(mask, [...mask.shape, 1]);
  return div(sum(mul(hidden, weights), 1), sum(weights, 1));
}
