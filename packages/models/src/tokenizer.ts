/**
 * Tokenizers from `tokenizer.json`. The library turns text into tokens; what it leaves out is here: the settings of
 * `tokenizer_config.json`, special tokens by their purpose, and truncation. Padding happens in `collate`.
 */
import {
  ConfigError,
  canonicalJson,
  checkOptions,
  type Files,
  FormatError,
  memory,
  openFiles,
  readJson,
  sha256,
} from "@cambium/base";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import * as z from "zod";
import { findSpecialTokens, type SpecialTokens } from "./special-tokens.ts";
import { readCompanions } from "./tokenizer-files.ts";
import { parseTokenizerFiles, type TokenizerConfig, type TokenizerJson } from "./tokenizer-json.ts";
import { applySettings, cleansUp } from "./tokenizer-settings.ts";
import { cut, type Truncation, truncatePair } from "./truncation.ts";

/** Ids of one text or of a pair, special tokens included. */
export interface Tokens {
  readonly ids: number[];
  /** Segment of each token: 0 for the first text, 1 for the second where the tokenizer tells them apart. */
  readonly types: number[];
}

/** Settings of `encode`. */
export interface EncodeOptions {
  /** Most tokens, special ones included. The longer text of a pair is cut first. @default no limit */
  readonly maxLength?: number;
  /** Which end a long text loses. @default what the tokenizer was made with */
  readonly truncation?: Truncation;
  /** Called when tokens are cut away, with how many. */
  readonly onCut?: (tokens: number) => void;
}

/** Settings of `loadTokenizer` and `createTokenizer`. */
export interface TokenizerOptions {
  /** Which end long texts lose where a call does not say. @default `truncation_side` of tokenizer_config.json, or "end" */
  readonly truncation?: Truncation;
}

/** Text to ids and back. */
export interface Tokenizer {
  /**
   * Ids of a text, or of a pair of texts.
   *
   * @throws {ConfigError} When `maxLength` leaves no room beside the special tokens, or an option does not exist.
   */
  encode(text: string, pair?: string, options?: EncodeOptions): Tokens;
  /** Ids of a piece of text without special tokens; a leading space matters to byte-level vocabularies. */
  pieces(text: string): number[];
  /** Text of ids, without special tokens. */
  decode(ids: readonly number[]): string;
  /** One more than the largest id: the least number of rows that a model's word embeddings need. */
  readonly vocabularySize: number;
  readonly special: SpecialTokens;
  /** Which end a long text loses where a call does not say. */
  readonly truncation: Truncation;
  /** Of the files that it was made from: two tokenizers of one fingerprint give equal ids. */
  readonly fingerprint: string;
  /** The files that it was made from, and those beside them that belong to it: bytes by name, for `saveModel`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * The tokenizer of a Hugging Face folder: `tokenizer.json`, with `tokenizer_config.json` and `special_tokens_map.json` where
 * there are such. It gives the ids and texts of transformers' fast tokenizers.
 *
 * @param source - The folder: a path, an address, or any `Files`.
 * @throws {FileError} When `tokenizer.json` is absent or cannot be read.
 * @throws {FormatError} When it is no tokenizer, lacks a special token that the config names, or the config changes ids in a
 *   way that cannot be followed; the setting is named.
 * @example
 * const tokenizer = await loadTokenizer("models/minilm");
 * const { ids } = tokenizer.encode("A cat sits on the mat.");
 */
export async function loadTokenizer(source: string | Files, options: TokenizerOptions = {}): Promise<Tokenizer> {
  checkTokenizerOptions("loadTokenizer", options);
  const folder = openFiles(source);
  const files = await readCompanions(folder);
  /** What was read once, under the folder's name in messages. */
  const held: Files = { ...memory(Object.fromEntries(files)), location: folder.location };
  const readIf = async (name: string): Promise<unknown> => (files.has(name) ? readJson(held, name) : undefined);
  const json = files.has("tokenizer.json")
    ? await readJson(held, "tokenizer.json")
    : await readJson(folder, "tokenizer.json");
  const map = await readIf("special_tokens_map.json");
  const config = (await readIf("tokenizer_config.json")) ?? {};
  return makeTokenizer(json, map === undefined ? config : { ...map, ...(config as object) }, files, options);
}

/**
 * A tokenizer from the contents of `tokenizer.json` and `tokenizer_config.json`.
 *
 * @param json - `tokenizer.json`, parsed.
 * @param config - `tokenizer_config.json`, parsed. @default {}, with the usual names of special tokens
 * @throws {FormatError} When it is no tokenizer, lacks a special token that the config names, or the config changes ids in a
 *   way that cannot be followed; the setting is named.
 */
export function createTokenizer(json: unknown, config: unknown = {}, options: TokenizerOptions = {}): Tokenizer {
  checkTokenizerOptions("createTokenizer", options);
  const written = { "tokenizer.json": json, "tokenizer_config.json": config };
  const bytes = Object.entries(written).map(
    ([name, value]) => [name, new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)] as const,
  );
  return makeTokenizer(json, config, new Map(bytes), options);
}

function checkTokenizerOptions(caller: string, options: TokenizerOptions): void {
  checkOptions(caller, options, ["truncation"]);
  if (options.truncation !== undefined) checkTruncation(caller, options.truncation);
}

/** Throws unless it names an end. */
export function checkTruncation(caller: string, truncation: unknown): asserts truncation is Truncation {
  if (truncation === "start" || truncation === "end") return;
  throw new ConfigError({
    message: `${caller}: truncation must be "start" or "end", got ${JSON.stringify(truncation)}`,
    truncation,
  });
}

const encodeKeys = ["maxLength", "truncation", "onCut"] as const;

function makeTokenizer(
  given: unknown,
  givenConfig: unknown,
  files: ReadonlyMap<string, Uint8Array>,
  options: TokenizerOptions,
): Tokenizer {
  const { json, config, library } = openLibrary(given, givenConfig);
  const special = findSpecialTokens((token) => library.token_to_id(token), config);
  const side = options.truncation ?? (config.truncation_side === "left" ? "start" : "end");
  const isRoberta = json.post_processor?.type === "RobertaProcessing";
  const hasTypes = config.model_input_names?.includes("token_type_ids") ?? true;
  const unknown = library.token_to_id(json.model.unk_token ?? "") ?? json.model.unk_id ?? special.unknown;
  const isClean = cleansUp(json, config);

  function idOf(token: string): number {
    const id = library.token_to_id(token) ?? unknown;
    if (id !== undefined) return id;
    throw new ConfigError({
      message: `encode: the vocabulary lacks ${JSON.stringify(token)}, and the tokenizer has no token for what is unknown`,
      token,
    });
  }

  function tokensOf(text: string): string[] {
    if (typeof text === "string") return library.tokenize(text);
    throw new ConfigError({ message: `encode: a text is needed, got ${text === null ? "null" : `a ${typeof text}`}` });
  }

  /** Puts the special tokens round one or two lists of tokens. */
  function wrap(first: string[], second: string[] | null): Tokens {
    const wrapped = library.post_processor?.(first, second, true);
    const tokens = wrapped?.tokens ?? [...first, ...(second ?? [])];
    const types =
      wrapped === undefined ? tokens.map((_: string, i: number) => (i < first.length ? 0 : 1)) : wrapped.token_type_ids;
    // RoBERTa knows one segment only; the library numbers a second one all the same. And what no model is given is 0.
    return {
      ids: tokens.map(idOf),
      types: types === undefined || isRoberta || !hasTypes ? tokens.map(() => 0) : types,
    };
  }

  function encode(text: string, pair?: string, encodeOptions: EncodeOptions = {}): Tokens {
    checkOptions("encode", encodeOptions, encodeKeys);
    const { maxLength, truncation = side, onCut } = encodeOptions;
    checkTruncation("encode", truncation);
    const first = tokensOf(text);
    const second = pair === undefined ? null : tokensOf(pair);
    if (maxLength === undefined) return wrap(first, second);
    const room = maxLength - wrap([], second === null ? null : []).ids.length;
    if (!Number.isInteger(maxLength) || room < 1) {
      const problem = Number.isInteger(maxLength) ? "leaves no room beside the special tokens" : "is no whole number";
      throw new ConfigError({ message: `encode: maxLength ${maxLength} ${problem}`, maxLength });
    }
    const [firstLength, secondLength] = truncatePair(first.length, second?.length ?? 0, room);
    const lost = first.length + (second?.length ?? 0) - firstLength - secondLength;
    if (lost > 0) onCut?.(lost);
    return wrap(cut(first, firstLength, truncation), second === null ? null : cut(second, secondLength, truncation));
  }

  return {
    special,
    truncation: side,
    files,
    fingerprint: sha256(canonicalJson([given, givenConfig])),
    vocabularySize: [...library.get_vocab().values()].reduce((size, id) => Math.max(size, id + 1), 0),
    encode,
    pieces: (text) => tokensOf(text).map(idOf),
    decode(ids) {
      const known = ids.filter((id) => library.id_to_token(id) !== undefined);
      if (known.length === 0) return "";
      return library.decode(known, { skip_special_tokens: true, clean_up_tokenization_spaces: isClean });
    },
  };
}

interface Opened {
  /** As the config means it. */
  readonly json: TokenizerJson;
  readonly config: TokenizerConfig;
  readonly library: LibraryTokenizer;
}

function openLibrary(given: unknown, givenConfig: unknown): Opened {
  let parsed: { readonly json: TokenizerJson; readonly config: TokenizerConfig };
  try {
    parsed = parseTokenizerFiles(given, givenConfig);
  } catch (cause) {
    throw notUsable(cause);
  }
  const json = applySettings(parsed.json, parsed.config);
  try {
    // The library reads settings of its own from the config, which the tokenizers that it stands for do not.
    const config = { unk_token: json.model.unk_token ?? undefined };
    return { json, config: parsed.config, library: new LibraryTokenizer(json, config) };
  } catch (cause) {
    throw notUsable(cause);
  }
}

function notUsable(cause: unknown): FormatError {
  return new FormatError({
    message: `createTokenizer: this is no tokenizer.json that can be used: ${cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message}`,
    cause,
  });
}
