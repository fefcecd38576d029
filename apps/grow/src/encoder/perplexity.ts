import { type Parameters, random } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { dispose } from "@tensorflow/tfjs-core";
import type { Text } from "../text/text.ts";
import { toMaskedBatch } from "./batch.ts";
import { maskPieces } from "./masking.ts";
import { SPECIAL_PIECES } from "./special-pieces.ts";

const SHAPE = { batch: 16, seq: 128 };
const MASK_COUNT = Math.round(0.15 * SHAPE.batch * SHAPE.seq);
/** Batches of a corpus that are looked at: 61,440 pieces. */
const MOST_BATCHES = 30;
/** The same where a run looks on its way. */
export const FEW_BATCHES = 3;
const SEED = 7;

/** Windows of a stream, one text per row; the last batch begins again at the front. */
function rowsAt(stream: Uint16Array, index: number): Int32Array {
  const width = SHAPE.seq - 2;
  const ids = new Int32Array(SHAPE.batch * SHAPE.seq);
  for (let i = 0; i < SHAPE.batch; i++) {
    const start = ((index * SHAPE.batch + i) * width) % (stream.length - width);
    ids[i * SHAPE.seq] = SPECIAL_PIECES.indexOf("[CLS]");
    ids.set(stream.subarray(start, start + width), i * SHAPE.seq + 1);
    ids[(i + 1) * SHAPE.seq - 1] = SPECIAL_PIECES.indexOf("[SEP]");
  }
  return ids;
}

/**
 * Perplexity of hidden pieces: `exp` of the mean cross-entropy, with 15 % of the pieces hidden behind `[MASK]`. The same
 * pieces are hidden each time. It is lower than a causal model's perplexity of the same text, for both sides are seen.
 *
 * @param stream - Held-out pieces, at least 255.
 * @param most - Batches that are looked at.
 */
export async function maskedPerplexity(
  model: LanguageModel,
  parameters: Parameters,
  stream: Uint16Array,
  most: number = MOST_BATCHES,
): Promise<number> {
  const count = Math.min(most, Math.ceil(stream.length / (SHAPE.batch * (SHAPE.seq - 2))));
  let total = 0;
  for (let index = 0; index < count; index++) {
    const ids = rowsAt(stream, index);
    const masked = maskPieces(
      ids,
      { count: MASK_COUNT, vocabularySize: model.config.vocab_size, always: true },
      random(SEED).at(index),
    );
    const batch = toMaskedBatch({ ids, types: new Int32Array(ids.length) }, masked, SHAPE);
    const loss = model.loss!(batch, { parameters });
    total += (await loss.data())[0]!;
    dispose([loss, ...Object.values(batch)]);
  }
  return Math.exp(total / count);
}

/** Held-out perplexity of every corpus. */
export async function measurePerplexities(
  model: LanguageModel,
  parameters: Parameters,
  text: Pick<Text, "corpora" | "held">,
  most: number = MOST_BATCHES,
): Promise<Record<string, number>> {
  const measured: Record<string, number> = {};
  for (const { name } of text.corpora)
    measured[name] = await maskedPerplexity(model, parameters, await text.held(name), most);
  return measured;
}
