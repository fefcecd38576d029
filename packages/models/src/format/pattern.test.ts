/** Patterns of JSON Schema: what is followed are strings that JavaScript's regular expressions match, and nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { accepts } from "./accepts.ts";
import { drawText } from "./draw.fixture.ts";
import { quoted } from "./json.ts";
import { FORMATS, stringLike } from "./pattern.ts";

const ANY_LENGTH = [0, Number.POSITIVE_INFINITY] as const;
const made = (pattern: string, lengths: readonly [number, number] = ANY_LENGTH) =>
  quoted(stringLike(pattern, lengths, (problem) => new Error(problem)));

/** A string of a pattern. */
const drawn = (pattern: string, seed: number, lengths?: readonly [number, number]): string =>
  JSON.parse(drawText(made(pattern, lengths), seed)) as string;

const PATTERNS = [
  "^a+b?$",
  "^(foo|ba[rz])$",
  "^[^a-z]{2,4}$",
  "^\\d{3}-\\w+\\s\\S$",
  "^.{3}$",
  "^[\\w.-]+@x\\.y$",
  "ab",
  "^a|b$",
  "^$",
  "^(a|b)?c{2,}$",
  '^["\\\\]\\n\\t$',
  "^\\u0041\\x42\\u{1F600}$",
  "^[ź-ż😀-😂]+$",
  "^(?<year>\\d{4})(?:-\\d\\d){2}$",
  "^[\\]^-]$",
  "^[a-]$",
  "^a{0}b$",
];

test.each(PATTERNS)("what is drawn from %s matches it, and strings are accepted as they match", (pattern) => {
  const expected = new RegExp(pattern, "u");
  for (let seed = 0; seed < 6; seed++) {
    const text = drawn(pattern, seed);
    expect([text, expected.test(text)]).toEqual([text, true]);
  }
  const isFitting = accepts(made(pattern));
  const letters = fc.constantFrom(...'abcfzor019-._@xy \n\t"\\AB😀żź^]');
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 6 }), (parts) => {
      const text = parts.join("");
      // Beyond U+FFFF classes that are negated are narrower than JavaScript's.
      if (/[^\0-\uffff]/u.test(text) && !expected.test(text)) return;
      if (/[^\0-\uffff]/u.test(text)) return;
      expect([text, isFitting(JSON.stringify(text))]).toEqual([text, expected.test(text)]);
    }),
    { seed: 5, numRuns: 40 },
  );
});

test.each([
  ["(?=a)b", "a lookaround"],
  ["(a)\\1", "a reference back"],
  ["\\bword", "a boundary of words"],
  ["\\p{L}", "a class by properties"],
  ["a^b", '"^" in the middle'],
  ["(a$)b", '"$" in the middle'],
  ["(a*)*", "what may be empty"],
  ["a{2,1}", "the wrong way round"],
  ["a{70000}", "counts above 65536"],
  ["[b-a]", "the wrong way round"],
  ["(a", "an unexpected"],
  ["a)", "an unexpected"],
  ["*a", "an unexpected"],
  ["[a", "an unexpected"],
  ["[]", "a class without characters"],
  ["a\\", "a backslash at its end"],
  ["\\q", "the unknown escape"],
  ["\\ud83d", "half of a character"],
  ["(".repeat(60), "groups inside of each other"],
])("%s is an error that says why", (pattern, message) => {
  expect(() => made(pattern)).toThrow(message);
});

describe("patterns with lengths", () => {
  test.each([
    ["^[^'!:]+$", 1, 4],
    ["^a*$", 2, 3],
    ["^x(?:ab){1,}$", 4, 8],
    ["^(?:a|bb)?c{2,}$", 0, 3],
    ["^(?:abc|d|ef)$", 2, 2],
    ["^ab?$", 0, 1],
  ])("strings of %s of %i to %i characters are those that match and are so long", (pattern, min, max) => {
    const isFitting = accepts(made(pattern, [min, max]));
    const expected = new RegExp(pattern, "u");
    const letters = fc.constantFrom(..."abcdefx!");
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 9 }), (parts) => {
        const text = parts.join("");
        const isMeant = expected.test(text) && text.length >= min && text.length <= max;
        expect([text, isFitting(JSON.stringify(text))]).toEqual([text, isMeant]);
      }),
      {
        seed: 5,
        numRuns: 200,
        examples: [["abc"], ["x", "ab", "ab"], ["aa"], ["aaa"], ["bb"], ["ef"], ["a"], ["cc"]].map((each) => [
          each.join("").split(""),
        ]) as never,
      },
    );
  });

  test.each([
    ["^[^\\s@]+@[^\\s@]+\\.[^\\s@]+$", 5, 9],
    ["^(?:[a-z]+\\.)+[a-z]{2,}$", 12, 20],
    ["ab", 5, 6],
    ["^(?:a|bcd)+$", 7, 9],
    [FORMATS["email"]!, 10, 40],
    [FORMATS["uri"]!, 20, 60],
  ])("what is drawn from %s is %i to %i characters long", (pattern, min, max) => {
    for (let seed = 0; seed < 8; seed++) {
      const text = drawn(pattern, seed, [min, max]);
      expect(text).toMatch(new RegExp(pattern, "u"));
      expect([...text].length).toBeGreaterThanOrEqual(min);
      expect([...text].length).toBeLessThanOrEqual(max);
    }
  });

  test.each([
    ["^abc$", 4, 9],
    ["^a{5,}$", 0, 4],
    ["^(?:ab)*$", 3, 3],
  ])("%s has none of %i to %i characters", (pattern, min, max) => {
    expect(() => made(pattern, [min, max])).toThrow(`strings of ${min} to ${max} characters`);
  });
});

describe("formats", () => {
  const checks: Readonly<Record<string, (text: string) => boolean>> = {
    "date-time": (text) => z.iso.datetime().safeParse(text).success && !Number.isNaN(Date.parse(text)),
    date: (text) => z.iso.date().safeParse(text).success,
    time: (text) => z.iso.time().safeParse(text.replace(/Z$/, "")).success && text.endsWith("Z"),
    duration: (text) => z.iso.duration().safeParse(text).success,
    email: (text) => z.email().safeParse(text).success,
    hostname: (text) => new URL(`http://${text}/`).hostname === text,
    ipv4: (text) => z.ipv4().safeParse(text).success,
    ipv6: (text) => z.ipv6().safeParse(text).success,
    uri: (text) => z.url().safeParse(text).success,
    uuid: (text) => z.uuid().safeParse(text).success,
  };
  test.each(Object.keys(FORMATS))("what is drawn as %s is one", (format) => {
    for (let seed = 0; seed < 8; seed++) {
      const text = drawn(FORMATS[format]!, seed);
      expect([text, checks[format]!(text)]).toEqual([text, true]);
    }
  });

  test("a day that there is not is no date", () => {
    const isDate = accepts(made(FORMATS["date"]!));
    for (const text of ["2024-02-29", "2000-02-29", "2023-12-31"])
      expect([text, isDate(`"${text}"`)]).toEqual([text, true]);
    for (const text of ["2023-02-29", "1900-02-29", "2023-04-31", "2023-13-01"])
      expect([text, isDate(`"${text}"`)]).toEqual([text, false]);
  });
});
