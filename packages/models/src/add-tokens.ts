import { ConfigError, checkOptions } from "@cambium/base";
import { type Tokenizer, tokenizerOf } from "./tokenizer.ts";

/** A token to add, with the flags that the Rust library has. */
export interface NewToken {
  readonly content: string;
  /** Whether it is found only where no letter or digit stands beside it. @default false */
  readonly singleWord?: boolean;
  /** Whether it takes the blanks before it. @default false */
  readonly lstrip?: boolean;
  /** Whether it takes the blanks behind it. @default false */
  readonly rstrip?: boolean;
  /** Whether it is looked for in the normalised text, such as that in lower case. @default unless it is special */
  readonly normalized?: boolean;
  /** Whether `decode` leaves it out. @default what the option says */
  readonly special?: boolean;
}

/** Settings of `addTokens`. */
export interface AddTokensOptions {
  /** Whether tokens that do not say are special: left out of decoded texts. @default false */
  readonly special?: boolean;
}

interface Written {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

const tokenKeys = ["content", "singleWord", "lstrip", "rstrip", "normalized", "special"] as const;

function asWritten(given: string | NewToken, index: number, id: number, isSpecial: boolean): Written {
  const token = typeof given === "string" ? { content: given } : given;
  if (typeof token !== "object" || token === null || typeof token.content !== "string" || token.content === "") {
    throw new ConfigError({
      message: `addTokens: token ${index} must be a text that is not empty, got ${JSON.stringify(given)}`,
      index,
    });
  }
  checkOptions("addTokens", token, tokenKeys);
  const {
    content,
    singleWord = false,
    lstrip = false,
    rstrip = false,
    special = isSpecial,
    normalized = !special,
  } = token;
  return { id, content, single_word: singleWord, lstrip, rstrip, normalized, special };
}

const decode = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

/**
 * A tokenizer with more tokens: each stays whole in any text. Ids are the next ones behind the vocabulary; a word that is in the vocabulary
 * already keeps its id. Its files are changed accordingly, so that `saveModel` writes what transformers reads. A model needs rows
 * for them: `resizeEmbeddings`.
 *
 * @param tokens - Texts, or texts with flags. One that was added before is left as it is.
 * @throws {ConfigError} When a token is no text, or an option or a flag does not exist.
 * @example
 * const more = addTokens(tokenizer, ["<tool>", "</tool>"], { special: true });
 */
export function addTokens(
  tokenizer: Tokenizer,
  tokens: readonly (string | NewToken)[],
  options: AddTokensOptions = {},
): Tokenizer {
  checkOptions("addTokens", options, ["special"]);
  const files = new Map(tokenizer.files);
  const json = decode(files.get("tokenizer.json")!) as { readonly added_tokens: Written[] };
  const config = (files.has("tokenizer_config.json") ? decode(files.get("tokenizer_config.json")!) : {}) as Record<
    string,
    unknown
  >;
  const known = new Set(json.added_tokens.map(({ content }) => content));
  const added: Written[] = [];
  let next = tokenizer.vocabularySize;
  tokens.forEach((token, index) => {
    const written = asWritten(token, index, next, options.special ?? false);
    if (known.has(written.content)) return;
    known.add(written.content);
    const id = tokenizer.idOf(written.content) ?? next;
    if (id === next) next++;
    added.push({ ...written, id });
  });
  files.set("tokenizer.json", encode({ ...json, added_tokens: [...json.added_tokens, ...added] }));
  const listed = config["added_tokens_decoder"];
  if (typeof listed === "object" && listed !== null) {
    const more = Object.fromEntries(added.map(({ id, ...token }) => [id, token]));
    files.set("tokenizer_config.json", encode({ ...config, added_tokens_decoder: { ...listed, ...more } }));
  }
  const older = files.get("added_tokens.json");
  if (older !== undefined) {
    files.set(
      "added_tokens.json",
      encode({ ...(decode(older) as object), ...Object.fromEntries(added.map(({ id, content }) => [content, id])) }),
    );
  }
  return tokenizerOf(files, { truncation: tokenizer.truncation });
}
