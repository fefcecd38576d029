/** Templates: text with slots, filled so that it fits into the tokens that a model reads. */
import { ConfigError, nearest } from "@cambium/base";
import type { Tokenizer } from "@cambium/models";

const slots = ["text", "pair", "answer"] as const;

/** What stands in a template in curly brackets. */
export type Slot = (typeof slots)[number];

/** A template as pieces of text and slots, in turn. */
export type Template = readonly (string | { readonly slot: Slot })[];

/**
 * A template read: `{text}`, `{pair}` and `{answer}` are slots, each at most once.
 *
 * @throws {ConfigError} For another slot, one that comes twice, or none for the text or the answer.
 */
export function parseTemplate(source: string): Template {
  const problem = (what: string): ConfigError =>
    new ConfigError({ message: `defineTask: template "${source}" ${what}` });
  const seen = new Set<Slot>();
  const pieces = source.split(/(\{\w+\})/).flatMap((piece): Template => {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    if (name === undefined) return piece === "" ? [] : [piece];
    const slot = slots.find((each) => each === name);
    if (slot === undefined) {
      const near = nearest(name, slots);
      throw problem(
        `has a slot {${name}}, known are {text}, {pair} and {answer}${near === undefined ? "" : `; was {${near}} meant`}`,
      );
    }
    if (seen.has(slot)) throw problem(`has {${slot}} twice`);
    seen.add(slot);
    return [{ slot }];
  });
  const lacks = (["text", "answer"] as const).find((slot) => !seen.has(slot));
  if (lacks !== undefined) throw problem(`has no {${lacks}}`);
  return pieces;
}

/** Whether a template has a slot. */
export const hasSlot = (template: Template, slot: Slot): boolean =>
  template.some((piece) => typeof piece === "object" && piece.slot === slot);

/** The pieces before the answer, where it stands at the end; undefined where something follows it. */
export function beforeAnswer(template: Template): Template | undefined {
  const at = template.findIndex((piece) => typeof piece === "object" && piece.slot === "answer");
  return at === template.length - 1 ? template.slice(0, at) : undefined;
}

/** A template with its slots filled. */
export function render(template: Template, values: Readonly<Partial<Record<Slot, string>>>): string {
  return template.map((piece) => (typeof piece === "string" ? piece : (values[piece.slot] ?? ""))).join("");
}

/** A text and its second one. */
export interface Texts {
  readonly text: string;
  readonly pair?: string;
}

/** Texts that were made to fit. */
export interface Fitted extends Texts {
  /** Tokens that they lost at their ends. */
  readonly lost: number;
}

/**
 * Texts whose rendering has at most `maxLength` tokens: the longer one loses its end, the template nothing.
 *
 * @throws {ConfigError} When the template alone is longer.
 */
export function fit(
  texts: Texts,
  renderTexts: (texts: Texts) => string,
  tokenizer: Tokenizer,
  maxLength: number,
): Fitted {
  const countOf = (text: string): number => tokenizer.pieces(text).length;
  let { text, pair } = texts;
  let lost = 0;
  for (;;) {
    const surplus = tokenizer.encode(renderTexts({ text, ...(pair !== undefined && { pair }) })).ids.length - maxLength;
    if (surplus <= 0) return { text, ...(pair !== undefined && { pair }), lost };
    const isPairLonger = pair !== undefined && countOf(pair) > countOf(text);
    const longer = isPairLonger ? pair! : text;
    if (longer === "") {
      throw new ConfigError({
        message: `task: maxLength ${maxLength} leaves no room for a text; the template takes ${surplus} tokens more`,
        maxLength,
      });
    }
    const cut = cutEnd(longer, surplus, tokenizer);
    lost += countOf(longer) - countOf(cut);
    if (isPairLonger) pair = cut;
    else text = cut;
  }
}

/** A text without its last tokens. */
function cutEnd(text: string, count: number, tokenizer: Tokenizer): string {
  const { offsets, sequences } = tokenizer.encode(text);
  const own = offsets.filter((_, i) => sequences[i] !== undefined);
  const last = own[own.length - count - 1];
  return last === undefined ? "" : text.slice(0, Math.min(last[1], text.length - 1));
}
