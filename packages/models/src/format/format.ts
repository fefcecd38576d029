/** Forms that a text can be made to have: what a caller names, and the constraint that comes of it. */
import { ConfigError, StateError } from "@cambium/base";
import type { Constraint } from "../generate/constraint.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type Expression, finiteness, literals } from "./expression.ts";
import { anyObject } from "./json.ts";
import { keepOnly, type Mask, masksOf } from "./mask.ts";
import { type Recogniser, recogniser, type State } from "./recogniser.ts";
import { checkSize, type JsonSchema, schemaExpression } from "./schema.ts";
import { vocabulariesOf } from "./vocabulary.ts";

/** JSON that fits a schema. */
export interface SchemaFormat {
  readonly schema: JsonSchema;
  /**
   * Told of each part of the schema that cannot be followed, once for a schema and a tokenizer; it is left out, and texts may break it.
   *
   * @default none: such a part is an error
   */
  readonly loosen?: (problem: string) => void;
}

/** A form that a text must have: any JSON object, JSON that fits a schema, or one of some texts. */
export type Format = "json" | SchemaFormat | { readonly choices: readonly string[] };

/** A format over a vocabulary. */
interface Compiled {
  readonly recogniser: Recogniser;
  /** Of the first token, and of later ones. */
  readonly maskOf: (state: State, isFirst: boolean) => Mask;
  /** Bytes of a token. */
  readonly bytesOf: (id: number, isFirst: boolean) => Uint8Array;
}

function expressionOf(caller: string, format: Format): Expression {
  if (format === "json") return anyObject;
  const keys = typeof format === "object" && format !== null ? Object.keys(format) : [];
  if ("schema" in Object(format) && keys.every((key) => key === "schema" || key === "loosen")) {
    const { schema, loosen } = format as SchemaFormat;
    if (loosen === undefined || typeof loosen === "function") return schemaExpression(caller, schema, loosen);
    throw new ConfigError({ message: `${caller}: format.loosen must be a function, got ${JSON.stringify(loosen)}` });
  }
  if (keys.length === 1 && "choices" in (format as object)) {
    const { choices } = format as { readonly choices: readonly string[] };
    if (
      Array.isArray(choices) &&
      choices.length > 0 &&
      choices.every((each) => typeof each === "string" && each !== "")
    ) {
      return literals(choices);
    }
    throw new ConfigError({
      message: `${caller}: choices must be texts of at least one character, got ${JSON.stringify(choices)}`,
    });
  }
  throw new ConfigError({
    message: `${caller}: format must be "json", { schema }, { schema, loosen } or { choices }, got ${JSON.stringify(format)}`,
  });
}

/** Formats that were compiled, the last few for each tokenizer. */
const compiled = new WeakMap<Tokenizer, Map<string, Compiled>>();
const MOST = 16;

function compile(caller: string, format: Format, tokenizer: Tokenizer, size: number): Compiled {
  const formats = compiled.get(tokenizer) ?? new Map<string, Compiled>();
  compiled.set(tokenizer, formats);
  if (typeof format === "object" && format !== null && "schema" in format) checkSize(caller, format.schema);
  const isLoose = (Object(format) as Partial<SchemaFormat>).loosen !== undefined;
  const key = `${size} ${isLoose ? "loose " : ""}${JSON.stringify(format)}`;
  let found = formats.get(key);
  if (found === undefined) {
    const { first, later } = vocabulariesOf(caller, tokenizer, size);
    const expression = expressionOf(caller, format);
    const made = recogniser(expression, finiteness(expression));
    const masks = masksOf(made, later);
    const atStart = first === later ? masks : masksOf(made, first);
    found = {
      recogniser: made,
      maskOf: (state, isFirst) => (isFirst ? atStart : masks)(state),
      bytesOf: (id, isFirst) => (isFirst ? first : later).bytes[id]!,
    };
    if (formats.size >= MOST) formats.delete(formats.keys().next().value!);
    formats.set(key, found);
  }
  return found;
}

function constraintAt(caller: string, made: Compiled, state: State, isFirst: boolean): Constraint {
  return {
    isWhole: state.isEnd,
    isFull: state.isEnd && state.open.length === 0,
    rule(scores, ends) {
      const kept = state.isEnd ? Array.from(ends, (id) => [id, scores[id]!] as const) : [];
      const isAny = keepOnly(scores, made.maskOf(state, isFirst)) || kept.length > 0;
      for (const id of ends) scores[id] = Number.NEGATIVE_INFINITY;
      for (const [id, score] of kept) scores[id] = score;
      if (isAny) return;
      throw new StateError({
        message: `${caller}: no token of the vocabulary goes on from here as the format asks; it lacks characters that the format needs`,
      });
    },
    next(id) {
      let here: State | null = state;
      for (const byte of made.bytesOf(id, isFirst)) here = here && made.recogniser.step(here, byte);
      if (here === null) throw new StateError({ message: `internal: token ${id} does not fit the format` });
      return constraintAt(caller, made, here, false);
    },
  };
}

/**
 * The constraint of a format at the start of a text.
 *
 * @param size - Ids that the model has.
 * @param continues - Whether the text goes on from another, so that its first token is like others.
 * @throws {ConfigError} For a format that is none, a schema that cannot be followed, and a tokenizer whose tokens are no bytes.
 */
export function constraintOf(
  caller: string,
  format: Format,
  { tokenizer, size, continues }: { readonly tokenizer: Tokenizer; readonly size: number; readonly continues: boolean },
): Constraint {
  const made = compile(caller, format, tokenizer, size);
  return constraintAt(caller, made, made.recogniser.start, !continues);
}
