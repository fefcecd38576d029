/** Trains small vocabularies: WordPiece as BERT has it, and byte-level BPE as GPT-2 has it. */
import { ConfigError, checkOptions } from "@cambium/base";
import { bytesOfCharacters } from "../tokenizer/bytes.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import { countWords, type Texts } from "./count-words.ts";
import { byteLevelJson, wordPieceJson, wordPieceTokens } from "./files.ts";
import { type Merged, type MergeOptions, mergePairs } from "./merges.ts";

/** What both trainers are told. */
export interface TrainTokenizerOptions {
  /** Tokens in all: special ones, characters and merges. Fewer come out when no pair is left. */
  readonly size: number;
  /** Pairs that occur less often are not merged. @default 1 */
  readonly leastCount?: number;
  /** Stops the training: it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Settings of `trainWordPiece`. */
export interface TrainWordPieceOptions extends TrainTokenizerOptions {
  /** Whether texts are put into lower case and lose their accents. @default true */
  readonly lowercase?: boolean;
  /** Characters that occur less often are unknown, and words with them are left out. @default 1 */
  readonly leastCharacterCount?: number;
  /** More special tokens, behind [PAD], [UNK], [CLS], [SEP] and [MASK]. @default none */
  readonly special?: readonly string[];
}

/** Settings of `trainByteLevelBpe`. */
export interface TrainByteLevelBpeOptions extends TrainTokenizerOptions {
  /** Special tokens; the first ends texts, begins them, and pads. @default ["<|endoftext|>"] */
  readonly special?: readonly string[];
  /** Whether a space is put in front of each text, so that its first word is as any other. @default false */
  readonly addPrefixSpace?: boolean;
}

/** What a trainer reports: after a thousand texts, after a hundred merges, and at the end. */
export type TrainTokenizerEvent =
  | { readonly type: "texts"; readonly texts: number; readonly words: number }
  | { readonly type: "merges"; readonly tokens: number; readonly size: number }
  | { readonly type: "end"; readonly tokenizer: Tokenizer };

const TEXTS = 1000;
const MERGES = 100;

/** Lets others run, such as whoever wants to abort. */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function checkSize(caller: string, { size, leastCount = 1 }: TrainTokenizerOptions, least: number): void {
  if (!Number.isInteger(size) || size < least || size > 2 ** 21) {
    throw new ConfigError({
      message: `${caller}: size must be a whole number from ${least} to ${2 ** 21}, got ${size}`,
      size,
    });
  }
  if (!Number.isInteger(leastCount) || leastCount < 1) {
    throw new ConfigError({
      message: `${caller}: leastCount must be a whole number of at least 1, got ${leastCount}`,
      leastCount,
    });
  }
}

function checkSpecial(caller: string, special: readonly string[]): void {
  const index = special.findIndex(
    (token, i) => typeof token !== "string" || token === "" || special.indexOf(token) !== i,
  );
  if (index === -1) return;
  throw new ConfigError({
    message: `${caller}: special token ${index} must be a text, and no two alike, got ${JSON.stringify(special[index])}`,
    index,
  });
}

interface Plan {
  readonly caller: string;
  readonly options: TrainTokenizerOptions;
  /** Normalizer and pre-tokenizer. */
  readonly json: Parameters<typeof countWords>[2];
  /** What to merge, once words are counted; may take words away. */
  merging(words: Map<string, number>): Omit<MergeOptions, "size" | "leastCount">;
  tokenizer(merged: Merged): Tokenizer;
}

async function* run(
  texts: Texts,
  { caller, options, json, merging, tokenizer }: Plan,
): AsyncGenerator<TrainTokenizerEvent> {
  const { size, leastCount = 1, signal } = options;
  const words = new Map<string, number>();
  for await (const progress of countWords(caller, texts, json, words)) {
    if (progress.texts % TEXTS !== 0) continue;
    yield { type: "texts", ...progress };
    await breathe();
    signal?.throwIfAborted();
  }
  signal?.throwIfAborted();
  const merges = mergePairs(words, { ...merging(words), size, leastCount });
  let step = merges.next();
  for (let count = 1; step.done !== true; count++) {
    if (count % MERGES === 0) {
      yield { type: "merges", tokens: step.value.pieces.length, size };
      await breathe();
      signal?.throwIfAborted();
    }
    step = merges.next();
  }
  yield { type: "end", tokenizer: tokenizer(step.value) };
}

/** Takes words with rare characters away, and gives the characters of the others, in order. */
function keepCommon(words: Map<string, number>, leastCount: number): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) for (const each of word) counts.set(each, (counts.get(each) ?? 0) + count);
  const isCommon = (character: string): boolean => counts.get(character)! >= leastCount;
  for (const word of [...words.keys()]) if (![...word].every(isCommon)) words.delete(word);
  return [...counts.keys()].filter(isCommon).sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
}

/**
 * Trains a WordPiece vocabulary, as BERT has it.
 *
 * Ids are those of special tokens, then characters, then characters inside of words (`##a`), each in the order of Unicode, then
 * merges in the order in which they were made. Equal texts give equal tokenizers, in any order.
 *
 * @param texts - What to learn from; read once.
 * @returns Events, the last of which has the tokenizer with its files, for `saveModel`.
 * @throws {ConfigError} When an option is out of its range or does not exist.
 * @example
 * const { tokenizer } = await result(trainWordPiece(texts, { size: 8000 }));
 */
export function trainWordPiece(texts: Texts, options: TrainWordPieceOptions): AsyncGenerator<TrainTokenizerEvent> {
  const caller = "trainWordPiece";
  checkOptions(caller, options, ["size", "leastCount", "signal", "lowercase", "leastCharacterCount", "special"]);
  const { lowercase = true, leastCharacterCount = 1, special: more = [] } = options;
  const special = [...wordPieceTokens, ...more];
  checkSpecial(caller, special);
  checkSize(caller, options, special.length);
  return run(texts, {
    caller,
    options,
    json: wordPieceJson([], special, lowercase).json,
    merging(words) {
      const characters = keepCommon(words, leastCharacterCount);
      const split = (word: string): string[] => Array.from(word, (each, i) => (i === 0 ? each : `##${each}`));
      const inner = new Set([...words.keys()].flatMap((word) => [...word].slice(1)));
      const begin = new Set([
        ...special,
        ...characters,
        ...characters.filter((each) => inner.has(each)).map((each) => `##${each}`),
      ]);
      return { begin: [...begin], split, join: (left, right) => left + right.slice(2) };
    },
    tokenizer({ pieces }) {
      const { json, config } = wordPieceJson(pieces, special, lowercase);
      return createTokenizer(json, config);
    },
  });
}

/**
 * Trains a byte-level BPE vocabulary, as GPT-2 has it: no text is unknown to it.
 *
 * Ids are those of special tokens, then the 256 bytes, in the order of the characters that stand for them, then merges in the order in which
 * they were made: the vocabulary of the Rust library's trainer. Equal texts give equal tokenizers, in any order.
 *
 * @param texts - What to learn from; read once.
 * @returns Events, the last of which has the tokenizer with its files, for `saveModel`.
 * @throws {ConfigError} When an option is out of its range or does not exist.
 * @example
 * const { tokenizer } = await result(trainByteLevelBpe(texts, { size: 8000 }));
 */
export function trainByteLevelBpe(
  texts: Texts,
  options: TrainByteLevelBpeOptions,
): AsyncGenerator<TrainTokenizerEvent> {
  const caller = "trainByteLevelBpe";
  checkOptions(caller, options, ["size", "leastCount", "signal", "special", "addPrefixSpace"]);
  const { special = ["<|endoftext|>"], addPrefixSpace = false } = options;
  checkSpecial(caller, special);
  const begin = [...new Set([...special, ...[...bytesOfCharacters.keys()].sort()])];
  checkSize(caller, options, begin.length);
  const files = (merged: Merged): ReturnType<typeof byteLevelJson> => byteLevelJson(merged, special, addPrefixSpace);
  return run(texts, {
    caller,
    options,
    json: files({ pieces: [], merges: [] }).json,
    merging: () => ({ begin, split: (word) => [...word], join: (left, right) => left + right }),
    tokenizer(merged) {
      const { json, config } = files(merged);
      return createTokenizer(json, config);
    },
  });
}
