/** Texts with parts that must have a form, each between two marks: calls of tools within what a model says. */
import { ConfigError, checkOptions } from "@cambium/base";
import { constraintOf, type Format } from "../format/format.ts";
import { vocabulariesOf } from "../format/vocabulary.ts";
import type { Constraint } from "../generate/constraint.ts";
import type { Tokenizer } from "../tokenizer.ts";

/** What stands between two marks. */
export interface MarkedFormat {
  /** The text in front of such a part, such as `<tool_call>`; a new line follows it. */
  readonly open: string;
  /** The text behind it, in a line by itself. */
  readonly close: string;
  /** The form of what is between. It must be one that ends by itself, such as an object. */
  readonly format: Format;
  /** Whether the text begins with such a part. @default false: it may have them or not */
  readonly isRequired?: boolean;
  /** Whether the text ends behind the first. @default false */
  readonly isLast?: boolean;
}

/** Over which vocabulary. */
export interface MarkedContext {
  readonly tokenizer: Tokenizer;
  readonly size: number;
}

const latin = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "" : String.fromCharCode(...bytes));

/** Lets one id pass. */
function only(scores: Float32Array, id: number): void {
  const score = scores[id]!;
  scores.fill(Number.NEGATIVE_INFINITY);
  scores[id] = score;
}

/** Nothing may follow. */
const full: Constraint = {
  isWhole: true,
  isFull: true,
  rule() {},
  next: () => full,
};

/**
 * The constraint of a text with such parts, at its start. Outside of them everything may follow. A token that goes on behind the
 * opening mark with something else than blanks is text, and so is what follows it. Stop strings end the text outside of the parts only.
 *
 * @throws {ConfigError} For marks that are no texts, and as `format` does.
 */
export function markedConstraint(caller: string, marked: MarkedFormat, { tokenizer, size }: MarkedContext): Constraint {
  checkOptions(caller, marked, ["open", "close", "format", "isRequired", "isLast"]);
  const { open, close, format, isRequired = false, isLast = false } = marked;
  for (const [name, mark] of Object.entries({ open, close })) {
    if (typeof mark === "string" && mark.trim() !== "") continue;
    throw new ConfigError({ message: `${caller}: marked.${name} must be a text, got ${JSON.stringify(mark)}` });
  }
  const { later } = vocabulariesOf(caller, tokenizer, size);
  const start = constraintOf(caller, format, { tokenizer, size, continues: true });
  const [opening, line, closing] = [`${open}\n`, "\n", `\n${close}`].map((text) => tokenizer.pieces(text)) as [
    number[],
    number[],
    number[],
  ];

  /** These ids one after the other, and then something else. */
  function literal(ids: readonly number[], behind: () => Constraint): Constraint {
    const [first, ...rest] = ids;
    if (first === undefined) return behind();
    return {
      isWhole: false,
      isFull: false,
      isApart: true,
      rule: (scores) => only(scores, first),
      next: () => literal(rest, behind),
    };
  }

  function inside(form: Constraint): Constraint {
    if (form.isFull) return literal(closing, () => (isLast ? full : outside("")));
    return {
      isWhole: false,
      isFull: false,
      isApart: true,
      rule: (scores) => form.rule(scores, new Set()),
      next: (id) => inside(form.next(id)),
    };
  }

  function outside(tail: string): Constraint {
    return {
      isWhole: true,
      isFull: false,
      rule() {},
      next(id) {
        const text = tail + latin(later.bytes[id]);
        const at = text.indexOf(open);
        const rest = at === -1 ? text : text.slice(at + open.length);
        if (at === -1 || rest.trim() !== "") return outside(rest.slice(Math.max(0, rest.length - open.length + 1)));
        return rest === "" ? literal(line, () => inside(start)) : inside(start);
      },
    };
  }

  return isRequired ? literal(opening, () => inside(start)) : outside("");
}
