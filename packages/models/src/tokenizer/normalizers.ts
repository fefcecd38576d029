/** Normalizers: what `tokenizer.json` does to a text before it is cut into words. */
import type { Part } from "../tokenizer-json.ts";
import { type Aligned, filter, prepend, rewriting, slice, withText } from "./aligned.ts";
import { bertNormalizer } from "./bert-normalizer.ts";
import { toByteCharacters } from "./bytes.ts";
import { isMark, isSpace } from "./characters.ts";
import { partList, setting, unknownPart } from "./parts.ts";
import { matchesOf, toRegExp } from "./pattern.ts";
import { precompiled } from "./precompiled.ts";
import { normalize } from "./unicode.ts";

/** A text, changed. */
export type Normalizer = (text: Aligned) => Aligned;

/** Every character in lower case, each for itself: a sigma at the end of a word is as any other. */
export function lowercase(old: Aligned): Aligned {
  if (!/[\u0130\u03a3]/.test(old.text)) return withText(old, old.text.toLowerCase());
  const writing = rewriting(old);
  for (const character of old.text) {
    [...character.toLowerCase()].forEach((lower, i) => {
      writing.put(lower, i === 0 ? 0 : 1);
    });
  }
  return writing.end();
}

/** White space cut off the ends. */
function strip(old: Aligned, left: boolean, right: boolean): Aligned {
  const { text } = old;
  let start = 0;
  let end = text.length;
  if (left) while (start < end && isSpace(text.charCodeAt(start))) start++;
  if (right) while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return { ...slice(old, start, end), origin: old.origin };
}

/** Every match replaced: what stands there instead has the place of the last character that was matched. */
export function replace(old: Aligned, pattern: RegExp, content: string): Aligned {
  const { text } = old;
  pattern.lastIndex = 0;
  if (!pattern.test(text)) return old;
  const matches = matchesOf(text, pattern);
  if (content.length === 1 && matches.every(({ start, end, isMatch }) => !isMatch || end - start === 1)) {
    const parts = matches.map(({ start, end, isMatch }) => (isMatch ? content : text.slice(start, end)));
    return withText(old, parts.join(""));
  }
  const writing = rewriting(old);
  for (const { start, end, isMatch } of matches) {
    const characters = [...text.slice(start, end)];
    if (!isMatch) for (const character of characters) writing.put(character, 0);
    else {
      writing.drop(characters.length);
      for (const character of content) writing.put(character, 1);
    }
  }
  return writing.end();
}

/** Control characters that stay, or become blanks. */
const NMT_KEPT = /[\0\t\n\f\r\x80-\x8e\x90-\x9e]/;
const NMT_SPACE = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

function nmt(old: Aligned): Aligned {
  const kept = filter(old, (character) => !/\p{Cc}/u.test(character) || NMT_KEPT.test(character));
  return withText(kept, kept.text.replace(NMT_SPACE, " "));
}

const normalizers: Readonly<Record<string, (part: Part) => Normalizer>> = {
  BertNormalizer: bertNormalizer,
  Strip(part) {
    const left = setting(part, "strip_left", "boolean");
    const right = setting(part, "strip_right", "boolean");
    return (text) => strip(text, left, right);
  },
  StripAccents: () => (text) => filter(text, (character) => !isMark(character.codePointAt(0)!)),
  NFC: () => (text) => normalize(text, "NFC"),
  NFD: () => (text) => normalize(text, "NFD"),
  NFKC: () => (text) => normalize(text, "NFKC"),
  NFKD: () => (text) => normalize(text, "NFKD"),
  Sequence(part) {
    const steps = partList(part, "normalizers").map(normalizerOf);
    return (text) => steps.reduce((changed, step) => step(changed), text);
  },
  Lowercase: () => lowercase,
  Nmt: () => nmt,
  Precompiled: (part) => precompiled(setting(part, "precompiled_charsmap", "string")),
  Replace(part) {
    const pattern = toRegExp(part["pattern"]);
    const content = setting(part, "content", "string");
    return (text) => replace(text, pattern, content);
  },
  Prepend(part) {
    const front = setting(part, "prepend", "string");
    return (text) => prepend(text, front);
  },
  ByteLevel: () => toByteCharacters,
};

/** The normalizer that a part describes. */
export function normalizerOf(part: Part): Normalizer {
  const make = Object.hasOwn(normalizers, part.type) ? normalizers[part.type] : undefined;
  if (make === undefined) throw unknownPart("normalizer", part, normalizers);
  return make(part);
}
