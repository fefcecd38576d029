import { fileURLToPath } from "node:url";
import { folder } from "@cambium/base";
import { expect, test } from "vitest";
import { readTable } from "./read-table.ts";

const fixtures = folder(fileURLToPath(new URL("../../fixtures", import.meta.url)));

test("a Parquet file of pyarrow is read, and a missing text named", async () => {
  const file = { files: fixtures, name: "rows.parquet" };
  await expect(readTable(file)).rejects.toThrow('rows.parquet, row 3: there is no text (column "text")');
  const { rows, skipped } = await readTable(file, { incomplete: "skip" });
  expect(rows).toEqual([
    { text: "one, two\nthree", label: "a", row: 1 },
    { text: "🎉 and 漢字", label: "b", row: 2 },
  ]);
  expect(skipped).toHaveLength(1);
});

test("integers that no number holds stay different classes", async () => {
  const rows = [2n ** 53n, 2n ** 53n + 1n, 7n].map((label, i) => ({ text: `text number ${i}`, label }));
  const { labels } = await readTable(rows, { kind: "classes" });
  expect(labels).toEqual(["7", "9007199254740992", "9007199254740993"]);
});

test("an encoding is none of a Parquet file's", async () => {
  const file = { files: fixtures, name: "rows.parquet" };
  await expect(readTable(file, { encoding: "utf-8" })).rejects.toThrow("encoding is an option of files of text");
});

test("what is no Parquet file is told", async () => {
  await expect(readTable({ files: fixtures, name: "metrics.json" }, { format: "parquet" })).rejects.toThrow(
    "metrics.json cannot be read as Parquet",
  );
});
