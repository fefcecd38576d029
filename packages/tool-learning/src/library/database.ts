import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CambiumError, FileError, FormatError } from "@cambium/base";
import { type Client, createClient, type InStatement, type Row } from "@libsql/client";

const VERSION = 1;

const TABLES: readonly string[] = [
  // Every version of every tool; lists and objects as JSON text. `place` is the order in which versions came.
  `CREATE TABLE IF NOT EXISTS tools (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL, version TEXT NOT NULL, name TEXT NOT NULL, language TEXT NOT NULL,
    source TEXT NOT NULL, source_hash TEXT NOT NULL, documentation TEXT NOT NULL, parameters TEXT NOT NULL,
    dependencies TEXT NOT NULL, level INTEGER NOT NULL, origin TEXT NOT NULL, tests TEXT NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL, created_ms INTEGER NOT NULL, UNIQUE (id, version)
  ) STRICT`,
  "CREATE INDEX IF NOT EXISTS tools_by_hash ON tools (source_hash)",
  // What a version was used for: each question once, its last result.
  `CREATE TABLE IF NOT EXISTS uses (
    id TEXT NOT NULL, version TEXT NOT NULL, question TEXT NOT NULL, passed INTEGER NOT NULL,
    PRIMARY KEY (id, version, question)
  ) STRICT`,
];

/** The file of a library. */
export interface Database {
  read(sql: string, args?: readonly (string | number)[]): Promise<readonly Row[]>;
  /** All statements or none. */
  write(statements: readonly InStatement[]): Promise<void>;
  close(): void;
}

async function guard<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof CambiumError) throw cause;
    const code = (cause as { code?: unknown }).code;
    const advice =
      code === "SQLITE_FULL"
        ? "its disk is full; free some room and try again"
        : code === "CLIENT_CLOSED"
          ? "it is closed"
          : (cause as Error).message;
    throw new FileError({ message: `openLibrary: the library ${path} could not be ${what}: ${advice}`, cause, path });
  }
}

function connect(path: string): Client {
  const settings = { concurrency: 1, timeout: 5000 } as const; // ms that a process waits for another one's write
  if (path === ":memory:") return createClient({ url: ":memory:", ...settings });
  const absolute = resolve(path);
  mkdirSync(dirname(absolute), { recursive: true });
  return createClient({ url: pathToFileURL(absolute).href, ...settings });
}

async function prepare(client: Client, path: string): Promise<void> {
  await client.execute("PRAGMA journal_mode = WAL");
  await client.execute("PRAGMA synchronous = NORMAL");
  const version = Number((await client.execute("PRAGMA user_version")).rows[0]!["user_version"]);
  if (version === VERSION) return;
  if (version !== 0) {
    const message = `openLibrary: the library ${path} has version ${version}, this package reads ${VERSION}; use another file`;
    throw new FormatError({ message, version, path });
  }
  await client.batch([...TABLES, `PRAGMA user_version = ${VERSION}`], "write"); // harmless when another process was first
}

/** Opens the file of a library, and makes it when it is not there; `":memory:"` keeps nothing. */
export async function openDatabase(path: string): Promise<Database> {
  const client = await guard(path, "opened", async () => connect(path));
  try {
    await guard(path, "opened", () => prepare(client, path));
  } catch (error) {
    client.close();
    throw error;
  }
  return {
    read: async (sql, args = []) => (await guard(path, "read", () => client.execute({ sql, args: [...args] }))).rows,
    write: async (statements) => {
      await guard(path, "written", () => client.batch([...statements], "write"));
    },
    close: () => client.close(),
  };
}
