/**
 * Which tokens of a conversation are its template's. A template gives one text, in which `<|im_end|>` that a user typed looks like
 * that which ends a turn. So the conversation is rendered once more with marks in what messages say, wherever a control token may begin;
 * without its marks that text is the same, and a token with a mark in it was typed.
 */
import { ConfigError } from "@cambium/base";
import type { IsText } from "../tokenizer/added-tokens.ts";
import type { AddedToken } from "../tokenizer-json.ts";

/** What messages say: that of the assistant, and all else. */
export type Speaker = "assistant" | "others";

/** Marks, one for each speaker. */
type Marks = Readonly<Record<Speaker, string>>;

/** Puts marks into a text that a speaker says. */
export type MarkText = (text: string, speaker: Speaker) => string;

/** Tokens that a template may write to say who speaks, and what is text. */
export interface ControlTokens {
  /** Special ones: nobody says them. */
  readonly special: readonly string[];
  /** Those that are not special and stand in the template, such as `<think>`: the assistant may say them. */
  readonly written: readonly string[];
}

/** The control tokens of a template. */
export function controlTokens(added: readonly AddedToken[], template: string): ControlTokens {
  const texts = (isSpecial: boolean): string[] =>
    added
      .filter((token) => (token["special"] === true) === isSpecial && token.content !== "")
      .map(({ content }) => content);
  return { special: texts(true), written: texts(false).filter((text) => template.includes(text)) };
}

/** Characters that no text should have: Unicode sets them apart for use inside of programs. Two others are in `template.ts`. */
const FIRST_MARK = 0xfdd2;
const LAST_MARK = 0xfdef;

/** Two that do not occur. */
function marksFor(texts: string): Marks {
  const free: string[] = [];
  for (let code = FIRST_MARK; code <= LAST_MARK && free.length < 2; code++) {
    const mark = String.fromCharCode(code);
    if (!texts.includes(mark)) free.push(mark);
  }
  const [assistant, others] = free;
  if (others !== undefined) return { assistant: assistant!, others };
  throw new ConfigError({
    message: "chat: the messages have all of the characters that Unicode sets apart for programs",
  });
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** The first characters of some tokens. */
function begins(tokens: readonly string[]): RegExp | undefined {
  const first = [...new Set(tokens.map((token) => escaped(String.fromCodePoint(token.codePointAt(0)!))))];
  return first.length === 0 ? undefined : new RegExp(`[${first.join("")}]`, "gu");
}

/** Whether a token, or the begin of one at a text's end, stands at a place. Blanks at the end may be cut off. */
function mayStand(text: string, end: number, place: number, tokens: readonly string[]): boolean {
  return tokens.some(
    (token) =>
      text.startsWith(token, place) || (end - place < token.length && token.startsWith(text.slice(place, end))),
  );
}

/** Ways to put marks, from the one that leaves nothing out to those that templates notice least. */
function waysToMark({ special, written }: ControlTokens, marks: Marks): readonly MarkText[] {
  const all = [...special, ...written];
  const mark =
    (tokens: Readonly<Record<Speaker, readonly string[]>>, isEverywhere: boolean): MarkText =>
    (text, speaker) => {
      const first = begins(tokens[speaker]);
      if (first === undefined) return text;
      const end = text.trimEnd().length;
      return text.replace(first, (found, place: number) =>
        isEverywhere || mayStand(text, end, place, tokens[speaker]) ? found + marks[speaker] : found,
      );
    };
  const byBoth = { assistant: special, others: all };
  return [mark(byBoth, true), mark(byBoth, false), mark({ assistant: special, others: special }, false)];
}

/** A conversation that is to be told apart. */
export interface TypedOptions {
  readonly tokens: ControlTokens;
  /** The conversation as it was rendered. */
  readonly text: string;
  /** All that messages and tools say. */
  readonly said: readonly string[];
  /** The same conversation with marks; what it throws is passed on. */
  render(mark: MarkText): string;
}

/**
 * Tells what was typed from what the template wrote.
 *
 * @returns Nothing where no message has what control tokens begin with.
 * @throws {ConfigError} When it cannot be told, since the template makes something else of the marked messages.
 */
export function typedText({ tokens, text, said, render }: TypedOptions): IsText | undefined {
  const first = begins([...tokens.special, ...tokens.written]);
  if (first === undefined || said.every((each) => each.search(first) === -1)) return undefined;
  const marks = marksFor(said.join("") + text);
  const either = new RegExp(`[${marks.assistant}${marks.others}]`, "g");
  for (const way of waysToMark(tokens, marks)) {
    const marked = render(way);
    if (marked.replace(either, "") === text) return isTypedIn(marked, marks, tokens);
  }
  throw new ConfigError({
    message:
      "chat: the messages have texts of control tokens, and the template makes something else of them than text, so that they cannot be told from its own",
  });
}

function isTypedIn(marked: string, marks: Marks, { special, written }: ControlTokens): IsText {
  /** Places behind which marks stand in the text without them, and whose they are. */
  const places: number[] = [];
  const isAssistant: boolean[] = [];
  for (let i = 0; i < marked.length; i++) {
    const unit = marked[i]!;
    if (unit !== marks.assistant && unit !== marks.others) continue;
    isAssistant.push(unit === marks.assistant);
    places.push(i - places.length);
  }
  const specials = new Set(special);
  const others = new Set(written);

  /** The first mark behind a place. */
  function after(place: number): number {
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[middle]! > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  return ({ content }, start, end) => {
    const isSpecial = specials.has(content);
    if (!isSpecial && !others.has(content)) return false;
    for (let i = after(start); i < places.length && places[i]! <= end; i++)
      if (isSpecial || !isAssistant[i]) return true;
    return false;
  };
}

/** A message or what is in it with every text of it passed through a function, names of members included. */
export function mapTexts<T>(value: T, map: (text: string) => string): T {
  if (typeof value === "string") return map(value) as T;
  if (Array.isArray(value)) return value.map((each) => mapTexts(each, map)) as T;
  if (typeof value !== "object" || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [map(key), mapTexts(each, map)])) as T;
}
