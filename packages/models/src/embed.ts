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
import { collate } from "./collate.ts";
import type { LanguageOutput } from "./language-model.ts";
import type { RunnableModel } from "./runnable.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Tokens of a text, where the model itself has no limit. */
const LONGEST = 2048;

/** Settings of `embed`. */
export interface EmbedOptions {
  /** Mean over real tokens, or the first token. @default "mean" */
  readonly pooling?: "mean" | "cls";
  /** Whether vectors are scaled to length 1, so that products are cosines. @default false */
  readonly normalise?: boolean;
  /** Most tokens of a text, special ones included; longer texts are cut. @default what the model has positions for */
  readonly maxLength?: number;
  /** Texts in one forward pass. @default 32 */
  readonly batchSize?: number;
}

/**
 * One vector for each text, `dModel` numbers each, in the order of the texts.
 *
 * Texts of similar length run together, whatever their order.
 *
 * @throws {ConfigError} When the tokenizer is not the model's.
 * @example
 * const [cat, dog] = await embed(model, tokenizer, ["a cat", "a dog"], { normalise: true });
 */
export async function embed(
  model: RunnableModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  checkOptions("embed", options, ["pooling", "normalise", "maxLength", "batchSize"]);
  const { pooling = "mean", normalise = false, batchSize = 32 } = options;
  if (pooling !== "mean" && pooling !== "cls")
    throw new ConfigError({
      message: `embed: pooling must be "mean" or "cls", got ${JSON.stringify(pooling)}`,
      pooling,
    });
  const maxLength = options.maxLength ?? Math.min(model.architecture.maximumLength(model.config), LONGEST);
  const { head: _, ...headless } = model;
  const toBatch = collate(headless, tokenizer, { maxLength });
  const order = texts.map((text, index) => ({ text, index })).sort((a, b) => a.text.length - b.text.length);
  const vectors = new Array<Float32Array>(texts.length);
  for (let from = 0; from < order.length; from += batchSize) {
    const rows = order.slice(from, from + batchSize);
    const pooled = tidy(() => pool(model.forward(toBatch(rows)), pooling, normalise));
    const width = pooled.shape[1];
    const values = (await pooled.data()) as Float32Array;
    dispose(pooled);
    rows.forEach(({ index }, i) => {
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
