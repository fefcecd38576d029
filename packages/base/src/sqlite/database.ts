import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Client, createClient, type InStatement, type Row } from "@libsql/client";
import * as z from "zod";
import { parseConfig } from "../config.ts";
import { freeStatements } from "./free-statements.ts";
import { guard } from "./guard.ts";
import { type Identity, PER_CONNECTION, prepare } from "./prepare.ts";

/** What a file holds and how it is opened. */
export interface DatabaseOptions extends Identity {
  /** Tables of a new file, created all or none. */
  readonly schema: readonly string[];
  /** How long a call waits for another process's write. Milliseconds, at least 0. @default 5000 */
  readonly busyTimeoutMs?: number;
  /** What integers are read as; a `"number"` above 2^53 is an error. @default "number" */
  readonly integers?: "number" | "bigint";
}

/** One connection to a file: statements run one after another, in the order in which they were asked for. */
export interface Database {
  /** Rows of a query. */
  read(statement: InStatement): Promise<readonly Row[]>;
  /** All statements or none, alone among all processes. */
  write(statements: readonly InStatement[]): Promise<void>;
  /** One statement. Gives the text of the `RAISE(ABORT, text)` by which a trigger refused it, `undefined` when none did. */
  change(statement: InStatement): Promise<string | undefined>;
  /**
   * Closes the file, after the calls under way. No file stays open, and `-wal` and `-shm` are gone unless somebody else has
   * the file open. Closing twice is no error.
   */
  close(): Promise<void>;
}

const schema = z.strictObject({
  title: z.string().min(1),
  applicationId: z.int().min(1).max(0x7fffffff),
  version: z.int().min(1).max(0x7fffffff),
  schema: z.array(z.string()),
  busyTimeoutMs: z.int().min(0).default(5000),
  integers: z.enum(["number", "bigint"]).default("number"),
});

type Settings = z.output<typeof schema>;

function connect(path: string, { busyTimeoutMs, integers }: Settings): Client {
  const settings = { intMode: integers, concurrency: 1, timeout: busyTimeoutMs } as const;
  if (path === ":memory:") return createClient({ url: ":memory:", ...settings });
  mkdirSync(dirname(path), { recursive: true });
  return createClient({ url: pathToFileURL(path).href, ...settings });
}

/** What a trigger said, if it was one that refused. */
function refusalOf(error: unknown): string | undefined {
  const { extendedCode, message } = error as { readonly extendedCode?: string; readonly message: string };
  return extendedCode === "SQLITE_CONSTRAINT_TRIGGER" ? message.replace(/^(SQLITE_\w+: )+/, "") : undefined;
}

/**
 * Opens a SQLite file in WAL mode, and creates it with its tables when it is not there.
 *
 * Whose file it is gets checked before anything is written to it: it must be empty, or carry the application id and the
 * version asked for. A commit reaches the operating system, not the disk (`synchronous = NORMAL`): what a killed process
 * wrote stays, a power cut may take the last moments, never the file's integrity.
 *
 * @param path - A file; its folder is created when absent. `":memory:"` keeps nothing.
 * @throws {FormatError} When the file is no database, another program's, or of another version; it is left as it was.
 * @throws {StoreError} When it cannot be opened, and from all methods when it cannot be read or written. `details.reason` is
 *   `"full"`, `"busy"`, `"closed"`, or SQLite's own word.
 * @example
 * const notes = await openDatabase("notes.db", {
 *   title: "openNotes: the notes",
 *   applicationId: 0x6e6f7465,
 *   version: 1,
 *   schema: ["CREATE TABLE notes (text TEXT NOT NULL) STRICT"],
 * });
 * await notes.write([{ sql: "INSERT INTO notes VALUES (?)", args: ["water the tree"] }]);
 * await notes.close();
 */
export async function openDatabase(path: string, options: DatabaseOptions): Promise<Database> {
  const settings = parseConfig<Settings>("openDatabase", schema, options);
  const file = path === ":memory:" ? path : resolve(path);
  const place = { title: settings.title, path };
  const client = await guard(place, "opened", async () => connect(file, settings));

  /** Ends when the calls so far have; a failed one has told its caller. */
  let queue: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | undefined;

  async function release(): Promise<void> {
    client.close();
    if (file !== ":memory:") await freeStatements(() => existsSync(`${file}-wal`));
  }

  try {
    await guard(place, "opened", () => prepare(client, place, settings));
  } catch (error) {
    await release();
    throw error;
  }

  /** After a statement was refused as busy libsql leaves it under way, and no transaction on its connection could commit. */
  async function renewWhenBusy(error: unknown): Promise<never> {
    if ((error as { code?: unknown }).code === "SQLITE_BUSY") {
      await client.reconnect();
      await client.execute(PER_CONNECTION);
    }
    throw error;
  }

  function run<T>(what: string, work: () => Promise<T>): Promise<T> {
    const isLate = closing !== undefined;
    const call = queue.then(() =>
      guard(place, what, () => {
        if (isLate) throw Object.assign(new Error("closed"), { code: "CLIENT_CLOSED" });
        return work().catch(renewWhenBusy);
      }),
    );
    queue = call.catch(() => undefined);
    return call;
  }

  async function close(): Promise<void> {
    await queue;
    try {
      // Whoever else has the file open copies the rest when it closes, so there is nothing to wait for.
      await guard(place, "closed", async () => {
        await client.execute("PRAGMA busy_timeout = 0");
        await client.execute("PRAGMA wal_checkpoint(TRUNCATE)");
      });
    } finally {
      await release();
    }
  }

  return {
    read: (statement) => run("read", async () => (await client.execute(statement)).rows),
    write: (statements) => run("written", async () => void (await client.batch([...statements], "write"))),
    change: (statement) =>
      run("written", async () => {
        try {
          await client.execute(statement);
          return undefined;
        } catch (error) {
          const refusal = refusalOf(error);
          if (refusal === undefined) throw error;
          return refusal;
        }
      }),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
