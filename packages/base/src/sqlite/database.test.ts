import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { expect, onTestFinished, test } from "vitest";
import { type Database, type DatabaseOptions, openDatabase } from "./database.ts";

const options: DatabaseOptions = {
  title: "openNotes: the notes",
  applicationId: 0x6e6f7465,
  version: 3,
  schema: [
    "CREATE TABLE notes (text TEXT NOT NULL UNIQUE) STRICT",
    `CREATE TRIGGER polite BEFORE INSERT ON notes WHEN NEW.text = 'rude' BEGIN
       SELECT RAISE(ABORT, 'not here: mind your words');
     END`,
  ],
};

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cambium-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function open(path: string, more: Partial<DatabaseOptions> = {}): Promise<Database> {
  const database = await openDatabase(path, { ...options, ...more });
  onTestFinished(() => database.close());
  return database;
}

const insert = (text: string) => ({ sql: "INSERT INTO notes VALUES (?)", args: [text] });

async function texts(database: Database): Promise<unknown[]> {
  return (await database.read("SELECT text FROM notes ORDER BY rowid")).map((row) => row["text"]);
}

/** Files below a folder that this process holds open. */
function openBelow(folder: string): string[] {
  return readdirSync("/proc/self/fd")
    .map((descriptor) => {
      try {
        return readlinkSync(`/proc/self/fd/${descriptor}`);
      } catch {
        return ""; // closed meanwhile
      }
    })
    .filter((target) => target.startsWith(folder));
}

/** What another program does with the file. */
async function elsewhere(path: string, statements: readonly string[]): Promise<void> {
  const client = createClient({ url: pathToFileURL(path).href });
  await client.batch([...statements], "write");
  client.close();
}

test("what was written is there when the file is opened again, and its folder was created", async () => {
  const path = join(emptyFolder(), "deep/er/notes.db");
  const first = await open(path);
  await first.write([insert("a"), insert("b")]);
  await first.close();
  expect(await texts(await open(path))).toEqual(["a", "b"]);
});

test("the file carries the application id and the version, where other programs look for them", async () => {
  const path = join(emptyFolder(), "notes.db");
  await (await open(path)).close();
  const header = readFileSync(path);
  expect(header.readUInt32BE(68)).toBe(options.applicationId);
  expect(header.readUInt32BE(60)).toBe(options.version);
});

test("after close no -wal and no -shm is left behind", async () => {
  const folder = emptyFolder();
  const database = await open(join(folder, "notes.db"));
  await database.write([insert("a")]);
  await texts(database);
  expect(readdirSync(folder).sort()).toEqual(["notes.db", "notes.db-shm", "notes.db-wal"]);
  await database.close();
  expect(readdirSync(folder)).toEqual(["notes.db"]);
});

test("after close no file stays open", async ({ skip }) => {
  skip(!existsSync("/proc/self/fd"), "open files are listed in Linux's /proc only");
  const folder = emptyFolder();
  const database = await open(join(folder, "notes.db"));
  await database.write([insert("a")]);
  await texts(database);
  await database.change(insert("rude"));
  expect(openBelow(folder)).not.toEqual([]);
  await database.close();
  expect(openBelow(folder)).toEqual([]);
});

test.each<[what: string, statements: readonly string[], message: string]>([
  ["another application's", ["CREATE TABLE a (x)", "PRAGMA application_id = 7"], "its application id is 7"],
  ["one with tables and no id", ["CREATE TABLE a (x)", "PRAGMA user_version = 3"], "is another program's file"],
  [
    "one of another version",
    [`PRAGMA application_id = ${options.applicationId}`, "CREATE TABLE notes (text)", "PRAGMA user_version = 4"],
    "has version 4, this library reads 3",
  ],
])("%s is refused and left as it was", async (_, statements, message) => {
  const folder = emptyFolder();
  const path = join(folder, "notes.db");
  await elsewhere(path, statements);
  const before = readFileSync(path);
  await expect(open(path)).rejects.toThrow(
    expect.objectContaining({ code: "FORMAT", message: expect.stringContaining(message) }),
  );
  expect(readFileSync(path)).toEqual(before);
  expect(readdirSync(folder)).toEqual(["notes.db"]);
});

test("a file that is no database is refused and left as it was", async () => {
  const path = join(emptyFolder(), "notes.db");
  const content = "dear diary\n".repeat(500);
  writeFileSync(path, content);
  await expect(open(path)).rejects.toThrow(expect.objectContaining({ code: "FORMAT" }));
  expect(readFileSync(path, "utf8")).toBe(content);
});

test("a path that cannot be opened is an error of the store", async () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, "notes.db"));
  writeFileSync(join(folder, "file"), "");
  await expect(open(join(folder, "notes.db"))).rejects.toThrow(expect.objectContaining({ code: "STORE" }));
  await expect(open(join(folder, "file/notes.db"))).rejects.toThrow(
    expect.objectContaining({ code: "STORE", message: expect.stringContaining("openNotes: the notes") }),
  );
});

test("a schema that fails leaves a file that is still new", async () => {
  const path = join(emptyFolder(), "notes.db");
  const schema = ["CREATE TABLE a (x)", "CREATE TABLE a (y)"];
  await expect(open(path, { schema })).rejects.toThrow(expect.objectContaining({ code: "STORE" }));
  expect(await texts(await open(path))).toEqual([]);
});

test("several that open a new file at once create it once", async () => {
  const path = join(emptyFolder(), "notes.db");
  const all = await Promise.all(Array.from({ length: 5 }, () => open(path)));
  await Promise.all(all.map((database, i) => database.write([insert(String(i))])));
  expect((await texts(all[0]!)).sort()).toEqual(["0", "1", "2", "3", "4"]);
});

test("a write happens as a whole or not at all", async () => {
  const database = await open(join(emptyFolder(), "notes.db"));
  await expect(database.write([insert("a"), insert("a")])).rejects.toThrow(expect.objectContaining({ code: "STORE" }));
  expect(await texts(database)).toEqual([]);
});

test("a change that a trigger refuses gives the trigger's words", async () => {
  const database = await open(":memory:");
  expect(await database.change(insert("kind"))).toBeUndefined();
  expect(await database.change(insert("rude"))).toBe("not here: mind your words");
  await expect(database.change(insert("kind"))).rejects.toThrow(expect.objectContaining({ code: "STORE" }));
  expect(await texts(database)).toEqual(["kind"]);
});

test("a write that another connection holds up is refused as busy, and succeeds once it is free", async () => {
  const path = join(emptyFolder(), "notes.db");
  const database = await open(path, { busyTimeoutMs: 0 });
  const other = createClient({ url: pathToFileURL(path).href });
  const transaction = await other.transaction("write");
  await expect(database.write([insert("a")])).rejects.toThrow(
    expect.objectContaining({ code: "STORE", details: expect.objectContaining({ reason: "busy", path }) }),
  );
  transaction.close();
  other.close();
  await database.write([insert("a")]);
});

test("closing waits for the calls under way, and a call after it is refused", async () => {
  const path = join(emptyFolder(), "notes.db");
  const database = await open(path);
  const written = database.write([insert("a")]);
  const closed = database.close();
  await expect(database.write([insert("b")])).rejects.toThrow(
    expect.objectContaining({ code: "STORE", details: expect.objectContaining({ reason: "closed" }) }),
  );
  await Promise.all([written, closed, database.close()]);
  expect(await texts(await open(path))).toEqual(["a"]);
});

test("closing leaves the file to others that have it open", async () => {
  const folder = emptyFolder();
  const [first, second] = [await open(join(folder, "notes.db")), await open(join(folder, "notes.db"))];
  await first.write([insert("a")]);
  await first.close();
  await second.write([insert("b")]);
  expect(await texts(second)).toEqual(["a", "b"]);
  await second.close();
  expect(readdirSync(folder)).toEqual(["notes.db"]);
});

test("integers beyond 2^53 are read exactly as bigint", async () => {
  const database = await open(":memory:", { integers: "bigint" });
  expect((await database.read("SELECT 9007199254740993 AS n"))[0]!["n"]).toBe(9007199254740993n);
});

test("an unknown option is an error that names the nearest one", async () => {
  await expect(openDatabase(":memory:", { ...options, busyTimeout: 1 } as never)).rejects.toThrow(
    'unknown key "busyTimeout"; is "busyTimeoutMs" meant?',
  );
});
