import { ConfigError, FormatError } from "@cambium/base";
import type { TokenizerConfig } from "./tokenizer-json.ts";

/** Ids of the tokens with a purpose, of those that the tokenizer has. */
export interface SpecialTokens {
  /** Fills rows of a batch to one length. */
  readonly pad?: number;
  /** Stands for what the vocabulary lacks. */
  readonly unknown?: number;
  /** Stands in front; classifiers read it. */
  readonly classification?: number;
  /** Ends each text. */
  readonly separator?: number;
  /** Hides a word. */
  readonly mask?: number;
  /** Begins a text, where a language model was trained so. */
  readonly bos?: number;
  /** Ends a text: a language model that gives it has finished. */
  readonly eos?: number;
}

/** Purposes of special tokens. */
export type Purpose = keyof SpecialTokens;

type Key = "pad_token" | "unk_token" | "cls_token" | "sep_token" | "mask_token" | "bos_token" | "eos_token";

/** Keys of `tokenizer_config.json`, and names that are looked for where it is silent: those of BERT, RoBERTa and GPT-2. */
const names: Readonly<Record<Purpose, readonly [key: Key, ...names: string[]]>> = {
  pad: ["pad_token", "[PAD]", "<pad>"],
  unknown: ["unk_token", "[UNK]", "<unk>", "<|endoftext|>"],
  classification: ["cls_token", "[CLS]", "<s>"],
  separator: ["sep_token", "[SEP]", "</s>"],
  mask: ["mask_token", "[MASK]", "<mask>"],
  bos: ["bos_token", "<|endoftext|>"],
  eos: ["eos_token", "<|endoftext|>"],
};

/**
 * The tokens that the config names; of a config that names none, those with usual names.
 *
 * @throws {FormatError} When the vocabulary lacks a token that the config names.
 */
export function findSpecialTokens(idOf: (token: string) => number | undefined, config: TokenizerConfig): SpecialTokens {
  const isSilent = Object.values(names).every(([key]) => config[key] === undefined);
  const found: { [P in Purpose]?: number } = {};
  for (const [purpose, [key, ...usual]] of Object.entries(names) as [Purpose, (typeof names)[Purpose]][]) {
    const given = config[key];
    const name = given == null ? undefined : typeof given === "string" ? given : given.content;
    const candidates = name === undefined ? (isSilent ? usual : []) : [name];
    const id = candidates.map(idOf).find((candidate) => candidate !== undefined);
    if (id !== undefined) found[purpose] = id;
    else if (name !== undefined) {
      throw new FormatError({
        message: `createTokenizer: the vocabulary has no ${purpose} token (${name}), which "${key}" in tokenizer_config.json names`,
        purpose,
      });
    }
  }
  return found;
}

/** Texts of special tokens by their keys in the config, as chat templates read them. */
export function specialTexts(
  config: TokenizerConfig,
  special: SpecialTokens,
  textOf: (id: number) => string | undefined,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [purpose, [key]] of Object.entries(names) as [Purpose, (typeof names)[Purpose]][]) {
    const given = config[key];
    const id = special[purpose];
    const text = given == null ? id !== undefined && textOf(id) : typeof given === "string" ? given : given.content;
    if (typeof text === "string") texts[key] = text;
  }
  return texts;
}

/**
 * The id of a token that something needs.
 *
 * @param what - What needs it, for the message, such as `collate: row 3`.
 * @throws {ConfigError} When the tokenizer has none.
 */
export function needToken({ special }: { readonly special: SpecialTokens }, purpose: Purpose, what: string): number {
  const id = special[purpose];
  if (id !== undefined) return id;
  throw new ConfigError({
    message: `${what} needs a ${purpose} token, and the tokenizer has none; name it as "${names[purpose][0]}" in tokenizer_config.json`,
    purpose,
  });
}
