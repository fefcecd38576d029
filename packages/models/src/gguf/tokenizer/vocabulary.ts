/** A file's vocabulary, checked: the metadata whose keys begin with `tokenizer`. */
import { FormatError } from "@cambium/base";
import type { GgufValue } from "../values.ts";

/** What a token is for, by the number in the file. */
export const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** What a file says of its tokenizer. */
export interface Vocabulary {
  /** `gpt2` for byte-level vocabularies, `llama` for those of SentencePiece. */
  readonly model: string;
  readonly pre: string | undefined;
  /** By id, each once. */
  readonly tokens: readonly string[];
  /** One of `tokenTypes` for each token. */
  readonly types: readonly number[];
  readonly scores: readonly number[] | undefined;
  /** Two tokens with a blank between them, the first to be merged first. */
  readonly merges: readonly string[] | undefined;
  /** Tokens with a purpose. */
  readonly special: { readonly bos?: number; readonly eos?: number; readonly unknown?: number; readonly pad?: number };
  /** Settings that are true or false, such as `add_bos_token`, where the file has them. */
  flag(key: string): boolean | undefined;
  /** The chat template, by name where there are several. */
  readonly templates: readonly { readonly name: string; readonly template: string }[];
  /** The error of metadata that cannot be followed. */
  refuse(key: string, problem: string): FormatError;
}

/** Kinds of values. */
interface Kinds {
  readonly string: string;
  readonly boolean: boolean;
  readonly number: number;
}

function isOf<Kind extends keyof Kinds>(value: unknown, kind: Kind): value is Kinds[Kind] {
  const is = {
    string: typeof value === "string",
    boolean: typeof value === "boolean",
    number: typeof value === "number",
  };
  return is[kind];
}

const ids = { bos: "bos_token_id", eos: "eos_token_id", unknown: "unknown_token_id", pad: "padding_token_id" } as const;

/**
 * Reads a file's vocabulary.
 *
 * @param location - Of the file, for messages.
 * @throws {FormatError} When there is none, or it contradicts itself.
 */
export function readVocabulary(metadata: ReadonlyMap<string, GgufValue>, location: string): Vocabulary {
  const full = (key: string): string => `tokenizer.ggml.${key}`;

  function refuse(key: string, problem: string): FormatError {
    return new FormatError({
      message: `loadTokenizer: "${full(key)}" in ${location} ${problem}`,
      key: full(key),
      location,
    });
  }

  function scalar<Kind extends keyof Kinds>(key: string, kind: Kind): Kinds[Kind] | undefined {
    const value = metadata.get(full(key));
    if (value === undefined || isOf(value, kind)) return value;
    throw refuse(key, `is no ${kind}`);
  }

  function list<Kind extends keyof Kinds>(key: string, kind: Kind, length?: number): Kinds[Kind][] | undefined {
    const value = metadata.get(full(key));
    if (value === undefined) return undefined;
    if (typeof value !== "object") throw refuse(key, "is no array");
    const values = value.values().filter((each) => isOf(each, kind)) as Kinds[Kind][];
    if (values.length !== value.length) throw refuse(key, `holds something other than a ${kind}`);
    if (length === undefined || values.length === length) return values;
    throw refuse(key, `has ${values.length} values, for ${length} tokens`);
  }

  const model = scalar("model", "string");
  const tokens = list("tokens", "string");
  if (model === undefined || tokens === undefined) {
    throw refuse(
      model === undefined ? "model" : "tokens",
      "is absent: the file has no tokenizer; take that of the model it was made of",
    );
  }
  checkTwice(tokens, refuse);
  const types = list("token_type", "number", tokens.length) ?? tokens.map(() => tokenTypes.normal);
  const strange = types.findIndex((type) => !Object.values<number>(tokenTypes).includes(type));
  if (strange !== -1) throw refuse("token_type", `is ${types[strange]} for token ${strange}, which means nothing`);
  const special: { -readonly [Purpose in keyof Vocabulary["special"]]: number } = {};
  for (const [purpose, key] of Object.entries(ids) as [keyof typeof ids, string][]) {
    const id = scalar(key, "number");
    if (id === undefined) continue;
    if (tokens[id] === undefined) throw refuse(key, `is ${id}, and there are ${tokens.length} tokens`);
    special[purpose] = id;
  }
  return {
    model,
    pre: scalar("pre", "string"),
    tokens,
    types,
    scores: list("scores", "number", tokens.length),
    merges: list("merges", "string"),
    special,
    flag: (key) => scalar(key, "boolean"),
    templates: readTemplates(metadata),
    refuse,
  };
}

function checkTwice(tokens: readonly string[], refuse: Vocabulary["refuse"]): void {
  const seen = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (seen.has(token)) throw refuse("tokens", `has ${JSON.stringify(token)} twice, as ${seen.get(token)} and ${id}`);
    seen.set(token, id);
  }
}

const TEMPLATE = "tokenizer.chat_template";

function readTemplates(metadata: ReadonlyMap<string, GgufValue>): Vocabulary["templates"] {
  return [...metadata].flatMap(([key, template]) => {
    if (typeof template !== "string") return [];
    if (key === TEMPLATE) return [{ name: "default", template }];
    return key.startsWith(`${TEMPLATE}.`) ? [{ name: key.slice(TEMPLATE.length + 1), template }] : [];
  });
}
