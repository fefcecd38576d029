/**
 * How byte-level vocabularies cut text into words, by the names that llama.cpp gives: `tokenizer.ggml.pre`. The patterns are those of
 * the models' own `tokenizer.json`. A name that is not here cuts in another way, and with it the ids would be others.
 */

/** What a name means. */
export interface PreTokenizer {
  readonly normalizer: object | null;
  readonly pre_tokenizer: object;
  /** Whether a word that is a token is taken as it is, whatever the merges make of it. */
  readonly ignoreMerges: boolean;
  /** Whether a text begins with the BOS token where the file does not say. */
  readonly addsBos: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const LETTERS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const REST = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const SIGNS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
const [UPPER, LOWER] = ["[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"];
const TEKKEN_LETTERS = `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*`;

const bytes = (usesRegex: boolean): object => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: usesRegex,
});

const sequence = (...pretokenizers: readonly object[]): object => ({ type: "Sequence", pretokenizers });

const split = (pattern: string): object =>
  sequence({ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false }, bytes(false));

const plain = { normalizer: null, ignoreMerges: false, addsBos: false };

const gpt2: PreTokenizer = { ...plain, pre_tokenizer: bytes(true) };
const digits: PreTokenizer = {
  ...plain,
  pre_tokenizer: sequence({ type: "Digits", individual_digits: true }, bytes(true)),
};
const llama3: PreTokenizer = {
  ...plain,
  pre_tokenizer: split(`${CONTRACTIONS}|${LETTERS}|\\p{N}{1,3}|${SIGNS}|${REST}`),
  ignoreMerges: true,
  addsBos: true,
};
const tekken: PreTokenizer = {
  ...plain,
  pre_tokenizer: split(`${TEKKEN_LETTERS}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${REST}`),
  ignoreMerges: true,
  addsBos: true,
};
const qwen2: PreTokenizer = {
  ...plain,
  normalizer: { type: "NFC" },
  pre_tokenizer: split(`${CONTRACTIONS}|${LETTERS}|\\p{N}|${SIGNS}|${REST}`),
};

/** By name. Where several mean the same, the first is written. */
export const preTokenizers: ReadonlyMap<string, PreTokenizer> = new Map([
  ["gpt-2", gpt2],
  ["phi-2", gpt2],
  ["smollm", digits],
  ["starcoder", digits],
  ["llama-bpe", llama3],
  ["llama3", llama3],
  ["llama-v3", llama3],
  ["tekken", tekken],
  ["qwen2", qwen2],
  ["deepseek-r1-qwen", qwen2],
]);
