import fc from "fast-check";
import { expect, test } from "vitest";
import { parseGuestJson } from "./json.ts";

const LIMIT = 10_000;

test("JSON text gives back the value it was made from", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      expect(parseGuestJson(text, 1e6)).toEqual({ value: JSON.parse(text) });
    }),
    { seed: 1 },
  );
});

test("any text is read or refused, never thrown", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(Object.keys(parseGuestJson(text, LIMIT))).toContain(
        "value" in parseGuestJson(text, LIMIT) ? "value" : "problem",
      );
    }),
    { seed: 1 },
  );
});

test("the limit counts bytes", () => {
  expect(parseGuestJson(`"${"é".repeat(9)}"`, 20)).toEqual({ value: "ééééééééé" });
  expect(parseGuestJson(`"${"é".repeat(10)}"`, 20)).toMatchObject({ problem: "size" });
});

test("100 levels are read, 101 are not, and 100,000 harm nobody", () => {
  const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  expect(parseGuestJson(nested(100), LIMIT)).toHaveProperty("value");
  expect(parseGuestJson(nested(101), LIMIT)).toMatchObject({ problem: "form" });
  expect(parseGuestJson(nested(100_000), 1e6)).toMatchObject({ problem: "form" });
});

test.each([['{"__proto__": 1}'], ['[{"a": {"__proto__": {"isAdmin": true}}}]'], ['{"\\u005f\\u005fproto__": null}']])(
  "the key __proto__ is refused in %s",
  (text) => {
    expect(parseGuestJson(text, LIMIT)).toEqual({ problem: "form", reason: 'it has a key "__proto__"' });
  },
);
