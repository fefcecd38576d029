/** A vocabulary as bytes, in the order in which a form is followed through all of it. */
import { ConfigError } from "@cambium/base";
import type { Tokenizer } from "../tokenizer.ts";

/** Tokens that add text, sorted by their bytes. */
export interface Vocabulary {
  /** By place. */
  readonly ids: Int32Array;
  /** By place. */
  readonly texts: readonly Uint8Array[];
  /** How many bytes each has in common with the one before it. */
  readonly shared: Int32Array;
  /** By id. */
  readonly bytes: readonly (Uint8Array | undefined)[];
  /** Ids that the model has. */
  readonly size: number;
}

/** Those of tokens behind others, and those of the first token of a text. */
export interface Vocabularies {
  readonly later: Vocabulary;
  readonly first: Vocabulary;
}

const encoder = new TextEncoder();

function vocabularyOf(bytes: readonly (Uint8Array | undefined)[], size: number): Vocabulary {
  const keyed = bytes.flatMap((text, id) =>
    text === undefined || text.length === 0 ? [] : [{ id, text, key: String.fromCharCode(...text) }],
  );
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.id - b.id));
  const texts = keyed.map(({ text }) => text);
  const shared = new Int32Array(texts.length);
  for (let i = 1; i < texts.length; i++) {
    const [before, text] = [texts[i - 1]!, texts[i]!];
    let same = 0;
    while (same < before.length && same < text.length && before[same] === text[same]) same++;
    shared[i] = same;
  }
  return { ids: Int32Array.from(keyed, ({ id }) => id), texts, shared, bytes, size };
}

const known = new WeakMap<Tokenizer, Map<number, Vocabularies>>();

/**
 * The vocabulary of a tokenizer, worked out once for each.
 *
 * @param size - Ids that the model has.
 * @throws {ConfigError} For a tokenizer whose tokens do not stand for bytes of the text.
 */
export function vocabulariesOf(caller: string, tokenizer: Tokenizer, size: number): Vocabularies {
  const bySize = known.get(tokenizer) ?? new Map<number, Vocabularies>();
  known.set(tokenizer, bySize);
  let found = bySize.get(size);
  if (found === undefined) {
    found = make(caller, tokenizer, size);
    bySize.set(size, found);
  }
  return found;
}

function make(caller: string, tokenizer: Tokenizer, size: number): Vocabularies {
  const bytes = Array.from({ length: Math.min(size, tokenizer.vocabularySize) }, (_, id) => tokenizer.bytes(id));
  if (bytes.every((each) => each === undefined)) {
    throw new ConfigError({
      message: `${caller}: a format needs tokens that stand for bytes of the text, and the tokenizer's decoder makes more of them`,
    });
  }
  const later = vocabularyOf(bytes, size);
  const sample = bytes.findIndex((text) => text !== undefined && text[0] === BLANK && text.length > 1);
  if (sample === -1 || startOf(tokenizer, sample, bytes[sample]!) === bytes[sample]) return { later, first: later };
  const atStart = bytes.map((text, id) => (text === undefined ? undefined : startOf(tokenizer, id, text)));
  return { later, first: vocabularyOf(atStart, size) };
}

const BLANK = 0x20;

/** What a token is at the start of a text, where some decoders leave a blank out. */
function startOf(tokenizer: Tokenizer, id: number, text: Uint8Array): Uint8Array {
  if (text[0] !== BLANK) return text;
  const alone = encoder.encode(tokenizer.decode([id], { cleanUp: false }));
  return alone.length === text.length ? text : alone;
}
