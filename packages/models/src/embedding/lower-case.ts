import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import { type Part, parseTokenizerFiles } from "../tokenizer-json.ts";
import { applySettings } from "../tokenizer-settings.ts";

/** A normalizer, and those that it is a sequence of. */
function partsOf(normalizer: Part | null | undefined): readonly Part[] {
  if (normalizer == null) return [];
  return (normalizer["normalizers"] as readonly Part[] | undefined)?.flatMap(partsOf) ?? [normalizer];
}

const made = new WeakMap<Tokenizer, Tokenizer>();

/**
 * The same tokenizer, which puts texts into lower case first, as sentence-transformers does where a folder's `do_lower_case`
 * says so. Special tokens inside of texts stay as they are. Made once for each tokenizer.
 */
export function lowerCased(tokenizer: Tokenizer): Tokenizer {
  const before = made.get(tokenizer);
  if (before !== undefined) return before;
  const read = (name: string): object => {
    const bytes = tokenizer.files.get(name);
    return bytes === undefined ? {} : (JSON.parse(new TextDecoder().decode(bytes)) as object);
  };
  const given = { ...read("special_tokens_map.json"), ...read("tokenizer_config.json") };
  const parsed = parseTokenizerFiles(read("tokenizer.json"), given);
  // The config's own settings are put into the JSON here, since they count on the normalizer as it was.
  const json = applySettings(parsed.json, parsed.config);
  const parts = partsOf(json.normalizer);
  const isLow = parts.some((part) => part.type === "Lowercase" || part["lowercase"] === true);
  const {
    tokenizer_class: _class,
    do_lower_case: _lower,
    strip_accents: _strip,
    tokenize_chinese_chars: _chinese,
    add_prefix_space: _space,
    ...config
  } = parsed.config;
  const normalizer = { type: "Sequence", normalizers: [{ type: "Lowercase" }, ...parts] };
  const lower = isLow
    ? tokenizer
    : createTokenizer({ ...json, normalizer }, config, { truncation: tokenizer.truncation });
  made.set(tokenizer, lower);
  return lower;
}
