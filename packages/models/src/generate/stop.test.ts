import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stopWatch } from "./stop.ts";

function watched(
  parts: readonly string[],
  stops: readonly string[],
): { text: string; stop: string | undefined; shown: string[] } {
  const watch = stopWatch(stops);
  const shown: string[] = [];
  for (const part of parts) {
    const { text, stop } = watch.push(part);
    shown.push(text);
    if (stop !== undefined) return { text: shown.join(""), stop, shown };
  }
  shown.push(watch.end());
  return { text: shown.join(""), stop: undefined, shown };
}

test("a stop string over several parts is never shown in part", () => {
  expect(watched(["one", "\n\nUs", "er", ": two"], ["\nUser:"])).toEqual({
    text: "one\n",
    stop: "\nUser:",
    shown: ["one", "\n", "", ""],
  });
});

test("what only looked like one is shown once that is certain", () => {
  expect(watched(["a<", "|en", "d", "?"], ["<|end|>"]).shown).toEqual(["a", "", "", "<|end?", ""]);
  expect(watched(["a<|en"], ["<|end|>"]).shown).toEqual(["a", "<|en"]);
});

test("the first that is complete counts; of two that end at one place the longer", () => {
  expect(watched(["abcd"], ["cd", "bc"])).toMatchObject({ text: "a", stop: "bc" });
  expect(watched(["abcd"], ["cd", "bcd"])).toMatchObject({ text: "a", stop: "bcd" });
});

test("however a text comes in parts, it is cut at the same place", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 14 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), stops, (parts, given) => {
      const { shown: _, ...whole } = watched([parts.join("")], given);
      const { shown: __, ...split } = watched(parts, given);
      expect(split).toEqual(whole);
      if (whole.stop === undefined) expect(given.some((stop) => parts.join("").includes(stop))).toBe(false);
    }),
    { seed: 5, numRuns: 500 },
  );
});
