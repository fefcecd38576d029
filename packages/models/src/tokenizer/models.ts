/** Models: words to tokens. */
import type { TokenizerJson } from "../tokenizer-json.ts";
import { bpe } from "./bpe.ts";
import { PartError } from "./parts.ts";
import { unigram } from "./unigram.ts";
import { wordLevel, wordPiece } from "./wordpiece.ts";

/** Tokens of a word, and the units of the word that each stands for. */
export interface Pieces {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

/** Takes a word apart. `lacks` is called for what the vocabulary lacks where nothing stands for it: it gives the id to take, or throws. */
export type WordModel = (word: string, lacks: (text: string) => number) => Pieces;

const models: Readonly<
  Record<string, (model: TokenizerJson["model"], vocabulary: ReadonlyMap<string, number>) => WordModel>
> = {
  BPE: bpe,
  Unigram: unigram,
  WordLevel: wordLevel,
  WordPiece: wordPiece,
};

/** Ids by token, without added tokens. */
export function vocabularyOf({ vocab }: TokenizerJson["model"]): Map<string, number> {
  if (Array.isArray(vocab)) return new Map(vocab.map((piece, id) => [String((piece as unknown[])[0]), id]));
  const ids = vocab as Readonly<Record<string, number>>;
  const vocabulary = new Map<string, number>();
  for (const token of Object.keys(ids)) vocabulary.set(token, ids[token]!);
  return vocabulary;
}

/** Old files name no type: then its settings tell which it is. */
function typeOf(model: TokenizerJson["model"]): string {
  if (model.type != null) return model.type;
  if (model["merges"] !== undefined) return "BPE";
  if (Array.isArray(model.vocab)) return "Unigram";
  return model["continuing_subword_prefix"] === undefined ? "WordLevel" : "WordPiece";
}

/** The model that `tokenizer.json` describes. */
export function modelOf(model: TokenizerJson["model"], vocabulary: ReadonlyMap<string, number>): WordModel {
  const type = typeOf(model);
  const make = Object.hasOwn(models, type) ? models[type] : undefined;
  if (make !== undefined) return make(model, vocabulary);
  throw new PartError(`the model "${type}" is none that is known here; there are ${Object.keys(models).join(", ")}`);
}
