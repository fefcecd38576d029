import { ConfigError, checkOptions } from "@cambium/base";
import { collate, type RunnableModel, type TokenBatch, type Tokenizer } from "@cambium/models";
import {
  add,
  argMax,
  cast,
  equal,
  gather,
  range,
  reshape,
  type Tensor,
  type Tensor1D,
  tensor1d,
} from "@tensorflow/tfjs-core";
import { lastPlace } from "../capture/places.ts";
import { checkMasks } from "../capture/read-texts.ts";
import type { AblationTask } from "./run-ablation.ts";

/** Settings of `wordTask`. */
export interface WordTaskOptions {
  /** Texts, with a mask token for models of masked words, to be continued for others. `answer` is a key of `words`. */
  readonly rows: readonly { readonly text: string; readonly answer: string }[];
  /** The word that stands for each answer: one token, with a leading space where the tokenizer has such. */
  readonly words: Readonly<Record<string, string>>;
  /** Most tokens of a text; longer ones are cut. @default what the model has positions for, at most 128 */
  readonly maxLength?: number;
  /** Texts in a batch. @default 32 */
  readonly batchSize?: number;
}

/**
 * The tokens of some words, each of which is one token, in the vocabulary, and another than the others are.
 *
 * @throws {ConfigError} Naming the word that is not.
 */
export function wordIds(caller: string, tokenizer: Tokenizer, words: readonly string[]): readonly number[] {
  const ids = words.map((word) => {
    const pieces = tokenizer.pieces(word);
    const problem =
      pieces.length !== 1
        ? `is ${pieces.length} tokens; choose words of one`
        : pieces[0] === tokenizer.special.unknown
          ? "is not in the vocabulary; choose another word"
          : undefined;
    if (problem !== undefined) throw new ConfigError({ message: `${caller}: "${word}" ${problem}`, word });
    return pieces[0]!;
  });
  const twice = ids.findIndex((id, i) => ids.indexOf(id) !== i);
  if (twice < 0) return ids;
  throw new ConfigError({
    message: `${caller}: "${words[ids.indexOf(ids[twice]!)]}" and "${words[twice]}" are the same token; choose different words`,
  });
}

/**
 * A task for `runAblation`: which of some words the model finds likeliest, at the mask or next; 1 where it is right.
 *
 * The batches hold the answers' places among the words as `labels`. The caller disposes of the batches' tensors.
 *
 * @throws {ConfigError} When the model has no head for words, there is no row, or a word is not one token, not in the vocabulary, or the same token as
 *   another.
 */
export function wordTask(
  model: RunnableModel,
  tokenizer: Tokenizer,
  name: string,
  options: WordTaskOptions,
): AblationTask {
  checkOptions("wordTask", options, ["rows", "words", "maxLength", "batchSize"]);
  const { rows, words, batchSize = 32 } = options;
  const { maxLength = Math.min(128, model.architecture.maximumLength(model.config)) } = options;
  const kind = model.head?.kind;
  if (kind !== "masked-lm" && kind !== "causal-lm") {
    throw new ConfigError({
      message: `wordTask: a head of kind "masked-lm" or "causal-lm" is needed, got ${kind ?? "none"}`,
    });
  }
  const answers = Object.keys(words);
  const ids = wordIds(
    "wordTask",
    tokenizer,
    answers.map((answer) => words[answer]!),
  );
  if (rows.length === 0) throw new ConfigError({ message: "wordTask: at least one row is needed, got none" });
  rows.forEach(({ answer }, index) => {
    if (answers.includes(answer)) return;
    throw new ConfigError({
      message: `wordTask: row ${index} has the answer "${answer}"; there are ${answers.join(", ")}`,
      index,
    });
  });
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new ConfigError({
      message: `wordTask: batchSize must be a whole number from 1, got ${batchSize}`,
      batchSize,
    });
  if (answers.length < 2)
    throw new ConfigError({ message: `wordTask: at least two words are needed to choose from, got ${answers.length}` });
  const mask =
    kind === "masked-lm"
      ? checkMasks(
          "wordTask",
          tokenizer,
          rows.map(({ text }) => text),
          maxLength,
        )
      : undefined;
  const { head: _, ...headless } = model;
  const toBatch = collate(headless, tokenizer, { maxLength });
  const batches = Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, i) => {
    const part = rows.slice(i * batchSize, (i + 1) * batchSize);
    const batch = toBatch(part.map(({ text }) => ({ text })));
    const [, seq] = batch.ids.shape;
    const places = part.map(
      ({ text }, row) => row * seq + tokenizer.encode(text, undefined, { maxLength }).ids.indexOf(mask!),
    );
    return {
      ...batch,
      labels: tensor1d(
        part.map(({ answer }) => answers.indexOf(answer)),
        "int32",
      ),
      ...(mask !== undefined && { positions: tensor1d(places, "int32") }),
    };
  });
  return {
    name,
    batches,
    score({ logits }, batch) {
      const scores = kind === "masked-lm" ? logits! : lastScores(logits!, batch); // [batch, vocab]
      const chosen = argMax(gather(scores, tensor1d([...ids], "int32"), 1), 1);
      return cast(equal(chosen, cast(batch.labels!, "int32")), "float32");
    },
  };
}

/** Scores of the word after each row's last, `[batch, vocab]`. */
function lastScores(logits: Tensor, { mask }: TokenBatch): Tensor {
  const [rows, seq, vocab] = logits.shape as [number, number, number];
  return gather(
    reshape(logits, [rows * seq, vocab]),
    add(lastPlace(mask), range(0, rows * seq, seq, "int32")) as Tensor1D,
  );
}
