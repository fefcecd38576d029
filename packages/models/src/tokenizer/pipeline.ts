/**
 * The whole way from a text to tokens, as `tokenizer.json` describes it: added tokens are found, the rest is normalised, cut into
 * words, and each word taken apart by the model. And the way back.
 */
import type { TokenizerJson } from "../tokenizer-json.ts";
import { type AddedTokens, addedTokensOf, type IsText } from "./added-tokens.ts";
import { type Aligned, aligned, fromOf, slice, toOf } from "./aligned.ts";
import { toByteCharacters } from "./bytes.ts";
import { type Decoder, decoderOf } from "./decoders.ts";
import { modelOf, type Pieces, vocabularyOf } from "./models.ts";
import { normalizerOf } from "./normalizers.ts";
import { type PostProcessor, postProcessorOf } from "./post-processor.ts";
import { type PreTokenizer, preTokenizerOf } from "./pre-tokenizers.ts";
import { tokenBytesOf } from "./token-bytes.ts";

/** Tokens of one text, without special ones round it. */
export interface Encoded {
  /** The text, or the words that it is a list of. */
  readonly texts: readonly string[];
  readonly isList: boolean;
  readonly ids: number[];
  readonly from: number[];
  readonly to: number[];
  readonly words: number[];
  /** Texts of added tokens as they stood there, blanks beside them included, by index. */
  readonly found: Map<number, string>;
}

/** What `tokenizer.json` describes. */
export interface Pipeline {
  /**
   * Tokens of a text, or of a list of words: then these are what is counted.
   *
   * @param isText - Asked of places that read like added tokens, by their units in the text. @default they are such tokens
   */
  encode(text: string | readonly string[], isText?: IsText): Encoded;
  readonly post: PostProcessor;
  readonly decoder: Decoder;
  readonly added: AddedTokens;
  idOf(token: string): number | undefined;
  /** Bytes that a token adds to a text behind others, where the decoder lets tokens stand for such. */
  readonly bytesOf: ((token: string) => Uint8Array) | undefined;
  /** The token of an id, as decoding reads it. */
  tokenOf(id: number): string | undefined;
  /** One more than the largest id. */
  readonly size: number;
}

/** Words that are remembered, and the longest of them. */
const MOST_WORDS = 50_000;
const LONGEST_WORD = 256;

/** No tokens yet, of a text or of the words that it is a list of. */
const nothingEncoded = (text: string | readonly string[]): Encoded => ({
  texts: typeof text === "string" ? [text] : text,
  isList: typeof text !== "string",
  ids: [],
  from: [],
  to: [],
  words: [],
  found: new Map(),
});

/**
 * Reads `tokenizer.json`.
 *
 * @param lacks - Called for text that has no token and nothing that stands for it; throws.
 * @throws What it says is not known here: `PartError`, by name.
 */
export function pipelineOf(json: TokenizerJson, lacks: (text: string) => number): Pipeline {
  const vocabulary = vocabularyOf(json.model);
  const tokens = new Map<number, string>();
  let size = 0;
  for (const [token, id] of vocabulary) {
    tokens.set(id, token);
    size = Math.max(size, id + 1);
  }
  const model = modelOf(json.model, vocabulary);
  const normalizer = json.normalizer == null ? undefined : normalizerOf(json.normalizer);
  const pre: PreTokenizer =
    json.pre_tokenizer == null ? { steps: [], isByteLevel: false } : preTokenizerOf(json.pre_tokenizer);
  const added = addedTokensOf(json.added_tokens, normalizer);
  const known = new Map<string, Pieces>();

  function takeApart(word: string): Pieces {
    if (!pre.isByteLevel || /^[!-~]*$/.test(word)) return model(word, lacks);
    const bytes = toByteCharacters(aligned(word));
    const { ids, starts, ends } = model(bytes.text, lacks);
    return {
      ids,
      starts: starts.map((start) => fromOf(bytes, start)),
      ends: ends.map((end) => toOf(bytes, end - 1)),
    };
  }

  function piecesOf(word: string): Pieces {
    let pieces = known.get(word);
    if (pieces === undefined) {
      pieces = takeApart(word);
      if (known.size >= MOST_WORDS) known.clear();
      if (word.length < LONGEST_WORD) known.set(word, pieces);
    }
    return pieces;
  }

  function cut(whole: Aligned): readonly Aligned[] {
    let parts: Aligned[] = whole.text === "" ? [] : [whole];
    for (const step of pre.steps) {
      const finer: Aligned[] = [];
      for (const part of parts) step(part, finer);
      parts = finer;
    }
    return parts;
  }

  function append(text: string, into: Encoded, word?: number, isText?: IsText): void {
    const { ids, from, to, words } = into;
    let count = 0;
    const add = (id: number, start: number, end: number): void => {
      ids.push(id);
      from.push(start);
      to.push(end);
      words.push(word ?? count);
    };
    const addWhole = (id: number, part: Aligned): void => {
      into.found.set(ids.length, part.text);
      add(id, fromOf(part, 0), toOf(part, part.text.length - 1));
      count++;
    };
    const given = aligned(text);
    for (const { start, end, id } of added.find(text, isText)) {
      const part = slice(given, start, end);
      if (id !== undefined) {
        addWhole(id, part);
        continue;
      }
      const normalised = normalizer === undefined ? part : normalizer(part);
      if (normalised.text === "") continue;
      const isTextThere: IsText | undefined =
        isText && ((token, from, to) => isText(token, fromOf(normalised, from), toOf(normalised, to - 1)));
      for (const inner of added.findNormalized(normalised.text, isTextThere)) {
        const section = slice(normalised, inner.start, inner.end);
        if (inner.id !== undefined) {
          addWhole(inner.id, section);
          continue;
        }
        for (const piece of cut(section)) {
          const found = piecesOf(piece.text);
          for (let i = 0; i < found.ids.length; i++) {
            add(found.ids[i]!, fromOf(piece, found.starts[i]!), toOf(piece, found.ends[i]! - 1));
          }
          count++;
        }
      }
    }
  }

  function encode(text: string | readonly string[], isText?: IsText): Encoded {
    const into = nothingEncoded(text);
    into.texts.forEach((part, index) => {
      append(part, into, into.isList ? index : undefined, isText);
    });
    return into;
  }

  for (const id of added.texts.keys()) size = Math.max(size, id + 1);
  return {
    encode,
    post: postProcessorOf(json.post_processor),
    decoder: decoderOf(json["decoder"] as TokenizerJson["normalizer"]),
    added,
    bytesOf: tokenBytesOf(json["decoder"] as TokenizerJson["normalizer"]),
    idOf: (token) => added.ids.get(token) ?? vocabulary.get(token),
    tokenOf: (id) => added.texts.get(id) ?? tokens.get(id),
    size,
  };
}
