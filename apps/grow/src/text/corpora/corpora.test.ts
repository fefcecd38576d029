import { expect, test } from "vitest";
import { readCharacters } from "./austen.ts";
import { readChapters } from "./bible.ts";
import { readEntries } from "./dictionaries.ts";
import { readPage } from "./documentation.ts";

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

test("a page of a manual becomes its sentences, without code, tables and links", () => {
  const html = `<html><head><title>T</title><style>p { }</style></head><body><nav><a href="/">Home page of all.</a></nav>
    <h1>The <em>open</em> call</h1><p>It opens a <a href="x.html">file</a>&nbsp;by name.</p><pre>open("x");</pre>
    <table><tr><td>A cell of it.</td></tr></table><ul><li>One&amp;two are read.</li><li>index</li></ul></body></html>`;
  expect(readPage(html)).toBe("It opens a file by name. One&two are read.");
});
