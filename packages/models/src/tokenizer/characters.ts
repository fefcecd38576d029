/** Classes of characters as the Rust library sees them. */
import { newerThanCategories, newerThanMarks } from "./newer-characters.ts";

/** White space, by Unicode's property of that name. */
export const WHITE_SPACE: string = String.raw`\p{White_Space}`;

/** What `\w` is in Rust's regex crate. */
export const WORD: string = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d`;

/** Tells whether a code point is of a class. Those of the first plane are looked up once. */
export type CharacterClass = (code: number) => boolean;

function characterClass(pattern: RegExp, newer: ReadonlySet<number> = new Set()): CharacterClass {
  /** 0 is not looked up yet, 1 no, 2 yes. */
  const known = new Uint8Array(0x10000);
  return (code) => {
    if (code > 0xffff) return pattern.test(String.fromCodePoint(code)) && !newer.has(code);
    if (known[code] === 0) known[code] = pattern.test(String.fromCharCode(code)) && !newer.has(code) ? 2 : 1;
    return known[code] === 2;
  };
}

/** Whether a character is white space. */
export const isSpace: CharacterClass = characterClass(/^\p{White_Space}$/u);

/** A mark of today that was punctuation before. */
const FORMER_PUNCTUATION = 0x111c9;

/** Whether a character is punctuation: Unicode's, and every ASCII sign. */
export const isPunctuation: CharacterClass = characterClass(
  /^[\p{P}!-/:-@[-`{-~\u166d\u{111c9}]$/u,
  new Set([...newerThanCategories].filter((code) => code !== FORMER_PUNCTUATION)),
);

/** Whether a character is a number of any kind. */
export const isNumeric: CharacterClass = characterClass(/^\p{N}$/u);

/** Whether a character is a mark that takes no room. */
export const isNonspacing: CharacterClass = characterClass(/^[\p{Mn}\u1734\u{1171e}]$/u, newerThanCategories);

/** Whether a character is a mark. */
export const isMark: CharacterClass = characterClass(/^[\p{M}\u1cf2\u1cf3]$/u, newerThanMarks);

/** Whether BERT's normalizer takes a character away: a control character, or what stands for one that could not be read. */
export const isUnclean: CharacterClass = characterClass(
  /^(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\ufffd]$/u,
  newerThanCategories,
);

const ascii = /^[\0-\x7f]*$/;

/** Whether a text is ASCII alone. */
export const isAscii = (text: string): boolean => ascii.test(text);
