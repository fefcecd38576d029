import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "./json.ts";

test("keys are sorted by code unit at every depth, and nothing else is reordered", () => {
  expect(canonicalJson({ b: [{ z: 1, Z: 2, "\u00e4": 3 }], a: "x" })).toBe('{"a":"x","b":[{"Z":2,"z":1,"\u00e4":3}]}');
});

test("undefined counts as absent in objects and as null in lists, holes included", () => {
  expect(canonicalJson({ b: 1, c: undefined, a: [true, undefined] })).toBe('{"a":[true,null],"b":1}');
  expect(canonicalJson(new Array(2))).toBe("[null,null]");
});

test("minus zero is zero", () => {
  expect(canonicalJson([-0])).toBe("[0]");
});

test.each<[what: string, value: unknown, message: string]>([
  ["NaN", { a: [1, Number.NaN] }, 'canonicalJson: "a[1]" must be JSON, got NaN'],
  ["an infinity", { a: { b: Number.NEGATIVE_INFINITY } }, 'canonicalJson: "a.b" must be JSON, got -Infinity'],
  ["a function", { run: () => 1 }, 'canonicalJson: "run" must be JSON, got a function'],
  ["a bigint", [1n], 'canonicalJson: "[0]" must be JSON, got a bigint'],
  ["a symbol", [Symbol("x")], 'canonicalJson: "[0]" must be JSON, got a symbol'],
  ["a date", { at: new Date(0) }, 'canonicalJson: "at" must be JSON, got a Date'],
  ["a map", { at: new Map() }, 'canonicalJson: "at" must be JSON, got a Map'],
  ["nothing at all", undefined, "canonicalJson: the value must be JSON, got a undefined"],
])("%s is refused with its place", (_, value, message) => {
  expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: "FORMAT", message }));
});

test("a value that contains itself is refused, one that appears twice is not", () => {
  const loop: Record<string, unknown> = {};
  loop["inner"] = [loop];
  expect(() => canonicalJson(loop)).toThrow('canonicalJson: "inner[0]" contains itself');
  const twice = { x: 1 };
  expect(canonicalJson([twice, twice])).toBe('[{"x":1},{"x":1}]');
});

test("the text reads back as the value, and is the same whatever the order of keys", () => {
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, field]) => [key, reversed(field)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
      expect(canonicalJson(reversed(plain))).toBe(canonicalJson(plain));
    }),
    { seed: 1 },
  );
});
