import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pythonPattern } from "./match.ts";

interface Case {
  readonly pattern: string;
  readonly error?: string;
  readonly slow?: boolean;
  readonly whole: readonly string[];
  readonly ends: Readonly<Record<string, number>>;
}

// Made by Python: see make_patterns.py beside it.
const { texts, cases } = JSON.parse(
  readFileSync(new URL("../../fixtures/peft/patterns.json", import.meta.url), "utf8"),
) as { texts: string[]; cases: Case[] };

const unread = [
  String.raw`(a)\1`,
  "(?P<n>a)(?P=n)",
  "(a)?(?(1)b|c)",
  String.raw`\N{LATIN SMALL LETTER A}`,
  "a{0,2000}",
];
const read = cases.filter(({ pattern, error }) => error === undefined && !unread.includes(pattern));
const refused = cases.filter(({ error }) => error !== undefined);

test.each(read)("$pattern matches what Python matches", ({ pattern, slow, whole, ends }) => {
  const tried = texts.filter((text) => slow !== true || text.length < 9);
  const expression = pythonPattern(pattern);
  expect(tried.filter((text) => expression.matchesWhole(text))).toEqual(whole);
  const first = tried.flatMap((text) =>
    expression
      .endsIn(text)
      .slice(0, 1)
      .map((end) => [text, end]),
  );
  expect(Object.fromEntries(first)).toEqual(ends);
});

test.each(refused)("$pattern is refused, as Python refuses it ($error)", ({ pattern }) => {
  expect(() => pythonPattern(pattern)).toThrow(expect.objectContaining({ code: "FORMAT" }));
});

test.each([
  [unread[0]!, /a backreference, which is not read at 3/],
  [unread[1]!, /a backreference, which is not read at 8/],
  [unread[2]!, /a condition on a group, which is not read at 4/],
  [unread[3]!, /a character by its name, which is not read at 0/],
  [unread[4]!, /a repeat of more than 1000, which is not read at 1/],
])("%s is refused by the name of what is not read", (pattern, reason) => {
  expect(() => pythonPattern(pattern)).toThrow(reason);
});

test.each(["(.*)+query$", "((.*)*)*y", "(a|aa|.)*b", "(.*?,){11}P", "(a?){1000}b", "(((a+)+)+)+$", "(?:a|b|ab|ba)*+c"])(
  "%s ends on a text on which backtracking does not",
  (pattern) => {
    const asked = { count: 0 };
    const expression = pythonPattern(pattern);
    for (const text of ["ab".repeat(60), `${"a".repeat(120)}!`, "a,".repeat(60)]) {
      expression.matchesWhole(text);
      asked.count++;
    }
    expect(asked.count).toBe(3);
  },
);
