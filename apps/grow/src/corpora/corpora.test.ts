import { expect, test } from "vitest";
import { readCharacters } from "./austen.ts";
import { readChapters } from "./bible.ts";
import { readEntries } from "./dictionaries.ts";
import { readSynset } from "./wordnet.ts";

test("a set of synonyms becomes its words and its gloss", () => {
  const line =
    '00001740 00 a 02 able 0 fit_to(p) 1 001 = 05207437 n 0000 | having the means to do something; "able to swim"  ';
  expect(readSynset(line)).toBe('able, fit to: having the means to do something; "able to swim"');
  expect(readSynset("  1 This software and database is being provided | to you")).toBeUndefined();
});

test("chapters lose their headings and the numbers of their verses", () => {
  expect(
    readChapters(
      "Genesis 1\n\n  1 In the beginning\nwas text.\n  2 And 12 more.\n\n1 Kings 2\n\n 10 So David slept.\n",
    ),
  ).toEqual(["In the beginning was text. And 12 more.", "So David slept."]);
});

test("a dictionary's entries are cut by its index, each once", () => {
  const text = Buffer.from("infoALPHA, n. First.\nBETA  {x}");
  expect(readEntries("00-database-info\tA\tE\nalpha\tE\tR\nbeta\tV\tI\nbe\tV\tI\n", text)).toEqual([
    "ALPHA, n. First.",
    "BETA x",
  ]);
});

test("R's character vectors are read in both versions", () => {
  const integer = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const string = (value: string): Buffer =>
    Buffer.concat([integer(0x40009), integer(Buffer.byteLength(value)), Buffer.from(value)]);
  const vector = [integer(16), integer(3), string("é"), integer(9), integer(-1), string("end")]; // the one in the middle is missing
  const second = [Buffer.from("X\n"), integer(2), integer(0x30000), integer(0x20300), ...vector];
  const third = [
    Buffer.from("X\n"),
    integer(3),
    integer(0x30000),
    integer(0x30500),
    integer(5),
    Buffer.from("UTF-8"),
    ...vector,
  ];
  for (const parts of [second, third]) expect(readCharacters(Buffer.concat(parts))).toEqual(["é", "", "end"]);
});
