/** Prompts over another table of word embeddings. */
import { ConfigError } from "@cambium/base";
import { isQuantised } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import {
  add,
  argMin,
  gather,
  matMul,
  mul,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from "@tensorflow/tfjs-core";

function tableOf(model: LanguageModel): Tensor2D {
  const { weight } = model.sites().find(({ kind }) => kind === "embed")!;
  const table = model.parameters.get(weight!.name)! as Tensor2D;
  if (!isQuantised(table)) return table;
  throw new ConfigError({
    message: `recycle: prompts are moved by the nearest rows of ${weight!.name}, which is held in few bits; load both models in float32`,
  });
}

/**
 * Each row of a prompt as its nearest word (by Euclidean distance) and what is left: the word's row in the new table, and the same rest.
 *
 * @param rows - `[length, dModel]`.
 * @returns `[length, dModel]`. The caller owns it.
 */
export function moveRows(rows: Tensor, from: LanguageModel, to: LanguageModel): Tensor {
  const [before, after] = [tableOf(from), tableOf(to)];
  return tidy(() => {
    const distances = sub(sum(square(before), 1), mul(matMul(rows as Tensor2D, before, false, true), 2)); // [length, vocab]
    const words = argMin(distances, 1) as Tensor1D;
    return add(sub(rows, gather(before, words)), gather(after, words));
  });
}
