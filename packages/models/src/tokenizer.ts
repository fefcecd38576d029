/**
 * Tokenizers from `tokenizer.json`: text to tokens with their places, and back. The steps are in `tokenizer/`; here is what stands
 * round them: the settings of `tokenizer_config.json`, special tokens by their purpose, truncation and windows. Padding happens in
 * `collate`.
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
import * as z from "zod";
import { type Chat, type ChatMessage, type ChatOptions, chat } from "./chat/chat.ts";
import { templatesOf } from "./chat/find-templates.ts";
import { findSpecialTokens, type SpecialTokens, specialTexts } from "./special-tokens.ts";
import type { IsText } from "./tokenizer/added-tokens.ts";
import { type DecodeOptions, type DecodeStream, decodeStream } from "./tokenizer/decode.ts";
import { frame, frameLength, type Span, type Tokens, wholeOf } from "./tokenizer/frame.ts";
import { type Encoded, type Pipeline, pipelineOf } from "./tokenizer/pipeline.ts";
import { cutWindows } from "./tokenizer/windows.ts";
import { readCompanions } from "./tokenizer-files.ts";
import { parseTokenizerFiles, type TokenizerConfig, type TokenizerJson } from "./tokenizer-json.ts";
import { applySettings, cleansUp } from "./tokenizer-settings.ts";
import { type Truncation, truncatePair } from "./truncation.ts";

/** A text, or one that is split into words already. */
export type TextInput = string | readonly string[];

/** Settings of `encode`. */
export interface EncodeOptions {
  /** Most tokens, special ones included. The longer text of a pair is cut first. @default no limit */
  readonly maxLength?: number;
  /** Which end a long text loses. @default what the tokenizer was made with */
  readonly truncation?: Truncation;
  /** Called when tokens are cut away, with how many. */
  readonly onCut?: (tokens: number) => void;
}

/** Settings of `windows`. */
export interface WindowsOptions {
  /** Most tokens of a window, special ones included. */
  readonly maxLength: number;
  /** Tokens that a window repeats of the one before it. @default 0 */
  readonly stride?: number;
  /** Which text of a pair is cut into windows, the other standing whole in each. @default both, the longer one first */
  readonly only?: "first" | "second";
  /** From which end windows are counted: with "start", the last window is the one that may be short at its start. @default what the tokenizer was made with */
  readonly truncation?: Truncation;
}

/** Settings of `loadTokenizer` and `createTokenizer`. */
export interface TokenizerOptions {
  /** Which end long texts lose where a call does not say. @default `truncation_side` of tokenizer_config.json, or "end" */
  readonly truncation?: Truncation;
}

/** Text to tokens and back. */
export interface Tokenizer {
  /**
   * Tokens of a text, or of a pair of texts. A list of strings is a text that is split into words already: `words` count in that
   * list, and `offsets` are within each word. A lone surrogate counts as U+FFFD.
   *
   * @throws {ConfigError} When `maxLength` leaves no room beside the special tokens, or an option does not exist.
   */
  encode(text: TextInput, pair?: TextInput, options?: EncodeOptions): Tokens;
  /**
   * A text that is too long, in windows of at most `maxLength` tokens that overlap by `stride`; of a text that is not, the one
   * window is what `encode` gives. The windows of a pair, both of whose texts are cut, are all combinations.
   *
   * @throws {ConfigError} When a window leaves no room for a text, `stride` is no less than that room, or an option does not exist.
   */
  windows(text: TextInput, pair: TextInput | undefined, options: WindowsOptions): Tokens[];
  /** Ids of a piece of text without special tokens; a leading space matters to byte-level vocabularies. */
  pieces(text: string): number[];
  /** Id of a token by its text, as the vocabulary writes it. */
  idOf(token: string): number | undefined;
  /**
   * Text of ids, in a list or as a tensor's `data()` gives them. An id that the tokenizer does not have is left out.
   *
   * @throws {ConfigError} For what is no list of whole numbers, and an option that does not exist.
   */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** Text of ids that come one by one, never half a character. */
  decodeStream(options?: DecodeOptions): DecodeStream;
  /**
   * Bytes that a token adds to a text behind others: of UTF-8, perhaps a part of a character. None for special tokens, for ids without
   * a token, and where the tokenizer's decoder makes more of its tokens than that.
   */
  bytes(id: number): Uint8Array | undefined;
  /**
   * A conversation as the tokenizer's chat template writes it, its ids, and which of them the assistant says. What stands in messages
   * is text: `<|im_end|>` that somebody typed is no end of a turn.
   *
   * @throws {ConfigError} When there is no template, it refuses the conversation, or an option does not exist.
   * @throws {FormatError} When the template cannot be read or run.
   */
  chat(messages: readonly ChatMessage[], options?: ChatOptions): Chat;
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
  return makeTokenizer(json, withMap(config, map), files, options);
}

/** A tokenizer from its files, which hold what they should. */
export function tokenizerOf(files: ReadonlyMap<string, Uint8Array>, options: TokenizerOptions): Tokenizer {
  const read = (name: string): unknown => {
    const bytes = files.get(name);
    return bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
  };
  const config = withMap(read("tokenizer_config.json") ?? {}, read("special_tokens_map.json"));
  return makeTokenizer(read("tokenizer.json"), config, files, options);
}

/** The config, with special tokens of the older file where it is silent. */
const withMap = (config: unknown, map: unknown): unknown =>
  map === undefined ? config : { ...(map as object), ...(config as object) };

/**
 * A tokenizer from the contents of `tokenizer.json` and `tokenizer_config.json`, which must not be changed afterwards.
 *
 * @param json - `tokenizer.json`, parsed.
 * @param config - `tokenizer_config.json`, parsed. @default {}, with the usual names of special tokens
 * @throws {FormatError} When it is no tokenizer, lacks a special token that the config names, or the config changes ids in a
 *   way that cannot be followed; the setting is named.
 */
export function createTokenizer(json: unknown, config: unknown = {}, options: TokenizerOptions = {}): Tokenizer {
  checkTokenizerOptions("createTokenizer", options);
  const written = { "tokenizer.json": json, "tokenizer_config.json": config };
  const files = (): ReadonlyMap<string, Uint8Array> => {
    const encoder = new TextEncoder();
    return new Map(
      Object.entries(written).map(([name, value]) => [name, encoder.encode(`${JSON.stringify(value, null, 2)}\n`)]),
    );
  };
  return makeTokenizer(json, config, files, options);
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
const windowKeys = ["maxLength", "stride", "only", "truncation"] as const;

function makeTokenizer(
  given: unknown,
  givenConfig: unknown,
  files: ReadonlyMap<string, Uint8Array> | (() => ReadonlyMap<string, Uint8Array>),
  options: TokenizerOptions,
): Tokenizer {
  const { json, config, pipeline } = open(given, givenConfig);
  const special = findSpecialTokens(pipeline.idOf, config);
  const side = options.truncation ?? (config.truncation_side === "left" ? "start" : "end");
  const hasTypes = config.model_input_names?.includes("token_type_ids") ?? true;
  const isClean = cleansUp(json, config);
  // Of large vocabularies these take a while, and few ask.
  let fingerprint: string | undefined;
  let written = typeof files === "function" ? undefined : files;

  const chatting = {
    templates: templatesOf(written ?? new Map(), config.chat_template),
    special: specialTexts(config, special, pipeline.tokenOf),
    added: json.added_tokens,
    encode: (text: string, isText?: IsText) => pipeline.encode(wellFormed(text), isText),
  };

  function framed(first: Span, second: Span | undefined): Tokens {
    const tokens = frame(pipeline, first, second);
    return hasTypes ? tokens : { ...tokens, types: tokens.types.map(() => 0) }; // what no model is given is 0
  }

  function encode(text: TextInput, pair?: TextInput, encodeOptions: EncodeOptions = {}): Tokens {
    checkOptions("encode", encodeOptions, encodeKeys);
    const { maxLength, truncation = side, onCut } = encodeOptions;
    checkTruncation("encode", truncation);
    const first = encodeText("encode", pipeline, text);
    const second = pair === undefined ? undefined : encodeText("encode", pipeline, pair);
    if (maxLength === undefined) return framed(wholeOf(first), second && wholeOf(second));
    const room = roomOf("encode", pipeline, maxLength, second !== undefined);
    const lengths = truncatePair(first.ids.length, second?.ids.length ?? 0, room);
    const lost = first.ids.length + (second?.ids.length ?? 0) - lengths[0] - lengths[1];
    if (lost > 0) onCut?.(lost);
    return framed(cut(first, lengths[0], truncation), second && cut(second, lengths[1], truncation));
  }

  function windows(text: TextInput, pair: TextInput | undefined, windowOptions: WindowsOptions): Tokens[] {
    checkOptions("windows", windowOptions, windowKeys);
    const { maxLength, stride = 0, only, truncation = side } = windowOptions;
    checkTruncation("windows", truncation);
    if (!Number.isInteger(stride) || stride < 0) {
      throw new ConfigError({ message: `windows: stride must be a whole number of at least 0, got ${stride}`, stride });
    }
    if (only !== undefined && (pair === undefined || !["first", "second"].includes(only))) {
      throw new ConfigError({ message: `windows: only must be "first" or "second", of a pair, got ${only}`, only });
    }
    const first = encodeText("windows", pipeline, text);
    const second = pair === undefined ? undefined : encodeText("windows", pipeline, pair);
    const room = roomOf("windows", pipeline, maxLength, second !== undefined);
    return cutWindows(first, second, { room, stride, side: truncation, only }).map((spans) => framed(...spans));
  }

  return {
    special,
    truncation: side,
    get files() {
      written ??= (files as () => ReadonlyMap<string, Uint8Array>)();
      return written;
    },
    get fingerprint() {
      fingerprint ??= sha256(canonicalJson([given, givenConfig]));
      return fingerprint;
    },
    vocabularySize: pipeline.size,
    encode,
    windows,
    idOf: pipeline.idOf,
    pieces: (text) => encodeText("pieces", pipeline, text).ids,
    decode(ids, decodeOptions = {}) {
      const stream = decodeStream("decode", pipeline, isClean, decodeOptions);
      if (!Array.isArray(ids) && !ArrayBuffer.isView(ids)) {
        throw new ConfigError({
          message: `decode: a list of ids is needed, got ${ids === null ? "null" : typeof ids}`,
        });
      }
      // Not `ids.map`: that of a typed array would make numbers of the texts.
      return Array.from(ids, (id) => stream.push(id)).join("") + stream.end();
    },
    bytes(id) {
      const token = pipeline.tokenOf(id);
      if (token === undefined || pipeline.added.special.has(token)) return undefined;
      return pipeline.bytesOf?.(token);
    },
    chat: (messages, chatOptions = {}) => chat(chatting, messages, chatOptions),
    decodeStream: (decodeOptions = {}) => decodeStream("decodeStream", pipeline, isClean, decodeOptions),
  };
}

/** Tokens of a text without special ones. */
function encodeText(caller: string, pipeline: Pipeline, text: TextInput): Encoded {
  if (typeof text === "string") return pipeline.encode(wellFormed(text));
  if (Array.isArray(text) && text.every((word) => typeof word === "string"))
    return pipeline.encode(text.map(wellFormed));
  const what = text === null ? "null" : Array.isArray(text) ? "a list of other things" : `a ${typeof text}`;
  throw new ConfigError({ message: `${caller}: a text is needed, got ${what}` });
}

const wellFormed = (text: string): string =>
  /\p{Surrogate}/u.test(text) ? text.replace(/\p{Surrogate}/gu, "\ufffd") : text;

/** Tokens of the texts that a row of `maxLength` holds. */
function roomOf(caller: string, pipeline: Pipeline, maxLength: number, isPair: boolean): number {
  const room = maxLength - frameLength(pipeline, isPair);
  if (Number.isInteger(maxLength) && room >= 1) return room;
  const problem = Number.isInteger(maxLength) ? "leaves no room beside the special tokens" : "is no whole number";
  throw new ConfigError({ message: `${caller}: maxLength ${maxLength} ${problem}`, maxLength });
}

/** What is left of a text that loses one end. */
function cut(text: Encoded, length: number, truncation: Truncation): Span {
  const end = text.ids.length;
  return truncation === "end" ? { text, start: 0, end: length } : { text, start: end - length, end };
}

interface Opened {
  /** As the config means it. */
  readonly json: TokenizerJson;
  readonly config: TokenizerConfig;
  readonly pipeline: Pipeline;
}

function open(given: unknown, givenConfig: unknown): Opened {
  let parsed: { readonly json: TokenizerJson; readonly config: TokenizerConfig };
  try {
    parsed = parseTokenizerFiles(given, givenConfig);
  } catch (cause) {
    throw notUsable(cause);
  }
  const { config } = parsed;
  const json = applySettings(parsed.json, config);
  const unknown =
    config.unk_token == null || typeof config.unk_token === "string" ? config.unk_token : config.unk_token.content;
  function lacks(text: string): number {
    const id = unknown == null ? undefined : pipeline.idOf(unknown);
    if (id !== undefined) return id;
    throw new ConfigError({
      message: `encode: the vocabulary lacks ${JSON.stringify(text)}, and the tokenizer has no token for what is unknown`,
      text,
    });
  }
  let pipeline: Pipeline;
  try {
    pipeline = pipelineOf(json, lacks);
  } catch (cause) {
    throw notUsable(cause);
  }
  return { json, config, pipeline };
}

function notUsable(cause: unknown): FormatError {
  return new FormatError({
    message: `createTokenizer: this is no tokenizer.json that can be used: ${cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message}`,
    cause,
  });
}
