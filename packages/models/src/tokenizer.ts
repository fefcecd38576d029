/**
 * Tokenizers from `tokenizer.json`. The library turns text into tokens; what it leaves out is here: special tokens by
 * their purpose, and truncation. Padding happens in `collate`.
 */
import {
  ConfigError,
  canonicalJson,
  type Files,
  FormatError,
  hasFile,
  openFiles,
  readJson,
  sha256,
} from "@cambium/base";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import * as z from "zod";
import { truncatePair } from "./truncation.ts";

/** Ids of one text or of a pair, special tokens included. */
export interface Tokens {
  readonly ids: number[];
  /** Segment of each token: 0 for the first text, 1 for the second where the tokenizer tells them apart. */
  readonly types: number[];
}

/** Settings of `encode`. */
export interface EncodeOptions {
  /** Most tokens, special ones included. The longer text of a pair is cut first, at its end. @default no limit */
  readonly maxLength?: number;
}

/** Ids of the tokens with a purpose. */
export interface SpecialTokens {
  /** Fills rows of a batch to one length. */
  readonly pad: number;
  /** Stands for what the vocabulary lacks. */
  readonly unknown: number;
  /** Stands in front; classifiers read it. */
  readonly classification: number;
  /** Ends each text. */
  readonly separator: number;
  /** Hides a word. */
  readonly mask: number;
}

/** Text to ids and back. */
export interface Tokenizer {
  /**
   * Ids of a text, or of a pair of texts.
   *
   * @throws {ConfigError} When `maxLength` leaves no room beside the special tokens.
   */
  encode(text: string, pair?: string, options?: EncodeOptions): Tokens;
  /** Ids of a piece of text without special tokens; a leading space matters to byte-level vocabularies. */
  pieces(text: string): number[];
  /** Text of ids, without special tokens. */
  decode(ids: readonly number[]): string;
  /** One more than the largest id: the least number of rows that a model's word embeddings need. */
  readonly vocabularySize: number;
  readonly special: SpecialTokens;
  /** Of the files that it was made from: two tokenizers of one fingerprint give equal ids. */
  readonly fingerprint: string;
}

/**
 * The tokenizer of a Hugging Face folder: `tokenizer.json`, and `tokenizer_config.json` where there is one.
 *
 * @param source - The folder: a path, an address, or any `Files`.
 * @throws {FileError} When `tokenizer.json` is absent or cannot be read.
 * @throws {FormatError} When it is no tokenizer, or lacks one of the special tokens.
 * @example
 * const tokenizer = await loadTokenizer("models/minilm");
 * const { ids } = tokenizer.encode("A cat sits on the mat.");
 */
export async function loadTokenizer(source: string | Files): Promise<Tokenizer> {
  const files = openFiles(source);
  const json = await readJson(files, "tokenizer.json");
  const hasConfig = await hasFile(files, "tokenizer_config.json");
  return createTokenizer(json, hasConfig ? await readJson(files, "tokenizer_config.json") : {});
}

const shape = z.looseObject({
  model: z.looseObject({ vocab: z.union([z.record(z.string(), z.int()), z.array(z.unknown())]) }),
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })),
  post_processor: z.looseObject({ type: z.string() }).nullish(),
});

/**
 * A tokenizer from the contents of `tokenizer.json` and `tokenizer_config.json`.
 *
 * @param json - `tokenizer.json`, parsed.
 * @param config - `tokenizer_config.json`, parsed: names of the special tokens. @default BERT's or RoBERTa's names
 * @throws {FormatError} When it is no tokenizer, or lacks one of the special tokens.
 */
export function createTokenizer(json: unknown, config: unknown = {}): Tokenizer {
  const library = openLibrary(json, config);
  const isRoberta = shape.parse(json).post_processor?.type === "RobertaProcessing";
  const special = findSpecialTokens(library, config);
  const idOf = (token: string): number => library.token_to_id(token) ?? special.unknown;

  /** Puts the special tokens round one or two lists of tokens. */
  function wrap(first: string[], second: string[] | null): Tokens {
    const { tokens, token_type_ids: types } = library.post_processor?.(first, second, true) ?? {
      tokens: [...first, ...(second ?? [])],
    };
    // RoBERTa knows one segment only; the library numbers a second one all the same.
    return { ids: tokens.map(idOf), types: types === undefined || isRoberta ? tokens.map(() => 0) : types };
  }

  return {
    special,
    fingerprint: sha256(canonicalJson([json, config])),
    vocabularySize: [...library.get_vocab().values()].reduce((size, id) => Math.max(size, id + 1), 0),
    encode(text, pair, { maxLength } = {}) {
      const first = library.tokenize(text);
      const second = pair === undefined ? null : library.tokenize(pair);
      if (maxLength === undefined) return wrap(first, second);
      const room = maxLength - wrap([], second === null ? null : []).ids.length;
      if (room < 1)
        throw new ConfigError({
          message: `encode: maxLength ${maxLength} leaves no room beside the special tokens`,
          maxLength,
        });
      const [firstLength, secondLength] = truncatePair(first.length, second?.length ?? 0, room);
      return wrap(first.slice(0, firstLength), second?.slice(0, secondLength) ?? null);
    },
    pieces: (text) => library.tokenize(text).map(idOf),
    decode: (ids) => (ids.length === 0 ? "" : library.decode([...ids], { skip_special_tokens: true })),
  };
}

function openLibrary(json: unknown, config: unknown): LibraryTokenizer {
  try {
    return new LibraryTokenizer(shape.parse(json), z.looseObject({}).parse(config));
  } catch (cause) {
    throw new FormatError({
      message: `createTokenizer: this is no tokenizer.json that can be used: ${cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message}`,
      cause,
    });
  }
}

/** Keys of `tokenizer_config.json`, and the names that BERT and RoBERTa give these tokens. */
const specialNames: Readonly<Record<keyof SpecialTokens, readonly [key: string, ...names: string[]]>> = {
  pad: ["pad_token", "[PAD]", "<pad>"],
  unknown: ["unk_token", "[UNK]", "<unk>"],
  classification: ["cls_token", "[CLS]", "<s>"],
  separator: ["sep_token", "[SEP]", "</s>"],
  mask: ["mask_token", "[MASK]", "<mask>"],
};

function findSpecialTokens(library: LibraryTokenizer, config: unknown): SpecialTokens {
  function find(purpose: keyof SpecialTokens): number {
    const [key, ...names] = specialNames[purpose];
    const given = (config as Record<string, string | { content: string } | null | undefined>)[key];
    const candidates = given == null ? names : [typeof given === "string" ? given : given.content];
    for (const candidate of candidates) {
      const id = library.token_to_id(candidate);
      if (id !== undefined) return id;
    }
    throw new FormatError({
      message: `createTokenizer: the vocabulary has no ${purpose} token (${candidates.join(" or ")}); name it as "${key}" in tokenizer_config.json`,
      purpose,
    });
  }
  return {
    pad: find("pad"),
    unknown: find("unknown"),
    classification: find("classification"),
    separator: find("separator"),
    mask: find("mask"),
  };
}
