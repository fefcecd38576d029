import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { memory } from "@cambium/base";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readTable, type Table } from "./read-table.ts";
import type { TableOptions } from "./table-options.ts";

async function fileOf(name: string, content: string | Uint8Array) {
  const files = memory();
  await files.write(name, content);
  return { files, name };
}

const read = async (content: string, options: TableOptions = {}, name = "t.csv"): Promise<Table> =>
  readTable(await fileOf(name, content), options);

const plain = "text,label\nfirst of all,a\nsecond of all,b\nthird of all,a\nfourth of all,b\n";

test("quotes, line ends in quotes, a byte order mark and CRLF are read, and rows counted as a spreadsheet counts", async () => {
  const { rows, labels } = await read(
    '\uFEFFtext,label\r\n"one, ""two""\nthree",a\r\n\r\nplain text here,b\r\n"🎉 and 漢字", a \r\n',
  );
  expect(rows).toEqual([
    { text: 'one, "two"\nthree', label: "a", row: 2 },
    { text: "plain text here", label: "b", row: 4 },
    { text: "🎉 and 漢字", label: "a", row: 5 },
  ]);
  expect(labels).toEqual(["a", "b"]);
});

test.each([
  ["semicolons", ";"],
  ["tabs", "\t"],
  ["bars", "|"],
])("%s are found as delimiters", async (_, delimiter) => {
  const { rows } = await read(plain.replaceAll(",", delimiter));
  expect(rows.map(({ label }) => label)).toEqual(["a", "b", "a", "b"]);
});

test("a delimiter inside quotes is none", async () => {
  const { rows } = await read('text;label\n"a, b; c";x\n"d, e; f";y\n');
  expect(rows[0]).toEqual({ text: "a, b; c", label: "x", row: 2 });
});

test("any text survives being written by RFC 4180 and read", async () => {
  const field = fc
    .string({ minLength: 1, unit: "binary" })
    .filter((text) => text.trim() !== "" && !text.includes("\uFEFF"));
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(fc.array(field, { minLength: 2, maxLength: 8 }), async (texts) => {
      const content = ["text,label", ...texts.map((text, i) => `${quoted(text)},${quoted(`class ${i % 2}`)}`)].join(
        "\r\n",
      );
      const { rows } = await read(content, { delimiter: "," });
      expect(rows.map(({ text }) => text)).toEqual(texts);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test.each<[string, string, TableOptions, string]>([
  ["too few fields", "text,label\na b,x\nonly one\n", {}, "t.csv, row 3: expected 2 fields (text, label), got 1"],
  [
    "too many fields",
    'text,label\n"two\nlines",x\na, b,x\n',
    {},
    "row 3 (line 4): expected 2 fields (text, label), got 3",
  ],
  [
    "a quote that is never closed",
    'text,label\na b,x\n"c d,y\n',
    {},
    "row 3: its last field begins with a quote that is never closed",
  ],
  ["a quote inside a field", 'text,label\na "b" c,x\n', {}, "row 2: a quote stands inside a field"],
  ["a missing text", "text,label\na b,x\n ,y\n", {}, 't.csv, row 3: there is no text (column "text"); mend it'],
  ["a missing label", "text,label\na b,\nc d,y\n", {}, 'row 2: there is no label (column "label")'],
  ["two columns of one name", "text,text\na,b\n", {}, 'row 1: column 2 is named "text" like another'],
  ["a column without a name", "text,\na,b\n", {}, "row 1: column 2 has no name"],
  ["no rows", "text,label\n", {}, "t.csv has no rows"],
  ["nothing", "", {}, "t.csv is empty"],
  [
    "no number",
    "text,label\na b,1.5\nc d,many\n",
    { kind: "numbers" },
    'row 3: column "label" must be a number, got "many"',
  ],
  ["one class", "text,label\na b,x\nc d,x\n", {}, 'holds "x" in every row'],
  [
    "a column that is not there",
    plain,
    { text: "txt" },
    'no column "txt" for text, it has text, label; was "text" meant',
  ],
  ["label and target", plain, { label: "label", target: "text" }, "not both"],
  ["an unknown option", plain, { txet: "text" } as TableOptions, 'unknown key "txet"'],
  ["an unknown encoding", plain, { encoding: "latin-9000" }, '"latin-9000" is no encoding'],
])("%s is an error that says where", async (_, content, options, message) => {
  await expect(read(content, options)).rejects.toThrow(message);
});

test.each([
  [
    "two columns named like texts",
    "message,body,label\na b,c d,x\ne f,g h,y\n",
    "several columns that could be the text by their names: message, body",
  ],
  ["two delimiters that fit", "text,x;label\na,b;c\nd,e;f\n", 't.csv has 2 columns by "," or 2 columns by ";"'],
  [
    "whole numbers",
    "text,label\na b,1\nc d,2\ne f,3\n",
    "holds the numbers 1, 2, 3, which could be classes or amounts",
  ],
  [
    "a target with few values",
    "text,target\na,x\nb,y\nc,x\nd,y\n",
    '{ label: "target" } to learn which it is, or { target: "target" }',
  ],
  ["no column of texts", "n,label\n1,x\n2,y\n", "no column of t.csv looks like the text; it has n, label"],
])("%s are ambiguous", async (_, content, message) => {
  await expect(read(content)).rejects.toThrow(message);
  await expect(read(content)).rejects.toMatchObject({ code: "CONFIG" });
});

test("columns are found by their content where no name tells, and the notes say so", async () => {
  const content =
    "id,what was said,handled by\n1,the invoice is wrong,money\n2,it does not start,tech\n3,refund me please now,money\n4,it broke down again,tech\n";
  const { columns, notes, labels } = await read(content);
  expect(columns).toEqual({ text: "what was said", label: "handled by" });
  expect(labels).toEqual(["money", "tech"]);
  expect(notes).toEqual([
    'text: column "what was said", the only one that holds texts',
    'label: column "handled by", the only one that holds a few values again and again',
  ]);
});

test("rows without text or label are left out where that is asked for, and listed", async () => {
  const { rows, skipped } = await read("text,label\na b,x\n,y\nc d,\ne f,y\n", { incomplete: "skip" });
  expect(rows.map(({ row }) => row)).toEqual([2, 5]);
  expect(skipped).toEqual([
    { row: 3, why: 'there is no text (column "text")' },
    { row: 4, why: 'there is no label (column "label")' },
  ]);
});

test("numbers are numbers, two whole ones are classes, and both are said", async () => {
  const amounts = await read("text,score\na b,0.5\nc d,1\n");
  expect(amounts).toMatchObject({ kind: "numbers", labels: [], rows: [{ label: 0.5 }, { label: 1 }] });
  const binary = await read("text,label\na b,0\nc d,1\n");
  expect(binary).toMatchObject({ kind: "classes", labels: ["0", "1"], rows: [{ label: "0" }, { label: "1" }] });
  expect(binary.notes).toContain('kind: classes, since column "label" holds 0 and 1 only');
  const asked = await read("text,stars\na b,1\nc d,2\ne f,3\n", { kind: "classes" });
  expect(asked.labels).toEqual(["1", "2", "3"]);
});

test("odd classes are noted", async () => {
  const { notes } = await read("text,label\na b,Bug\nc d,bug\ne f,bug\ng h,N/A\ni j,N/A\n");
  expect(notes.join("\n")).toContain("differ in case or spaces only: Bug, bug");
  expect(notes.join("\n")).toContain('2 rows have the class "N/A", which reads like none');
  expect(notes.join("\n")).toContain('class "Bug" has one row');
});

test("pairs, targets and groups are found by their names", async () => {
  const pairs = await read("premise,hypothesis,label,thread\na b,c d,x,7\ne f,g h,y,\n");
  expect(pairs.rows[0]).toEqual({ text: "a b", pair: "c d", label: "x", group: "7", row: 2 });
  expect(pairs.rows[1]).not.toHaveProperty("group");
  const texts = await read("prompt,completion\na b,what comes next\nc d,and another\n");
  expect(texts).toMatchObject({ kind: "texts", rows: [{ text: "a b", target: "what comes next" }, {}] });
});

test("JSON lines and lists give the same rows as objects", async () => {
  const objects = [
    { text: "a b", label: "x" },
    { text: "c d", label: "y" },
  ];
  const given = await readTable(objects);
  const lines = await read(objects.map((object) => JSON.stringify(object)).join("\r\n"), {}, "t.jsonl");
  const list = await read(JSON.stringify(objects), {}, "t.json");
  async function* stream() {
    yield* objects;
  }
  const streamed = await readTable(stream());
  for (const table of [lines, list, streamed]) expect(table.rows).toEqual(given.rows);
});

test.each([
  ["a line that is no JSON", '{"text":"a","label":"x"}\n{', "t.jsonl", "row 2: the line is no JSON"],
  ["a line that is no object", "[1]\n", "t.jsonl", "row 1: expected an object"],
  ["a file that is no list", '{"text":"a"}', "t.json", "must be a list of objects, got object"],
  [
    "a text that is a number",
    '{"text":"a b","label":"x"}\n{"text":7,"label":"y"}',
    "t.jsonl",
    'row 2: column "text" must be a text, got 7',
  ],
  [
    "a label that is a list",
    '{"text":"a b","label":["x"]}',
    "t.jsonl",
    'row 1: column "label" must be a class or a number, got ["x"]',
  ],
  ["another ending", "a", "t.xlsx", "give a format, one of csv"],
])("%s is told", async (_, content, name, message) => {
  await expect(read(content, {}, name)).rejects.toThrow(message);
});

test("options of files are refused for rows that are given, and those of CSV for JSON", async () => {
  await expect(readTable([{ text: "a" }], { delimiter: "," })).rejects.toThrow("delimiter is an option of files");
  await expect(read("[]", { header: false }, "t.json")).rejects.toThrow("header is an option of CSV files");
});

test("a file without names of columns is read by numbers", async () => {
  const { rows } = await read("x,a b c\ny,d e f\n", { header: false, text: "2", label: "1" });
  expect(rows).toEqual([
    { text: "a b c", label: "x", row: 1 },
    { text: "d e f", label: "y", row: 2 },
  ]);
});

test("UTF-16 is read by its mark, other encodings when named, and else refused", async () => {
  const utf16 = Uint8Array.from([0xff, 0xfe, ...Buffer.from(plain, "utf16le")]);
  expect((await readTable(await fileOf("t.csv", utf16))).rows).toHaveLength(4);
  const latin = await fileOf("t.csv", Buffer.from("text,label\ncafé au lait,a\nthé,b\n", "latin1"));
  await expect(readTable(latin)).rejects.toThrow("t.csv is not UTF-8; save it as that");
  expect((await readTable(latin, { encoding: "windows-1252" })).rows[0]!.text).toBe("café au lait");
});

test("a path, an address of a file and a file of a folder are one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cambium-table-"));
  const path = join(folder, "my table.csv");
  await writeFile(path, plain);
  const [byPath, byUrl] = [await readTable(path), await readTable(pathToFileURL(path))];
  expect(byPath).toEqual(byUrl);
  expect(byPath.name).toBe("my table.csv");
  await expect(readTable(join(folder, "none.csv"))).rejects.toMatchObject({ code: "FILE" });
});

test("texts to predict for need no label, and one that is there is not looked for", async () => {
  const bare = await read("id,message\n1,first of all\n2,second of all\n", { labelled: false });
  expect(bare).toMatchObject({
    kind: "none",
    labels: [],
    columns: { text: "message" },
    rows: [{ row: 2 }, { row: 3 }],
  });
  const labelled = await read(plain, { labelled: false });
  expect(labelled.rows[0]).toEqual({ text: "first of all", row: 2 });
  await expect(read(plain, { labelled: false, label: "label" })).rejects.toThrow("labelled is false");
});
