import { ConfigError } from "@cambium/base";
import type { TokenBatch } from "@cambium/models";
import type { Batches } from "@cambium/train";
import { dispose, slice, type Tensor, type Tensor2D, tidy } from "@tensorflow/tfjs-core";

/**
 * The same batches with at most `length` tokens in each row: short rows first is a schedule too. What a row is labelled with as a whole stays.
 *
 * @param length - Tokens that stay, from the left; special tokens at the end are cut off with the rest.
 * @throws {ConfigError} For a length that there is not, and, when they are read, for batches with a label for each token or place, which would be cut off as well.
 * @example
 * train(tuned, shortened(data, 16), options);
 */
export function shortened(data: Batches<TokenBatch>, length: number): Batches<TokenBatch> {
  if (!Number.isInteger(length) || length < 1)
    throw new ConfigError({ message: `shortened: length must be a whole number of at least 1, got ${length}` });
  return {
    ...data,
    describe: async () => ({ shortened: length, of: await data.describe() }),
    async *epoch(epoch, from, options) {
      for await (const item of data.epoch(epoch, from, options)) yield { ...item, batch: cut(item.batch, length) };
    },
  };
}

function cut(batch: TokenBatch, length: number): TokenBatch {
  const { ids, mask, types, labels, positions, sequences, targetIds } = batch;
  if (ids.shape[1] <= length) return batch;
  const ofTokens =
    labels !== undefined && labels.rank === 2 && targetIds === undefined && labels.shape[1] === ids.shape[1];
  const ofPlaces = labels?.dtype === "int32" && labels.rank === 2 && labels.shape[1] === 2 && targetIds === undefined;
  if (positions !== undefined || sequences !== undefined || ofTokens || ofPlaces) {
    dispose(batch as unknown as Record<string, Tensor>);
    throw new ConfigError({
      message:
        "shortened: the labels of this batch stand for tokens or places, some of which would be cut off; cut the rows with collate's maxLength",
    });
  }
  const left = (tensor: Tensor2D): Tensor2D => tidy(() => slice(tensor, [0, 0], [-1, length]));
  const shorter = { ...batch, ids: left(ids), mask: left(mask), ...(types !== undefined && { types: left(types) }) };
  dispose([ids, mask, ...(types === undefined ? [] : [types])] as Tensor[]);
  return shorter;
}
