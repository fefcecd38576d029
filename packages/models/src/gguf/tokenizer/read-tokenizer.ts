/** From a GGUF file's metadata to the contents of `tokenizer.json` and `tokenizer_config.json`. */
import type { GgufFile } from "../checkpoint.ts";
import { readByteLevel } from "./byte-level.ts";
import { readSentencePiece } from "./sentence-piece.ts";
import { readVocabulary, tokenTypes, type Vocabulary } from "./vocabulary.ts";

/** What the two kinds of vocabularies differ in. */
export interface TokenizerParts {
  readonly normalizer: object | null;
  readonly pre_tokenizer: object | null;
  readonly decoder: object;
  readonly model: Readonly<Record<string, unknown>>;
  /** Whether a text begins with the BOS token where the file does not say. */
  readonly addsBos: boolean;
}

/** The two files, parsed. */
export interface TokenizerContents {
  readonly json: object;
  readonly config: object;
}

/**
 * The tokenizer of a file.
 *
 * @throws {FormatError} When the file has none, it contradicts itself, or it says what cannot be followed; the key is named.
 */
export function readGgufTokenizer({ files, name, header: { metadata } }: GgufFile): TokenizerContents {
  const vocabulary = readVocabulary(metadata, `"${name}" in ${files.location}`);
  const parts = partsOf(vocabulary, metadata.get("general.architecture"));
  const { tokens, flag, refuse } = vocabulary;
  if (flag("add_sep_token") === true) throw refuse("add_sep_token", "is true, which is not supported");
  if (metadata.has("tokenizer.ggml.precompiled_charsmap")) {
    throw refuse("precompiled_charsmap", "changes texts before they are read, which is not supported");
  }
  const special = specialOf(vocabulary);
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary, Object.values(special)),
    normalizer: parts.normalizer,
    pre_tokenizer: parts.pre_tokenizer,
    post_processor: postProcessor(vocabulary, special, parts.addsBos),
    decoder: parts.decoder,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      ...parts.model,
    },
  };
  return { json, config: configOf(vocabulary, special) };
}

function partsOf(vocabulary: Vocabulary, architecture: unknown): TokenizerParts {
  const { model, refuse } = vocabulary;
  if (model === "gpt2") return readByteLevel(vocabulary, architecture);
  if (model === "llama") return readSentencePiece(vocabulary);
  throw refuse(
    "model",
    `is "${model}", and gpt2 and llama are read; take the tokenizer of the model that the file was made of`,
  );
}

/** llama.cpp takes the first three tokens of SentencePiece's vocabularies for these where the file does not say. */
function specialOf({ model, special, tokens }: Vocabulary): Vocabulary["special"] {
  return model === "llama" && tokens.length > 2 ? { unknown: 0, bos: 1, eos: 2, ...special } : special;
}

/** Tokens that no text is split inside of. */
function addedTokens({ tokens, types }: Vocabulary, named: readonly number[]): object[] {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const isSpecial = (id: number): boolean =>
    types[id] === tokenTypes.control || types[id] === tokenTypes.unknown || named.includes(id);
  return tokens.flatMap((content, id) =>
    isSpecial(id) || types[id] === tokenTypes.userDefined ? [{ id, content, ...flags, special: isSpecial(id) }] : [],
  );
}

/** What puts BOS in front of a text and EOS behind it. */
function postProcessor(vocabulary: Vocabulary, special: Vocabulary["special"], addsBos: boolean): object | null {
  const { flag, tokens, refuse } = vocabulary;
  const used: [token: string, id: number][] = [];

  function template(purpose: "bos" | "eos", isAdded: boolean): ((type: number) => object)[] {
    const id = special[purpose];
    if (!isAdded || (id === undefined && flag(`add_${purpose}_token`) === undefined)) return [];
    if (id === undefined) throw refuse(`add_${purpose}_token`, "is true, and the file names no such token");
    used.push([tokens[id]!, id]);
    return [(type) => ({ SpecialToken: { id: tokens[id]!, type_id: type } })];
  }

  const before = template("bos", flag("add_bos_token") ?? addsBos);
  const after = template("eos", flag("add_eos_token") ?? false);
  if (used.length === 0) return null;
  const text = (name: "A" | "B", type: number): object[] => [
    ...before.map((make) => make(type)),
    { Sequence: { id: name, type_id: type } },
    ...after.map((make) => make(type)),
  ];
  return {
    type: "TemplateProcessing",
    single: text("A", 0),
    pair: [...text("A", 0), ...text("B", 1)],
    special_tokens: Object.fromEntries(used.map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }])),
  };
}

const keys = { bos: "bos_token", eos: "eos_token", unknown: "unk_token", pad: "pad_token" } as const;

function configOf({ tokens, templates }: Vocabulary, special: Vocabulary["special"]): object {
  const named = (Object.entries(special) as [keyof typeof keys, number][]).map(([purpose, id]) => [
    keys[purpose],
    tokens[id],
  ]);
  const isPlain = templates.length === 1 && templates[0]!.name === "default";
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...Object.fromEntries(named),
    clean_up_tokenization_spaces: false,
    model_input_names: ["input_ids", "attention_mask"],
    ...(templates.length > 0 && { chat_template: isPlain ? templates[0]!.template : templates }),
  };
}
