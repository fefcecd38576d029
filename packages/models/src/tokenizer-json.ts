/** What is looked at of `tokenizer.json` and `tokenizer_config.json`: every other key is left to the library, or means nothing. */
import * as z from "zod";

/** A step of a tokenizer, with settings of its kind. */
export interface Part {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/** A token that no text is split inside of. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly [flag: string]: unknown;
}

/** A token by its text, or with flags. */
export type NamedToken = string | { readonly content: string; readonly [flag: string]: unknown };

/** `tokenizer.json`, as far as it is looked at. */
export interface TokenizerJson {
  readonly model: {
    readonly type?: string | null | undefined;
    readonly vocab: Readonly<Record<string, number>> | readonly unknown[];
    readonly unk_token?: string | null | undefined;
    readonly unk_id?: number | null | undefined;
    readonly [setting: string]: unknown;
  };
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer?: Part | null | undefined;
  readonly pre_tokenizer?: Part | null | undefined;
  readonly post_processor?: Part | null | undefined;
  readonly [setting: string]: unknown;
}

type Maybe<T> = T | null | undefined;

/** `tokenizer_config.json` with `special_tokens_map.json`, as far as they are read. */
export interface TokenizerConfig {
  readonly tokenizer_class?: Maybe<string>;
  readonly do_lower_case?: Maybe<boolean>;
  readonly strip_accents?: Maybe<boolean>;
  readonly tokenize_chinese_chars?: Maybe<boolean>;
  readonly add_prefix_space?: Maybe<boolean>;
  readonly clean_up_tokenization_spaces?: Maybe<boolean>;
  readonly split_special_tokens?: Maybe<boolean>;
  readonly model_input_names?: Maybe<readonly string[]>;
  readonly truncation_side?: Maybe<"left" | "right">;
  readonly pad_token?: Maybe<NamedToken>;
  readonly unk_token?: Maybe<NamedToken>;
  readonly cls_token?: Maybe<NamedToken>;
  readonly sep_token?: Maybe<NamedToken>;
  readonly mask_token?: Maybe<NamedToken>;
  readonly bos_token?: Maybe<NamedToken>;
  readonly eos_token?: Maybe<NamedToken>;
  readonly additional_special_tokens?: Maybe<readonly NamedToken[] | Readonly<Record<string, NamedToken>>>;
  readonly extra_special_tokens?: Maybe<readonly NamedToken[] | Readonly<Record<string, NamedToken>>>;
  readonly chat_template?: Maybe<string | readonly { readonly name: string; readonly template: string }[]>;
  readonly added_tokens_decoder?: Maybe<Readonly<Record<string, { readonly content: string }>>>;
}

const part = z.looseObject({ type: z.string() });

/** Checked by hand: there are hundreds of thousands of tokens. */
function isVocabulary(vocab: unknown): boolean {
  if (Array.isArray(vocab)) return true;
  return typeof vocab === "object" && vocab !== null && Object.values(vocab).every((id) => Number.isInteger(id));
}

const jsonSchema = z.looseObject({
  model: z.looseObject({
    type: z.string().nullish(),
    vocab: z.custom<TokenizerJson["model"]["vocab"]>(isVocabulary, "ids by token, or a list of pieces"),
    unk_token: z.string().nullish(),
    unk_id: z.int().nullish(),
  }),
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })),
  normalizer: part.nullish(),
  pre_tokenizer: part.nullish(),
  post_processor: part.nullish(),
});

const flag = z.boolean().nullish();
const token = z.union([z.string(), z.looseObject({ content: z.string() })]);
const tokens = z.union([z.array(token), z.record(z.string(), token)]).nullish();

const configSchema = z.looseObject({
  tokenizer_class: z.string().nullish(),
  do_lower_case: flag,
  strip_accents: flag,
  tokenize_chinese_chars: flag,
  add_prefix_space: flag,
  clean_up_tokenization_spaces: flag,
  split_special_tokens: flag,
  model_input_names: z.array(z.string()).nullish(),
  truncation_side: z.enum(["left", "right"]).nullish(),
  pad_token: token.nullish(),
  unk_token: token.nullish(),
  cls_token: token.nullish(),
  sep_token: token.nullish(),
  mask_token: token.nullish(),
  bos_token: token.nullish(),
  eos_token: token.nullish(),
  additional_special_tokens: tokens,
  extra_special_tokens: tokens,
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
  added_tokens_decoder: z.record(z.string(), z.looseObject({ content: z.string() })).nullish(),
});

/** Both files, checked. Throws zod's errors. */
export function parseTokenizerFiles(
  json: unknown,
  config: unknown,
): { readonly json: TokenizerJson; readonly config: TokenizerConfig } {
  return { json: jsonSchema.parse(json), config: configSchema.parse(config) };
}
