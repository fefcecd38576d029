import { argMax, concat, dispose, ones, type Tensor, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import type { TokenBatch } from "../architecture.ts";
import { type Cache, createCache } from "../cache.ts";
import { lastRow } from "../heads/rows.ts";
import type { LanguageOutput } from "../language-model.ts";
import type { RunnableModel } from "../runnable.ts";

/** Settings of `greedyIds`. */
export interface GreedyOptions {
  /** Tokens to add to each sequence, at least 1. */
  readonly maxTokens: number;
  /** Ids that end a sequence; they are not part of the result. @default none */
  readonly endIds?: readonly number[];
  /** Whether keys and values are kept from token to token, instead of being computed again. @default true */
  readonly cache?: boolean;
}

/** Scores of what follows the last real row of each sequence, `[batch, vocab]`. */
function nextScores({ logits, mask }: LanguageOutput): Tensor2D {
  return lastRow({ hidden: logits as LanguageOutput["hidden"], mask });
}

/**
 * The likeliest tokens behind each sequence of a batch, one after the other, by plain passes: for laws of a forward pass, with a cache
 * and without.
 *
 * @param batch - Padded on either side. For a model of two stacks, the source; its targets begin with `targetIds`. Not disposed of.
 * @returns Ids of each sequence, without the end.
 */
export async function greedyIds(model: RunnableModel, batch: TokenBatch, options: GreedyOptions): Promise<number[][]> {
  const { maxTokens, endIds = [], cache: hasCache = true } = options;
  const size = batch.ids.shape[0];
  const isTarget = batch.targetIds !== undefined;
  const cache: Cache | undefined = hasCache ? createCache() : undefined;
  const found = Array.from({ length: size }, (): number[] => []);
  const isOpen = found.map(() => true);
  let input: Pick<TokenBatch, "ids" | "mask"> = {
    ids: (batch.targetIds ?? batch.ids).clone(),
    mask: isTarget ? (ones(batch.targetIds!.shape) as Tensor2D) : batch.mask.clone(),
  };
  try {
    for (let count = 0; count < maxTokens && isOpen.includes(true); count++) {
      const whole = isTarget ? { ...batch, targetIds: input.ids } : { ...batch, ...input };
      const output = model.forward(whole, cache === undefined ? {} : { cache });
      const next = tidy(() => argMax(nextScores(output), -1));
      const ids = (await next.data()) as Int32Array;
      await cache?.append(output);
      dispose([next, ...Object.values(output).filter((field): field is Tensor => typeof field === "object")]);
      ids.forEach((id, i) => {
        isOpen[i] &&= !endIds.includes(id);
        if (isOpen[i]) found[i]!.push(id);
      });
      input = advance(input, ids, cache !== undefined);
    }
    return found;
  } finally {
    dispose([input.ids, input.mask]);
    cache?.dispose();
  }
}

/** What the next pass reads: with a cache the new tokens alone, else all of them. The former input is disposed of. */
function advance(
  { ids, mask }: Pick<TokenBatch, "ids" | "mask">,
  next: Int32Array,
  isCached: boolean,
): Pick<TokenBatch, "ids" | "mask"> {
  const size = next.length;
  const added = tensor2d(next, [size, 1], "int32");
  if (isCached) {
    dispose([ids, mask]);
    return { ids: added, mask: ones([size, 1]) };
  }
  const longer = { ids: concat([ids, added], 1), mask: tidy(() => concat([mask, ones([size, 1]) as Tensor2D], 1)) };
  dispose([ids, mask, added]);
  return longer;
}
