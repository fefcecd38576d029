/**
 * From a tokenizer's files to the metadata of a GGUF file. What such a file cannot say is refused: its reader would give other ids.
 */
import { ConfigError, canonicalJson } from "@cambium/base";
import type { Tokenizer } from "../../tokenizer.ts";
import { type Part, parseTokenizerFiles, type TokenizerConfig, type TokenizerJson } from "../../tokenizer-json.ts";
import { applySettings } from "../../tokenizer-settings.ts";
import type { GgufEntry } from "../format.ts";
import { preTokenizers } from "./pre-tokenizers.ts";
import { BLANK, mergesOf } from "./sentence-piece.ts";
import { tokenTypes } from "./vocabulary.ts";

/** What is written of a tokenizer. */
export type WrittenTokenizer = Pick<Tokenizer, "files" | "special" | "vocabularySize">;

function refuse(problem: string): ConfigError {
  return new ConfigError({ message: `saveGguf: the tokenizer ${problem}, which GGUF files cannot say` });
}

/**
 * The metadata of a tokenizer.
 *
 * @param rows - Of the model's word embeddings: what the vocabulary lacks of them is filled up with unused tokens.
 * @throws {ConfigError} When it cannot be said, or has more tokens than there are rows.
 */
export function writeTokenizer({ files, special, vocabularySize }: WrittenTokenizer, rows: number): GgufEntry[] {
  if (vocabularySize > rows) {
    throw new ConfigError({
      message: `saveGguf: the tokenizer has ${vocabularySize} tokens, the model embeds ${rows}; pass the tokenizer that the model was trained with`,
      vocabularySize,
    });
  }
  const { json, config } = readFiles(files);
  if (json.model.type !== "BPE" || Array.isArray(json.model.vocab)) throw refuse(`is of the kind ${json.model.type}`);
  const pieces =
    json.model["byte_fallback"] === true || has(json.pre_tokenizer, "Metaspace") ? piecesOf(json) : undefined;
  const tokens = tokensOf(json, rows);
  const kind = pieces === undefined ? byteLevelEntries(json) : pieces(tokens);
  const key = (name: string): string => `tokenizer.ggml.${name}`;
  const ends = endsOf(json.post_processor);
  const purposes = { bos: "bos", eos: "eos", unknown: "unknown", pad: "padding" } as const;
  const ids = Object.entries(purposes).flatMap(([purpose, name]): GgufEntry[] => {
    const id = special[purpose as keyof typeof purposes];
    return id === undefined ? [] : [[key(`${name}_token_id`), "UINT32", id]];
  });
  return [
    ...kind,
    [key("tokens"), "STRING", tokens],
    [key("token_type"), "INT32", typesOf(json, tokens, special.unknown, pieces !== undefined)],
    ...ids,
    [key("add_bos_token"), "BOOL", checkEnd(ends.before, special.bos, json)],
    [key("add_eos_token"), "BOOL", checkEnd(ends.after, special.eos, json)],
    ...templateEntries(files, config),
  ];
}

function readFiles(files: Tokenizer["files"]): { readonly json: TokenizerJson; readonly config: TokenizerConfig } {
  const read = (name: string): unknown => {
    const bytes = files.get(name);
    return bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
  };
  const map = (read("special_tokens_map.json") ?? {}) as object;
  const parsed = parseTokenizerFiles(read("tokenizer.json"), {
    ...map,
    ...((read("tokenizer_config.json") ?? {}) as object),
  });
  return { json: applySettings(parsed.json, parsed.config), config: parsed.config };
}

/** A part, and those that it is a sequence of. */
function flat(part: Part | null | undefined): Part[] {
  if (part == null) return [];
  const inner = ["normalizers", "pretokenizers", "processors", "decoders"].map((key) => part[key]).find(Array.isArray);
  return inner === undefined ? [part] : (inner as Part[]).flatMap(flat);
}

const has = (part: Part | null | undefined, type: string): boolean => flat(part).some((each) => each.type === type);

/** What a part has where a file is silent. */
const defaults: Readonly<Record<string, object>> = { ByteLevel: { use_regex: true }, Split: { invert: false } };

/** Parts without what changes no ids. */
const essence = (part: Part | null | undefined): string =>
  canonicalJson(flat(part).map(({ trim_offsets: _, ...each }) => ({ ...defaults[each.type], ...each })) as never);

function byteLevelEntries({ normalizer, pre_tokenizer: pre, model }: TokenizerJson): GgufEntry[] {
  const found = [...preTokenizers].find(
    ([, each]) =>
      essence(each.pre_tokenizer as Part) === essence(pre) &&
      essence(each.normalizer as Part | null) === essence(normalizer) &&
      each.ignoreMerges === (model["ignore_merges"] === true),
  );
  if (found === undefined)
    throw refuse(`cuts texts into words as none of ${[...preTokenizers.keys()].join(", ")} does`);
  return [
    ["tokenizer.ggml.model", "STRING", "gpt2"],
    ["tokenizer.ggml.pre", "STRING", found[0]],
    ["tokenizer.ggml.merges", "STRING", pairsOf(model).map((pair) => pair.join(" "))],
  ];
}

function pairsOf(model: TokenizerJson["model"]): readonly (readonly [string, string])[] {
  const merges = (model["merges"] ?? []) as readonly (string | readonly [string, string])[];
  return merges.map((merge) => (typeof merge === "string" ? (merge.split(" ") as [string, string]) : merge));
}

/** Checks a vocabulary of SentencePiece's kind, and says its metadata once the tokens are known. */
function piecesOf({
  normalizer,
  pre_tokenizer: pre,
  model,
}: TokenizerJson): (tokens: readonly string[]) => GgufEntry[] {
  const replaces = canonicalJson({ type: "Replace", pattern: { String: " " }, content: BLANK });
  const steps = flat(normalizer).map((step) => canonicalJson(step as never));
  const prepends = canonicalJson({ type: "Prepend", prepend: BLANK });
  const isPlain = pre == null && (steps.join() === replaces || steps.join() === [prepends, replaces].join());
  if (!isPlain) throw refuse("puts blanks in front of texts in another way than LLaMA 2's");
  return (tokens) => [
    ["tokenizer.ggml.model", "STRING", "llama"],
    ["tokenizer.ggml.pre", "STRING", "default"],
    ["tokenizer.ggml.scores", "FLOAT32", scoresOf(tokens, pairsOf(model))],
    ["tokenizer.ggml.add_space_prefix", "BOOL", steps.length === 2],
  ];
}

/** Scores that mean these merges: the earlier a piece is made, the higher. */
function scoresOf(tokens: readonly string[], merges: readonly (readonly [string, string])[]): number[] {
  const ranks = new Map<string, number>();
  for (const [left, right] of merges) if (!ranks.has(left + right)) ranks.set(left + right, ranks.size + 1);
  const scores = tokens.map((token) => -(ranks.get(token) ?? ranks.size + 1));
  const shown = (pairs: readonly (readonly string[])[]): string => {
    const byPiece = new Map<string, string[]>();
    for (const pair of pairs) byPiece.set(pair.join(""), [...(byPiece.get(pair.join("")) ?? []), pair.join(" ")]);
    return canonicalJson([...byPiece].map(([piece, all]) => [piece, all.sort()]) as never);
  };
  if (shown(mergesOf(tokens, scores)) === shown(merges)) return scores;
  throw refuse("has merges that no scores of its tokens mean");
}

/** Every token by its id; ids without one are `[PAD<id>]`. */
function tokensOf({ model, added_tokens: added }: TokenizerJson, rows: number): string[] {
  const tokens: (string | undefined)[] = Array.from({ length: rows });
  for (const [token, id] of Object.entries(model.vocab as Readonly<Record<string, number>>)) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  return tokens.map((token, id) => token ?? `[PAD${id}]`);
}

function typesOf(
  { model, added_tokens: added, normalizer }: TokenizerJson,
  tokens: readonly string[],
  unknown: number | undefined,
  isPieces: boolean,
): number[] {
  const known = new Set(Object.values(model.vocab as Readonly<Record<string, number>>));
  const types: number[] = tokens.map((token, id) => {
    if (!known.has(id)) return tokenTypes.unused;
    return isPieces && /^<0x[0-9A-F]{2}>$/.test(token) ? tokenTypes.byte : tokenTypes.normal;
  });
  for (const { id, content, ...flags } of added) {
    const strange = ["lstrip", "rstrip", "single_word"].find((flag) => flags[flag] === true);
    if (strange !== undefined) throw refuse(`has "${strange}" for ${JSON.stringify(content)}`);
    if (flags["normalized"] === true && normalizer != null)
      throw refuse(`has "normalized" for ${JSON.stringify(content)}`);
    if (isPieces && id === unknown) types[id] = tokenTypes.unknown;
    else types[id] = flags["special"] === true ? tokenTypes.control : tokenTypes.userDefined;
  }
  return types;
}

/** Tokens in front of a text and behind it. */
interface Ends {
  readonly before: string | undefined;
  readonly after: string | undefined;
}

function endsOf(post: Part | null | undefined): Ends {
  const [part, ...more] = flat(post).filter(({ type }) => type !== "ByteLevel"); // which changes places, and no ids
  if (part === undefined) return { before: undefined, after: undefined };
  const single = part["single"] as readonly { readonly SpecialToken?: { readonly id: string } }[] | undefined;
  if (part.type !== "TemplateProcessing" || single === undefined || more.length > 0)
    throw refuse(`ends texts by ${[part, ...more].map(({ type }) => type).join(" and ")}`);
  const names = single.map(({ SpecialToken: token }) => token?.id);
  const at = names.indexOf(undefined);
  const [before, after] = [names.slice(0, at), names.slice(at + 1)];
  if (before.length > 1 || after.length > 1) throw refuse("puts several tokens in front of texts or behind them");
  return { before: before[0], after: after[0] };
}

/** Whether a token stands at an end; it must be the one with that purpose. */
function checkEnd(
  token: string | undefined,
  id: number | undefined,
  { model, added_tokens: added }: TokenizerJson,
): boolean {
  if (token === undefined) return false;
  const vocabulary = model.vocab as Readonly<Record<string, number>>;
  const own = added.find(({ content }) => content === token)?.id ?? vocabulary[token];
  if (own === id) return true;
  throw refuse(`puts ${JSON.stringify(token)} at an end of texts, and it is neither BOS in front nor EOS behind`);
}

function templateEntries(files: Tokenizer["files"], config: TokenizerConfig): GgufEntry[] {
  const key = "tokenizer.chat_template";
  const alone = files.get("chat_template.jinja");
  if (alone !== undefined) return [[key, "STRING", new TextDecoder().decode(alone)]];
  const { chat_template: template } = config as { readonly chat_template?: unknown };
  if (typeof template === "string") return [[key, "STRING", template]];
  if (!Array.isArray(template)) return [];
  return template.map(
    ({ name, template: text }): GgufEntry => [name === "default" ? key : `${key}.${name}`, "STRING", text],
  );
}
