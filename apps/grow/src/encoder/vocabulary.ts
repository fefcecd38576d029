/** The part of a teacher's vocabulary that some text needs: its student reads the same pieces under other ids. */
import { createTokenizer, type Tokenizer } from "@cambium/models";
import { SPECIAL_PIECES } from "./special-pieces.ts";

/** What is read of a WordPiece `tokenizer.json`. */
interface WordPieceJson {
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
  readonly added_tokens: readonly { readonly content: string; readonly id: number }[];
  readonly post_processor: {
    readonly special_tokens: Readonly<Record<string, { readonly id: string; readonly ids: readonly number[] }>>;
  };
}

/** A vocabulary taken from a larger one. */
export interface TakenVocabulary {
  readonly tokenizer: Tokenizer;
  /** The tokenizer's files: contents by name. */
  readonly files: Readonly<Record<string, string>>;
  /** The teacher's id of each piece. */
  readonly teacherIds: readonly number[];
}

/** Settings of `takeVocabulary`. */
export interface TakeOptions {
  /** Pieces to take, the special ones among them. */
  readonly size: number;
  /** Characters that occur less often are unknown. */
  readonly leastCharacterCount: number;
}

function countPieces(documents: readonly string[], tokenizer: Tokenizer): Map<number, number> {
  const counts = new Map<number, number>();
  for (const document of documents)
    for (const piece of tokenizer.pieces(document)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  return counts;
}

function countCharacters(documents: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const document of documents)
    for (const character of document.toLowerCase()) counts.set(character, (counts.get(character) ?? 0) + 1);
  return counts;
}

const isCharacter = (piece: string): boolean => [...piece.replace(/^##/, "")].length === 1;

/**
 * Takes special pieces, then characters alone and within words, so that every word can be written, then the most frequent
 * pieces of the text.
 *
 * @param json - The teacher's `tokenizer.json`.
 */
export function takeVocabulary(
  json: unknown,
  documents: readonly string[],
  { size, leastCharacterCount }: TakeOptions,
): TakenVocabulary {
  const teacher = json as WordPieceJson;
  const pieces = Object.entries(teacher.model.vocab);
  const characters = countCharacters(documents);
  const counts = countPieces(documents, createTokenizer(json as object));
  const isNeeded = (piece: string): boolean =>
    isCharacter(piece) && (characters.get(piece.replace(/^##/, "")) ?? 0) >= leastCharacterCount;
  const alone = pieces.filter(([piece]) => isNeeded(piece));
  const others = pieces
    .filter(([piece, id]) => !isNeeded(piece) && !SPECIAL_PIECES.includes(piece) && counts.has(id))
    .sort(([, a], [, b]) => counts.get(b)! - counts.get(a)! || a - b);
  const words = [...alone, ...others].slice(0, size - SPECIAL_PIECES.length).sort(([, a], [, b]) => a - b);
  const taken = [...SPECIAL_PIECES.map((piece) => [piece, teacher.model.vocab[piece]!] as const), ...words];
  const vocab = Object.fromEntries(taken.map(([piece], id) => [piece, id]));
  const special_tokens = Object.fromEntries(
    Object.entries(teacher.post_processor.special_tokens).map(([name, token]) => [
      name,
      { ...token, ids: [vocab[token.id]!] },
    ]),
  );
  const own = {
    ...teacher,
    truncation: null,
    padding: null,
    added_tokens: teacher.added_tokens.map((token) => ({ ...token, id: vocab[token.content]! })),
    post_processor: { ...teacher.post_processor, special_tokens },
    model: { ...teacher.model, vocab },
  };
  const special = ["pad", "unk", "cls", "sep", "mask"].map((name) => [`${name}_token`, `[${name.toUpperCase()}]`]);
  const config = { tokenizer_class: "BertTokenizer", do_lower_case: true, ...Object.fromEntries(special) };
  return {
    tokenizer: createTokenizer(own, config),
    files: { "tokenizer.json": JSON.stringify(own), "tokenizer_config.json": JSON.stringify(config) },
    teacherIds: taken.map(([, id]) => id),
  };
}
