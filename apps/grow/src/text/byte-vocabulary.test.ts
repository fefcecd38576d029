import { expect, test } from "vitest";
import { END_ID, PAD_ID, SENTINEL_ID, spanFiles, tokenizerOf, trainByteVocabulary } from "./byte-vocabulary.ts";

const { tokenizer, files, separator } = await trainByteVocabulary(
  ["the whale and the sea, the whale and the ship"],
  330,
);

test("no text is unknown, and all of it comes back", () => {
  const text = "The naïve whale — 鯨 🐋\n\tswims.";
  expect(tokenizer.decode(tokenizer.pieces(text))).toBe(text);
  expect(tokenizer.vocabularySize).toBeLessThanOrEqual(330);
});

test("texts end by the separator, and an encoder-decoder's tokenizer says so itself", async () => {
  expect(separator).toBe(END_ID);
  expect(tokenizer.special).toEqual({ eos: END_ID, pad: PAD_ID });
  expect(tokenizer.encode("the sea").ids).toEqual(tokenizer.pieces("the sea"));
  const spans = await tokenizerOf(spanFiles(files));
  expect(spans.encode("the sea").ids).toEqual([...tokenizer.pieces("the sea"), END_ID]);
  expect(spans.encode("the <extra_id_0>").ids).toEqual([...tokenizer.pieces("the "), SENTINEL_ID, END_ID]);
});
