import { SPECIAL_PIECES } from "./wordpiece.ts";

const template = (...pieces: readonly string[]): readonly object[] =>
  pieces.map((piece) => {
    const [id = "", type = "0"] = piece.split(":");
    return id === "A" || id === "B"
      ? { Sequence: { id, type_id: Number(type) } }
      : { SpecialToken: { id, type_id: Number(type) } };
  });

/**
 * A lower-cased BERT tokeniser in the format of Hugging Face's `tokenizer.json`.
 *
 * @param pieces - The vocabulary, by id; the special pieces come first.
 */
export function tokenizerJson(pieces: readonly string[]): string {
  const special = Object.fromEntries(
    ["[CLS]", "[SEP]"].map((piece) => [piece, { id: piece, ids: [SPECIAL_PIECES.indexOf(piece)], tokens: [piece] }]),
  );
  const added = SPECIAL_PIECES.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: template("[CLS]", "A", "[SEP]"),
      pair: template("[CLS]", "A", "[SEP]", "B:1", "[SEP]:1"),
      special_tokens: special,
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    },
  });
}

/** The file beside it that names the tokeniser's class for transformers. */
export function tokenizerConfigJson(maxLength: number): string {
  return JSON.stringify({
    tokenizer_class: "BertTokenizer",
    do_lower_case: true,
    model_max_length: maxLength,
    pad_token: "[PAD]",
    unk_token: "[UNK]",
    cls_token: "[CLS]",
    sep_token: "[SEP]",
    mask_token: "[MASK]",
  });
}
