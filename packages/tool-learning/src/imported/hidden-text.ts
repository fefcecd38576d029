/**
 * Characters that a person does not see and a model reads: the usual way to put instructions into a description which somebody
 * looks at before he approves it.
 */

/** Letters and pictures between which a joiner is a part of writing. */
const JOINED =
  "\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\uFE0F\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Devanagari}\\p{Script=Bengali}\\p{Script=Gurmukhi}\\p{Script=Gujarati}\\p{Script=Oriya}\\p{Script=Tamil}\\p{Script=Telugu}\\p{Script=Kannada}\\p{Script=Malayalam}\\p{Script=Sinhala}\\p{Script=Khmer}\\p{Script=Mongolian}";

const HIDDEN = new RegExp(
  [
    "[\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F]", // control characters, escape sequences of terminals among them
    "[\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F]", // soft hyphen, fillers
    "[\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F]", // zero width, direction, invisible operators
    "[\\u3164\\uFEFF\\uFFA0\\uFFF0-\\uFFFB]",
    `(?<![${JOINED}])[\\u200C\\u200D]`, // joiners where nothing is joined
    "(?<![\\p{Extended_Pictographic}0-9#*])[\\uFE00-\\uFE0F]", // variation selectors that select nothing
    "[\\u{1BCA0}-\\u{1BCA3}\\u{1D173}-\\u{1D17A}]",
    "[\\u{E0000}-\\u{E0FFF}]", // tags and selectors that spell text
    "[\\u{F0000}-\\u{10FFFF}]", // private use planes
    "\\p{Surrogate}",
  ].join("|"),
  "gu",
);

/** A text without hidden characters, and which there were. */
export interface ShownText {
  readonly text: string;
  /** Such as `U+200B`, each once. */
  readonly hidden: readonly string[];
  /** What tag characters spell: plain text, written invisibly. */
  readonly spelt: string;
}

/** Takes hidden characters out of a text. */
export function showText(text: string): ShownText {
  const hidden = new Set<string>();
  let spelt = "";
  const shown = text.replaceAll(HIDDEN, (character) => {
    const code = character.codePointAt(0)!;
    hidden.add(`U+${code.toString(16).toUpperCase().padStart(4, "0")}`);
    if (code > 0xe0000 && code < 0xe007f) spelt += String.fromCodePoint(code - 0xe0000);
    return "";
  });
  return { text: shown, hidden: [...hidden], spelt };
}
