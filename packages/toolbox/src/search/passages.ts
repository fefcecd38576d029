import MiniSearch from "minisearch";
import type { CorpusDocument } from "./corpus.ts";

/** A piece of a document, whole sentences of about a hundred words. */
export interface Passage {
  readonly id: number;
  readonly document: number;
  /** Position of its first character in the document. */
  readonly at: number;
  readonly text: string;
}

const LENGTH = 600;
const LONGEST_SENTENCE = 1200;
const SENTENCE = /(?:[^.!?\n]|[.!?](?=[\w,]))+[.!?\n]*["”’')\]]*\s*|[.!?\n]+\s*/gu;

/** Grammar's words, which every passage has. */
const STOP_WORDS = new Set(
  (
    "a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it its me my no not of on or our " +
    "shall she should so that the their them there these they this those to was we were what when where which who whom why will with would you your"
  ).split(" "),
);

/** Cuts texts at the ends of sentences. */
export function passagesOf(documents: readonly CorpusDocument[]): Passage[] {
  const found: Passage[] = [];
  documents.forEach(({ text }, document) => {
    let [from, length] = [0, 0];
    const end = (): void => {
      const piece = text.slice(from, from + length);
      if (piece.trim() !== "") found.push({ id: found.length, document, at: from, text: piece.trim() });
      [from, length] = [from + length, 0];
    };
    for (const [sentence] of text.matchAll(SENTENCE)) {
      for (let i = 0; i < sentence.length; i += LONGEST_SENTENCE) {
        length += Math.min(LONGEST_SENTENCE, sentence.length - i);
        if (length >= LENGTH) end();
      }
    }
    end();
  });
  return found;
}

/** The form of a word by which it is found: lower case, without plural `s`; `null` for grammar's words. */
function term(word: string): string | null {
  const lower = word.toLowerCase();
  if (STOP_WORDS.has(lower)) return null;
  return lower.length > 3 && /[^su]s$/.test(lower) ? lower.slice(0, -1) : lower;
}

/** A ranked search by words (BM25+, as MiniSearch computes it). */
export interface PassageIndex {
  readonly documents: readonly CorpusDocument[];
  readonly passages: readonly Passage[];
  search(
    query: string,
    accepts: (document: CorpusDocument) => boolean,
    limit: number,
  ): readonly { readonly passage: Passage; readonly score: number }[];
}

export function indexPassages(documents: readonly CorpusDocument[]): PassageIndex {
  const passages = passagesOf(documents);
  const index = new MiniSearch<Passage>({ fields: ["text"], processTerm: term });
  index.addAll(passages);
  return {
    documents,
    passages,
    search: (query, accepts, limit) =>
      index
        .search(query, { filter: ({ id }) => accepts(documents[passages[id as number]!.document]!) })
        .slice(0, limit)
        .map(({ id, score }) => ({ passage: passages[id as number]!, score })),
  };
}
