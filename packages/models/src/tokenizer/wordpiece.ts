/**
 * WordPiece: the longest piece that a word begins with, then the longest that the rest does; a word that cannot be taken apart so
 * is unknown as a whole.
 *
 * @see Devlin et al. 2018, BERT, arXiv:1810.04805.
 */
import type { TokenizerJson } from "../tokenizer-json.ts";
import type { WordModel } from "./models.ts";
import { PartError } from "./parts.ts";

/** A WordPiece model as `tokenizer.json` describes it. */
export function wordPiece(model: TokenizerJson["model"], vocabulary: ReadonlyMap<string, number>): WordModel {
  const prefix = (model["continuing_subword_prefix"] as string | null | undefined) ?? "##";
  const most = (model["max_input_chars_per_word"] as number | null | undefined) ?? 100;
  if (typeof prefix !== "string" || !Number.isInteger(most)) {
    throw new PartError("continuing_subword_prefix of WordPiece must be a string, max_input_chars_per_word a number");
  }
  /** Pieces that go on in a word, without their mark. */
  const further = new Map<string, number>();
  let longest = 0;
  for (const [piece, id] of vocabulary) {
    longest = Math.max(longest, piece.length);
    if (piece.startsWith(prefix)) further.set(piece.slice(prefix.length), id);
  }
  const unknown = model.unk_token == null ? undefined : vocabulary.get(model.unk_token);

  function isTooLong(word: string): boolean {
    if (word.length <= most) return false;
    return word.length > 2 * most || [...word].length > most;
  }

  return (word, lacks) => {
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const isWhole = !isTooLong(word);
    for (let start = 0; isWhole && start < word.length; ) {
      const pieces = start === 0 ? vocabulary : further;
      let end = Math.min(word.length, start + longest);
      let id: number | undefined;
      for (; end > start; end--) {
        id = pieces.get(word.slice(start, end));
        if (id !== undefined) break;
      }
      if (id === undefined) break;
      ids.push(id);
      starts.push(start);
      ends.push(end);
      start = end;
    }
    if (isWhole && ends.at(-1) === word.length) return { ids, starts, ends };
    return { ids: [unknown ?? lacks(word)], starts: [0], ends: [word.length] };
  };
}

/** A model of whole words as `tokenizer.json` describes it. */
export function wordLevel(model: TokenizerJson["model"], vocabulary: ReadonlyMap<string, number>): WordModel {
  const unknown = model.unk_token == null ? undefined : vocabulary.get(model.unk_token);
  return (word, lacks) => ({
    ids: [vocabulary.get(word) ?? unknown ?? lacks(word)],
    starts: [0],
    ends: [word.length],
  });
}
