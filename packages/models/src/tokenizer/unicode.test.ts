import * as fc from "fast-check";
import { expect, test } from "vitest";
import { aligned, fromOf, toOf } from "./aligned.ts";
import { normalize } from "./unicode.ts";

const places = (text: string, form: "NFC" | "NFD" | "NFKC" | "NFKD"): (readonly [string, number, number])[] => {
  const changed = normalize(aligned(text), form);
  return [...changed.text].map((character, i) => {
    const unit = [...changed.text].slice(0, i).join("").length;
    return [character, fromOf(changed, unit), toOf(changed, unit)];
  });
};

const marks = fc.constantFrom(
  ..."eaoE\u0301\u0323\u0345\u0334\u0327\u031b\u0302\u3099かｶﾞ각\u1100\u1161\u11a8ﬁ①ẛ\u0344\u0958ﷺ𝒳\u{1d15e}\u05b0\u05bc\u0651x",
);

test("what comes out is what the engine's own normal form is", () => {
  const form = fc.constantFrom("NFC", "NFD", "NFKC", "NFKD");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(marks).map((parts) => parts.join("")),
      ),
      form,
      (given, to) => {
        const text = given.replace(/\p{Surrogate}/gu, "\ufffd");
        expect(normalize(aligned(text), to).text).toBe(text.normalize(to));
      },
    ),
    { numRuns: 500 },
  );
});

test("parts of a character have its place, and a composed one has the place of its letter", () => {
  expect(places("xé", "NFD")).toEqual([
    ["x", 0, 1],
    ["e", 1, 2],
    ["\u0301", 1, 2],
  ]);
  expect(places("e\u0301x", "NFC")).toEqual([
    ["é", 0, 1],
    ["x", 2, 3],
  ]);
  expect(places("a\ufb03b", "NFKC").map(([, from, to]) => [from, to])).toEqual([
    [0, 1],
    [1, 2],
    [1, 2],
    [1, 2],
    [2, 3],
  ]);
  expect(places("\u{1d15e}!", "NFC").at(-1)).toEqual(["!", 2, 3]);
});

test("ten thousand marks behind one letter are sorted in time", () => {
  const text = `a${"\u0301\u0323".repeat(5_000)}`;
  expect(normalize(aligned(text), "NFC").text).toBe(text.normalize("NFC"));
});
