/** Labels of tokens under a vocabulary of bytes, where one character may be several tokens. */
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { asArchitecture } from "../architecture.ts";
import { bert } from "../architectures/index.ts";
import { type CollateOptions, collate } from "../collate.ts";
import { fixtureJson } from "../fixtures.ts";
import type { Row } from "../row.ts";
import { createTokenizer } from "../tokenizer.ts";

const json = fixtureJson<object>("tokenizer-strings/gpt2.json");
const tokenizer = createTokenizer(json);
const config = bert.parse("test", { ...bert.tiny(0), vocab_size: tokenizer.vocabularySize }, "user");
const labels = ["O", "B-X", "I-X"];
const head = { kind: "token-classification", labels } as const;
const IGNORED = -100;

/** Labels of the tokens of each row of the batch, without padding. */
function labelsOf(row: Row, options: Partial<CollateOptions> = {}): number[][] {
  const batch = collate({ architecture: asArchitecture(bert), config, head }, tokenizer, {
    maxLength: 20,
    ...options,
  })([row]);
  const [marks, real] = [batch.labels, batch.mask].map((tensor) => (tensor as Tensor).arraySync() as number[][]);
  dispose(Object.values(batch) as Tensor[]);
  return marks!.map((each, i) => each.filter((_, j) => real![i]![j] === 1));
}

const text = "x 😀é y";
const bytes = tokenizer.encode("x 😀").ids.length - tokenizer.encode("x").ids.length;

test("an emoji is several tokens here", () => {
  expect(bytes).toBeGreaterThan(2);
});

describe("of a character that is several tokens", () => {
  test("only the first begins a span", () => {
    const [marks] = labelsOf({ text, spans: [{ from: 2, to: 5, label: "X" }] });
    const inside = marks!.filter((label) => label !== 0);
    expect(inside).toEqual([1, ...inside.slice(1).map(() => 2)]);
    expect(inside.length).toBeGreaterThan(bytes - 1);
  });

  test("only the first carries the label of a word", () => {
    const [marks] = labelsOf({ text, target: ["O", "B-X", "O"] });
    expect(marks!.filter((label) => label !== IGNORED)).toEqual([0, 1, 0]);
  });

  test.each(["start", "end"] as const)(
    "none begins another span in the next window, counted from the %s",
    (truncation) => {
      const row = { text, spans: [{ from: 2, to: 5, label: "X" }] };
      const [whole] = labelsOf(row);
      const windows = labelsOf(row, { maxLength: 3, stride: 0, truncation });
      expect((truncation === "end" ? windows : windows.reverse()).flat()).toEqual(whole);
    },
  );
});

test("a token that two words share carries the label of the first of them", () => {
  const shared = createTokenizer({
    ...json,
    added_tokens: [
      { id: 7, content: "x y", single_word: false, lstrip: false, rstrip: false, normalized: false, special: false },
    ],
  });
  const batch = collate({ architecture: asArchitecture(bert), config, head }, shared, { maxLength: 16 })([
    { text: "x y", target: ["B-X", "O"] },
  ]);
  expect(((batch.labels as Tensor).arraySync() as number[][])[0]!.filter((label) => label !== IGNORED)).toEqual([1]);
  dispose(Object.values(batch) as Tensor[]);
});
