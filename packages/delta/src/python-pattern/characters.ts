import type { Flags } from "./syntax.ts";

/** A test of one character. */
export type Accepts = (character: string) => boolean;

/** Python's `str.isspace`: four separators that JavaScript's `\s` does not know, and not the byte order mark that it does. */
const isSpace: Accepts = (character) =>
  (/\s/.test(character) && character !== "\ufeff") || ["\x1c", "\x1d", "\x1e", "\x1f", "\x85"].includes(character);

const asciiClasses: Readonly<Record<string, Accepts>> = {
  w: (character) => /\w/.test(character),
  d: (character) => /[0-9]/.test(character),
  s: (character) => /[ \t\n\r\f\v]/.test(character),
};
const unicodeClasses: Readonly<Record<string, Accepts>> = {
  w: (character) => /[\p{L}\p{N}_]/u.test(character),
  d: (character) => /\p{Nd}/u.test(character),
  s: isSpace,
};

/** Whether a character is one of words, for `\b`. */
export function isWordCharacter({ ascii }: Flags): Accepts {
  return (ascii ? asciiClasses : unicodeClasses)["w"]!;
}

/** The test of `\w`, `\d`, `\s`, or of the opposite in capitals; undefined for another letter. */
export function classOf(letter: string, { ascii }: Flags): Accepts | undefined {
  const classes = ascii ? asciiClasses : unicodeClasses;
  const accepts = Object.hasOwn(classes, letter.toLowerCase()) ? classes[letter.toLowerCase()]! : undefined;
  if (accepts === undefined || letter === letter.toLowerCase()) return accepts;
  return (character) => !accepts(character);
}

/** A test that is met in either case where case is ignored. */
export function inEitherCase(accepts: Accepts, { ignoreCase }: Flags): Accepts {
  if (!ignoreCase) return accepts;
  return (character) => accepts(character) || accepts(character.toLowerCase()) || accepts(character.toUpperCase());
}

/** The character that a letter behind a backslash stands for. */
export const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** Hexadecimal digits behind `\x`, `\u` and `\U`. */
export const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
