/**
 * Settings of `tokenizer_config.json` that change ids or text, put into `tokenizer.json`, as transformers' fast tokenizers do
 * when they load the two. What they would do and this cannot is refused by the name of the setting.
 */
import { FormatError } from "@cambium/base";
import { vocabularyOf } from "./tokenizer/models.ts";
import type { AddedToken, NamedToken, Part, TokenizerConfig, TokenizerJson } from "./tokenizer-json.ts";

/** Classes that take only `tokenizer.json` for the text. */
const PLAIN = ["PreTrainedTokenizer", "TokenizersBackend"];

/** Classes that set every switch of BERT's normalizer, to these where the config is silent. */
const BERT =
  /^(Bert|ConvBert|DistilBert|Electra|Funnel|LayoutLM|Lxmert|MobileBert|MPNet|Splinter|SqueezeBert)Tokenizer$/;
const bertDefaults = { lowercase: true, strip_accents: null, handle_chinese_chars: true };

/** Classes that put no space in front where the config is silent. */
const BYTES = /^(Bart|GPT2|LED|Longformer|Roberta)Tokenizer$/;

/** Classes that do not read `do_lower_case` and `strip_accents`. */
const CASE_BLIND = /^(Bart|GPT2|LED|Llama|Longformer|Roberta|T5)Tokenizer$/;

function refuse(setting: string, problem: string): FormatError {
  return new FormatError({
    message: `createTokenizer: tokenizer_config.json says ${setting}, ${problem}; save the tokenizer again in Python, or remove the setting`,
    setting,
  });
}

/** A part of `tokenizer.json`, and those that it is a sequence of. */
function partsOf(whole: Part | null | undefined): Part[] {
  if (whole == null) return [];
  const inner = [whole["normalizers"], whole["pretokenizers"], whole["processors"]].find(Array.isArray);
  return inner === undefined ? [whole] : (inner as Part[]).flatMap(partsOf);
}

const has = (whole: Part | null | undefined, type: string): boolean =>
  partsOf(whole).some((inner) => inner.type === type);

function normalizerOf({ normalizer }: TokenizerJson, config: TokenizerConfig, kind: string): Part | null {
  const { do_lower_case: lower, strip_accents: strip, tokenize_chinese_chars: chinese } = config;
  if (normalizer?.type === "BertNormalizer") {
    return {
      ...normalizer,
      ...(BERT.test(kind) && bertDefaults),
      ...(lower != null && { lowercase: lower }),
      ...(strip !== undefined && { strip_accents: strip }),
      ...(chinese != null && { handle_chinese_chars: chinese }),
    };
  }
  const where = "and the normalizer of tokenizer.json says otherwise";
  if (!CASE_BLIND.test(kind)) {
    if (lower != null && lower !== has(normalizer, "Lowercase")) throw refuse(`"do_lower_case": ${lower}`, where);
    if (strip != null && strip !== has(normalizer, "StripAccents")) throw refuse(`"strip_accents": ${strip}`, where);
  }
  return normalizer ?? null;
}

/** Whether a space is put in front of a text; `undefined` when nothing here speaks of it. */
function putsSpace({ normalizer, pre_tokenizer: pre }: TokenizerJson): boolean | undefined {
  if (has(normalizer, "Prepend")) return true;
  for (const { type, add_prefix_space: space, prepend_scheme: scheme } of partsOf(pre)) {
    if (type === "ByteLevel") return space === true;
    if (type === "Metaspace") return scheme === undefined ? space !== false : scheme !== "never";
  }
  return undefined;
}

function preTokenizerOf(json: TokenizerJson, { add_prefix_space: given }: TokenizerConfig, kind: string): Part | null {
  const { pre_tokenizer: pre } = json;
  if (pre?.type === "ByteLevel") {
    const space = given ?? (BYTES.test(kind) ? false : pre["add_prefix_space"]);
    return { ...pre, add_prefix_space: space };
  }
  const puts = putsSpace(json);
  if (given != null && puts !== undefined && given !== puts) {
    throw refuse(`"add_prefix_space": ${given}`, "and tokenizer.json says otherwise");
  }
  return pre ?? null;
}

const asAdded = (named: NamedToken): { readonly content: string } =>
  typeof named === "string" ? { content: named } : named;

/** Tokens that the config adds: those of the vocabulary become tokens that no text is split inside of. */
function addedTokensOf(json: TokenizerJson, config: TokenizerConfig): AddedToken[] {
  let known: ReadonlyMap<string, number> | undefined;
  const idOf = (content: string): number | undefined => {
    known ??= vocabularyOf(json.model); // most files have all of them already
    return known.get(content);
  };
  const added = new Map(json.added_tokens.map((each) => [each.content, each]));
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
  function add(setting: string, tokens: Iterable<{ readonly content: string }>, more: object = {}): void {
    for (const each of tokens) {
      if (added.has(each.content)) continue;
      const id = idOf(each.content);
      if (id !== undefined) added.set(each.content, { ...flags, ...each, ...more, id });
      else if (setting !== "") {
        throw refuse(`"${setting}" with ${JSON.stringify(each.content)}`, "which tokenizer.json lacks");
      }
    }
  }
  const { pad_token, unk_token, cls_token, sep_token, mask_token, bos_token, eos_token } = config;
  const named = [pad_token, unk_token, cls_token, sep_token, mask_token, bos_token, eos_token];
  const special = { special: true };
  add("", named.filter((each) => each != null).map(asAdded), special); // an absent one is another error
  add("added_tokens_decoder", Object.values(config.added_tokens_decoder ?? {}));
  for (const setting of ["additional_special_tokens", "extra_special_tokens"] as const) {
    add(setting, Object.values(config[setting] ?? {}).map(asAdded), special);
  }
  return [...added.values()];
}

/**
 * `tokenizer.json` as it is meant beside this config.
 *
 * @throws {FormatError} For a setting that changes ids and cannot be followed, by its name.
 */
export function applySettings(json: TokenizerJson, config: TokenizerConfig): TokenizerJson {
  if (config.split_special_tokens === true) {
    throw refuse('"split_special_tokens": true', "which nothing here does");
  }
  const kind = (config.tokenizer_class ?? "").replace(/Fast$/, "");
  const isPlain = PLAIN.includes(kind);
  return {
    ...json,
    added_tokens: addedTokensOf(json, config),
    normalizer: isPlain ? (json.normalizer ?? null) : normalizerOf(json, config, kind),
    pre_tokenizer: isPlain ? (json.pre_tokenizer ?? null) : preTokenizerOf(json, config, kind),
  };
}

/** Whether decoded text is cleaned up: transformers leaves byte-level and other BPE vocabularies alone, whatever is said. */
export function cleansUp({ model }: TokenizerJson, config: TokenizerConfig): boolean {
  return config.clean_up_tokenization_spaces === true && model.type !== "BPE";
}
