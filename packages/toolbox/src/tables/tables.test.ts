import { memory } from "@cambium/base";
import { callTool, toolSet } from "@cambium/tool-learning";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { readTables, tableFromCsv, tableFromJson } from "./read-tables.ts";
import { type TablesOptions, tables } from "./tool.ts";

const people = tableFromCsv("people", 'name,age,zip,note\n"Ada ""A"" L.",36,01234,\nBo,7,99999,"two\nlines"\n');

function make(options: TablesOptions = {}) {
  const kit = tables({ tables: [people], ...options });
  const ask = async (verb: string, input: object): Promise<unknown> => {
    const outcome = await callTool(toolSet(kit).get(`tables_${verb}`)!, input as never);
    return outcome.ok ? outcome.value : outcome.failure.message;
  };
  return { kit, query: (sql: string) => ask("query", { sql }), change: (sql: string) => ask("change", { sql }), ask };
}

/** One thread for all tests that leave it alive; a start takes a quarter of a second. */
const reading = make();
afterAll(() => reading.kit.close());

function open(options: TablesOptions): ReturnType<typeof make> {
  const made = make(options);
  onTestFinished(() => made.kit.close());
  return made;
}

test("CSV keeps quotes, lines and leading zeros, and an empty field is NULL", async () => {
  const { query } = reading;
  expect(await query("SELECT * FROM people ORDER BY age")).toEqual({
    columns: ["name", "age", "zip", "note"],
    rows: [
      ["Bo", 7, "99999", "two\nlines"],
      ['Ada "A" L.', 36, "01234", null],
    ],
    more: false,
  });
});

test("JSON rows may lack keys, and what is no text or number is kept as its JSON", async () => {
  const { query } = open({ tables: [tableFromJson("t", [{ a: 1, b: [1, 2] }, { c: true }])] });
  expect(await query("SELECT * FROM t")).toMatchObject({
    columns: ["a", "b", "c"],
    rows: [
      [1, "[1,2]", null],
      [null, null, 1],
    ],
  });
});

test("a folder's CSV and JSON files become tables", async () => {
  const files = memory();
  await files.write("a.csv", "x\n1\n");
  await files.write("b.json", '[{"y":2}]');
  await files.write("c.txt", "no table");
  expect((await readTables(files)).map(({ name }) => name)).toEqual(["a", "b"]);
  await files.write("d.json", "{}");
  await expect(readTables(files)).rejects.toThrow('"d" must be a list of objects');
});

test("integers beyond 2^53 come exactly, as text", async () => {
  expect(await reading.query("SELECT 9007199254740993, 12")).toMatchObject({ rows: [["9007199254740993", 12]] });
});

test.each([
  ["DELETE FROM people", "only SELECT"],
  ["SELECT 1; DROP TABLE people", "only one statement"],
  ["WITH x AS (SELECT 1) DELETE FROM people", "readonly"],
  ["/* a */ -- b\nINSERT INTO people VALUES (1, 2, 3, 4)", "only SELECT"],
  ["PRAGMA query_only = OFF", "only SELECT"],
  ["ATTACH DATABASE '/etc/passwd' AS x", "only SELECT"],
  ["SELECT load_extension('x')", "no such function"],
  ["SELECT readfile('/etc/passwd')", "no such function"],
  ["SELECT nam FROM people", "no such column"],
  ["", "expected string to have"],
  ["-- nothing", "only SELECT"],
])("a query that is no mere reading is refused: %s", async (sql, message) => {
  const { kit, query } = reading;
  const before = kit.snapshot();
  expect(await query(sql)).toMatch(message);
  expect(kit.snapshot()).toEqual(before);
  expect(await query("SELECT count(*) FROM people")).toMatchObject({ rows: [[2]] });
});

test("a statement that never ends is stopped, and the next one works", async () => {
  const { query } = open({ wallMs: 400 });
  await query("SELECT 1");
  expect(await query("WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT sum(n) FROM x")).toMatch(
    "took longer than 400 ms",
  );
});

test("a statement that wants all memory fails, and the next one works", async () => {
  const { query } = reading;
  expect(await query("SELECT length(hex(randomblob(200000000)))")).toMatch(/out of memory|too big/);
  expect(await query("SELECT 1")).toMatchObject({ rows: [[1]] });
});

test("more rows than are shown are announced", async () => {
  const { query } = reading;
  const result = (await query(
    "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 1000) SELECT n FROM x",
  )) as { rows: unknown[]; more: boolean };
  expect([result.rows.length, result.more]).toEqual([200, true]);
});

test("changes happen only where they are allowed, whole or not at all, and are in the snapshot", async () => {
  expect(toolSet(reading.kit).names).not.toContain("tables_change");
  const { kit, query, change } = open({ writable: true });
  expect(await change("UPDATE people SET age = age + 1")).toEqual({ changed: 2 });
  expect(await change("CREATE TABLE pets (name TEXT NOT NULL UNIQUE)")).toEqual({ changed: 0 });
  expect(await change("INSERT INTO pets VALUES ('Rex'), ('Rex')")).toMatch("UNIQUE");
  expect(await query("SELECT count(*) FROM pets")).toMatchObject({ rows: [[0]] });
  expect(await change("ATTACH DATABASE 'x' AS y")).toMatch("only INSERT");
  const later = kit.snapshot();
  expect(later.tables[0]!.rows.map((row) => row[1])).toEqual([37, 8]);
  const other = open({ writable: true });
  other.kit.restore(later);
  expect(await other.change("INSERT INTO pets VALUES ('Rex')")).toEqual({ changed: 1 });
  expect(await other.change("INSERT INTO pets VALUES ('Rex')")).toMatch("UNIQUE");
});

test.each([
  ["a,b\n1\n", "is no CSV"],
  ["a,A\n1,2\n", "different names"],
])("the CSV %j is refused", (text, message) => {
  expect(() => tableFromCsv("t", text)).toThrow(message);
});
