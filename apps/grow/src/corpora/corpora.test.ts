import { expect, test } from "vitest";
import { readCharacters } from "./austen.ts";
import { readChapters } from "./bible.ts";
import { readEntries } from "./dictionaries.ts";

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
