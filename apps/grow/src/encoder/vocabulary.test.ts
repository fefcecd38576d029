import { readFile } from "node:fs/promises";
import { createTokenizer } from "@cambium/models";
import { expect, test } from "vitest";
import { SPECIAL_PIECES } from "./special-pieces.ts";
import { takeVocabulary } from "./vocabulary.ts";

const SAPLING = new URL("../../../../packages/saplings/models/bert-2x128-v1/tokenizer.json", import.meta.url);
const json = JSON.parse(await readFile(SAPLING, "utf8")) as {
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
};
const documents = Array.from({ length: 60 }, (_, i) => `The whale is a great fish, said the old sailor number ${i}.`);

test("a taken vocabulary writes the text in pieces that the teacher has, under other ids", () => {
  const teacher = createTokenizer(json);
  const { tokenizer, files, teacherIds } = takeVocabulary(json, documents, { size: 120, leastCharacterCount: 50 });
  expect(tokenizer.vocabularySize).toBeLessThanOrEqual(120);
  expect(SPECIAL_PIECES.map((piece) => tokenizer.idOf(piece))).toEqual([0, 1, 2, 3, 4]);
  const { ids } = tokenizer.encode(documents[3]!);
  expect(ids.map((id) => teacherIds[id])).toEqual(teacher.encode(documents[3]!).ids); // the whole text fits
  const again = createTokenizer(JSON.parse(files["tokenizer.json"]!), JSON.parse(files["tokenizer_config.json"]!));
  expect(again.encode(documents[3]!).ids).toEqual(ids);
  // A word that was not taken is written in characters; one that occurs too seldom is unknown.
  expect(tokenizer.pieces("nests").length).toBeGreaterThan(1);
  expect(tokenizer.pieces("nests")).not.toContain(1);
  expect(tokenizer.pieces("q")).toEqual([1]);
  for (const [piece, id] of Object.entries(json.model.vocab))
    if (tokenizer.idOf(piece) !== undefined) expect(teacherIds[tokenizer.idOf(piece)!]).toBe(id);
});
