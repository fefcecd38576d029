/** The files of trained tokenizers, as Hugging Face's libraries read them. */
import type { Merged } from "./merges.ts";

/** Special tokens of BERT, at the ids 0 to 4. */
export const wordPieceTokens: readonly string[] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** `tokenizer.json` and `tokenizer_config.json`. */
export interface TokenizerContents {
  readonly json: { readonly normalizer: Part | null; readonly pre_tokenizer: Part; readonly [key: string]: unknown };
  readonly config: Readonly<Record<string, unknown>>;
}

interface Part {
  readonly type: string;
  readonly [setting: string]: unknown;
}

const addedTokens = (special: readonly string[]): object[] =>
  special.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));

const vocabulary = (pieces: readonly string[]): Record<string, number> =>
  Object.fromEntries(pieces.map((piece, id) => [piece, id]));

const text = (id: "A" | "B", type: number): object => ({ Sequence: { id, type_id: type } });
const token = (id: string, type: number): object => ({ SpecialToken: { id, type_id: type } });

/** A tokenizer as BERT's. */
export function wordPieceJson(
  pieces: readonly string[],
  special: readonly string[],
  lowercase: boolean,
): TokenizerContents {
  const single = [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)];
  return {
    json: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: addedTokens(special),
      normalizer: {
        type: "BertNormalizer",
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase,
      },
      pre_tokenizer: { type: "BertPreTokenizer" },
      post_processor: {
        type: "TemplateProcessing",
        single,
        pair: [...single, text("B", 1), token("[SEP]", 1)],
        special_tokens: Object.fromEntries(
          ["[CLS]", "[SEP]"].map((each) => [each, { id: each, ids: [special.indexOf(each)], tokens: [each] }]),
        ),
      },
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      model: {
        type: "WordPiece",
        unk_token: "[UNK]",
        continuing_subword_prefix: "##",
        max_input_chars_per_word: 100,
        vocab: vocabulary(pieces),
      },
    },
    config: {
      tokenizer_class: "BertTokenizer",
      do_lower_case: lowercase,
      pad_token: "[PAD]",
      unk_token: "[UNK]",
      cls_token: "[CLS]",
      sep_token: "[SEP]",
      mask_token: "[MASK]",
    },
  };
}

/** A tokenizer as GPT-2's. */
export function byteLevelJson(
  { pieces, merges }: Merged,
  special: readonly string[],
  space: boolean,
): TokenizerContents {
  const [end] = special;
  const bytes = { type: "ByteLevel", add_prefix_space: space, trim_offsets: true, use_regex: true };
  return {
    json: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: addedTokens(special),
      normalizer: null,
      pre_tokenizer: bytes,
      post_processor: { ...bytes, trim_offsets: false },
      decoder: bytes,
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: vocabulary(pieces),
        merges,
      },
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      ...(end !== undefined && { bos_token: end, eos_token: end, pad_token: end }),
    },
  };
}
