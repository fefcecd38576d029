/** One byte-level vocabulary for the decoder and the encoder-decoder, and the tokenizer's files of each. */
import { memory, result } from "@cambium/base";
import { loadTokenizer, type Tokenizer, trainByteLevelBpe } from "@cambium/models";
import type { Vocabulary } from "./text.ts";

const PAD = "<pad>";
/** Ends every text. */
const END = "</s>";
const TURN_START = "<|im_start|>";
const TURN_END = "<|im_end|>";
/** Spans of a text that can be hidden. */
export const MOST_SPANS = 32;
/** Stands for a hidden span, from 0. */
const sentinel = (index: number): string => `<extra_id_${index}>`;

/** Tokens with a meaning, at the first ids of every such vocabulary. */
export const BYTE_SPECIAL: readonly string[] = [
  PAD,
  END,
  TURN_START,
  TURN_END,
  ...Array.from({ length: MOST_SPANS }, (_, i) => sentinel(i)),
];

export const PAD_ID: number = BYTE_SPECIAL.indexOf(PAD);
export const END_ID: number = BYTE_SPECIAL.indexOf(END);
export const TURN_END_ID: number = BYTE_SPECIAL.indexOf(TURN_END);
/** Id of the first sentinel; the others follow. */
export const SENTINEL_ID: number = BYTE_SPECIAL.indexOf(sentinel(0));

/** Contents of a tokenizer's files by name. */
export type TokenizerFiles = Readonly<Record<string, string>>;

const text = (file: Uint8Array | undefined): string => new TextDecoder().decode(file);

/** What stands in `tokenizer_config.json` beside the special tokens. */
const CLASS = { tokenizer_class: "PreTrainedTokenizerFast", clean_up_tokenization_spaces: false } as const;

/** A vocabulary of bytes and merges. The separator of documents is the end of a text. */
export async function trainByteVocabulary(documents: readonly string[], size: number): Promise<Vocabulary> {
  const { tokenizer } = await result(trainByteLevelBpe(documents, { size, special: BYTE_SPECIAL, leastCount: 2 }));
  const files = {
    "tokenizer.json": text(tokenizer.files.get("tokenizer.json")),
    "tokenizer_config.json": JSON.stringify({ ...CLASS, eos_token: END, pad_token: PAD }),
  };
  return { tokenizer: await tokenizerOf(files), files, separator: END_ID };
}

/** The files of a decoder that chats: a turn's end is where it stops. */
export function chatFiles(files: TokenizerFiles, chat_template: string): TokenizerFiles {
  const config = { ...CLASS, eos_token: TURN_END, pad_token: PAD, chat_template };
  const ends = { eos_token_id: [TURN_END_ID, END_ID], pad_token_id: PAD_ID };
  return {
    ...files,
    "tokenizer_config.json": JSON.stringify(config),
    "generation_config.json": JSON.stringify(ends),
  };
}

/** The files of a T5: every text ends with the token that says so. */
export function spanFiles(files: TokenizerFiles): TokenizerFiles {
  const json = JSON.parse(files["tokenizer.json"]!) as object;
  const sequence = (id: "A" | "B") => ({ Sequence: { id, type_id: 0 } });
  const end = { SpecialToken: { id: END, type_id: 0 } };
  const post_processor = {
    type: "TemplateProcessing",
    single: [sequence("A"), end],
    pair: [sequence("A"), end, sequence("B"), end],
    special_tokens: { [END]: { id: END, ids: [END_ID], tokens: [END] } },
  };
  return { ...files, "tokenizer.json": JSON.stringify({ ...json, post_processor }) };
}

/** A tokenizer from its files' contents. */
export const tokenizerOf = (files: TokenizerFiles): Promise<Tokenizer> => loadTokenizer(memory({ ...files }));
