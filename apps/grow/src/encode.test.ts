import { createTokenizer } from "@cambium/models";
import { expect, test } from "vitest";
import { createEncoder } from "./encode.ts";
import { tokenizerConfigJson, tokenizerJson } from "./tokenizer-json.ts";
import { trainWordPiece } from "./wordpiece.ts";
import { countWords } from "./words.ts";

const texts = [
  "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse,",
  "and nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of the world.",
  "It is a way I have of driving off the spleen, and regulating the circulation.",
];
const pieces = trainWordPiece(countWords(texts), { size: 150, leastCharacterCount: 1 });
const encode = createEncoder(pieces);
const tokenizer = createTokenizer(JSON.parse(tokenizerJson(pieces)), JSON.parse(tokenizerConfigJson(128)));

test("the longest known piece comes first, and unknown words are [UNK]", () => {
  const encodeTiny = createEncoder(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "ab", "##b", "##c", "##bc"]);
  expect(encodeTiny("abc ABB a xyz")).toEqual([6, 8, 6, 7, 5, 1]);
});

test.each([
  ...texts,
  "Ünïcode wörds & “quotes” — 42!?",
  "tabs\tand\u00a0spaces\u0007 漢字 e\u0301",
  "x".repeat(101),
  "don't stop_now http://a.b/c?d=1",
])("ids equal those of the whole tokenizer: %s", (text) => {
  expect(encode(text)).toEqual(tokenizer.pieces(text));
});

test("the file makes pairs with two segments", () => {
  const { ids, types } = tokenizer.encode("the world", "the way");
  const second = ids.indexOf(3) + 1;
  expect(ids[0]).toBe(2);
  expect(types).toEqual(ids.map((_, i) => (i < second ? 0 : 1)));
});
