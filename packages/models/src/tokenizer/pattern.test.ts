import { describe, expect, test } from "vitest";
import { matchesOf, toRegExp } from "./pattern.ts";

const words = (source: string, text: string): string[] =>
  matchesOf(text, toRegExp({ Regex: source })).flatMap(({ start, end, isMatch }) =>
    isMatch ? [text.slice(start, end)] : [],
  );

// Expectations are Oniguruma's, through the Rust library's Split.
describe("patterns match what they match in Ruby's dialect", () => {
  test.each([
    ["case is ignored within its bracket alone", "(?i:'ll|'s)x", "'LLx 'ſx 'llX", ["'LLx", "'ſx"]],
    ["case is ignored to the end of the bracket around", "(a(?i)b|c)D", "aBD aCD abD cD", ["aBD", "aCD", "abD"]],
    ["a possessive quantifier gives nothing back", "a++ab|b", "aaab b", ["b", "b"]],
    ["behind braces, a plus repeats again", String.raw`\p{N}{1,3}+`, "1234567", ["1234567"]],
    ["an atomic bracket is tried once", "(?>a|ab)c", "abc ac", ["ac"]],
    ["a dollar is the end of a line", "x$", "x\nx y", ["x"]],
    ["a caret is the begin of a line", "^x", "x\nx x", ["x", "x"]],
    [String.raw`\A and \z are the ends of the text`, String.raw`\Ax|x\z`, "x\nx x", ["x", "x"]],
    ["a dot is no new line", "a.", "a\nab", ["ab"]],
    [
      String.raw`\s is white space, U+0085 too, but not U+FEFF`,
      String.raw`\s`,
      "\u0085\ufeff\u2003",
      ["\u0085", "\u2003"],
    ],
    [String.raw`\w holds marks and circled letters`, String.raw`\w+`, "a\u0301ⓐ_1 ²", ["a\u0301ⓐ_1"]],
    [String.raw`\d is any script's digit`, String.raw`\d+`, "1٢² ", ["1٢"]],
    ["a class in a class adds to it", "[^(x|[.,])]+", "ab(c.d|x", ["ab", "c", "d"]],
    ["a hyphen at the end stands for itself", "[a-c-]+", "a-d", ["a-"]],
    ["scripts are known by their names", String.raw`\p{Han}+|\p{^L}`, "中文a1", ["中文", "1"]],
    ["characters are known by their numbers", String.raw`\x{1f600}|\u00e9|\x41`, "😀éA", ["😀", "é", "A"]],
    ["at most so many", "a{,2}b", "aaab b", ["aab", "b"]],
  ])("%s", (_, source, text, expected) => {
    expect(words(source, text)).toEqual(expected);
  });

  test("what surrounds a place may cut there", () => {
    const pattern = toRegExp({ Regex: "(?=[A-Z])" });
    const parts = matchesOf("aBcD", pattern).filter(({ start, end }) => end > start);
    expect(parts.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [1, 3],
      [3, 4],
    ]);
  });

  test("a text as pattern has no signs with a meaning", () => {
    expect(matchesOf("a.c abc", toRegExp({ String: "a.c" })).map(({ isMatch }) => isMatch)).toEqual([true, false]);
  });
});

test.each([
  [String.raw`\bx`, String.raw`"\b"`],
  [String.raw`(a)\1`, String.raw`"\1"`],
  ["(?<name>a)", '"(?<n'],
  ["[[:alpha:]]", "[: :]"],
  ["[a&&b]", "intersection"],
  [String.raw`\p{Klingon}`, '"Klingon"'],
  ["(a", "does not close"],
  ["a)", "a bracket too many"],
  ["*a", "after nothing"],
])("%s is refused by what it has", (source, problem) => {
  expect(() => toRegExp({ Regex: source })).toThrow(problem);
});

test("what is no pattern is refused", () => {
  expect(() => toRegExp({ Glob: "*" })).toThrow(
    'a pattern must be { "String": … } or { "Regex": … }, got {"Glob":"*"}',
  );
});
