import { expect, test } from "vitest";
import {
  type CharacterClass,
  isMark,
  isNonspacing,
  isNumeric,
  isPunctuation,
  isSpace,
  isUnclean,
} from "./characters.ts";

// Expectations are the Rust library's, which was asked for every character of Unicode.
test.each<readonly [string, CharacterClass, readonly number[], readonly number[]]>([
  ["white space", isSpace, [0x20, 0x85, 0xa0, 0x3000], [0x200b, 0xfeff, 0x180e]],
  ["punctuation", isPunctuation, [0x21, 0x24, 0x5e, 0x7e, 0x3002, 0x166d, 0x111c9], [0x41, 0x20ac, 0x2e4e, 0x61d]],
  ["a mark without width", isNonspacing, [0x301, 0x5b0, 0x1734, 0x1171e], [0x903, 0x8d4, 0xafa, 0x1885]],
  ["a mark", isMark, [0x301, 0x903, 0x8d4, 0x1cf2], [0x61, 0xafa]],
  ["a number", isNumeric, [0x30, 0xb2, 0x2167, 0x660], [0x61, 0x4e00]],
  ["what BERT's normalizer takes away", isUnclean, [0, 0x7f, 0xad, 0x200b, 0xe000, 0xfffd], [9, 10, 13, 0x8e2, 0x378]],
])("%s is what the Rust library counts among it, with its older tables", (_, isOne, members, others) => {
  expect(members.filter((code) => !isOne(code))).toEqual([]);
  expect(others.filter(isOne)).toEqual([]);
});
