import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CambiumError, FormatError } from "@cambium/base";
import { type Client, createClient, type InStatement, type ResultSet } from "@libsql/client";
import { StoreError } from "../errors.ts";
import { type Refusal, SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** How long a process waits for another one's write. Milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

/** One connection to the file: settings such as `synchronous` belong to a connection, not to the file. */
export interface Database {
  read(statement: InStatement): Promise<ResultSet>;
  /** All statements or none, alone among all processes. */
  write(statements: readonly InStatement[]): Promise<void>;
  /** One statement; gives the word by which a trigger refused it, if one did. */
  change(statement: InStatement): Promise<Refusal | undefined>;
  close(): void;
}

function reasonOf(code: unknown): string {
  if (code === "SQLITE_FULL") return "full";
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED") return "busy";
  if (code === "CLIENT_CLOSED") return "closed";
  return String(code ?? "unknown");
}

function refusalOf(error: unknown): Refusal | undefined {
  const { extendedCode, message } = error as { readonly extendedCode?: string; readonly message: string };
  if (extendedCode !== "SQLITE_CONSTRAINT_TRIGGER") return undefined;
  return (["stored", "held", "refused"] as const).find((word) => message.endsWith(word));
}

const ADVICE: Readonly<Record<string, string>> = {
  full: "free some room on its disk and call again",
  busy: "another process held it for longer than five seconds",
  closed: "the models are closed",
};

async function guard<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof CambiumError) throw cause;
    const reason = reasonOf((cause as { code?: unknown }).code);
    const advice = ADVICE[reason] ?? (cause as Error).message;
    throw new StoreError({
      message: `openModels: the store ${path} could not be ${what}: ${advice}`,
      cause,
      reason,
      path,
    });
  }
}

function connect(path: string): Client {
  const settings = { intMode: "bigint", concurrency: 1, timeout: BUSY_TIMEOUT_MS } as const;
  if (path === ":memory:") return createClient({ url: ":memory:", ...settings });
  const absolute = resolve(path);
  mkdirSync(dirname(absolute), { recursive: true });
  return createClient({ url: pathToFileURL(absolute).href, ...settings });
}

async function prepare(client: Client, path: string): Promise<void> {
  await client.execute("PRAGMA journal_mode = WAL");
  // A commit reaches the operating system, not the disk: what a killed process wrote stays, a power cut may take the last
  // moments (never the file's integrity). On an ordinary SSD a commit takes 0.1 to 0.8 ms; with FULL it takes 4 to 8,
  // twice a call.
  await client.execute("PRAGMA synchronous = NORMAL");
  const version = Number((await client.execute("PRAGMA user_version")).rows[0]!["user_version"]);
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) {
    throw new FormatError({
      message: `openModels: the store ${path} has version ${version}, this library reads ${SCHEMA_VERSION}; use another file`,
      version,
      path,
    });
  }
  await client.batch([...SCHEMA, `PRAGMA user_version = ${SCHEMA_VERSION}`], "write");
}

/** Opens the file, and makes it with its tables when it is not there. */
export async function openDatabase(path: string): Promise<Database> {
  const client = await guard(path, "opened", async () => connect(path));
  try {
    await guard(path, "opened", () => prepare(client, path));
  } catch (error) {
    client.close();
    throw error;
  }
  return {
    read: (statement) => guard(path, "read", () => client.execute(statement)),
    write: (statements) => guard(path, "written", async () => void (await client.batch([...statements], "write"))),
    change: (statement) =>
      guard(path, "written", async () => {
        try {
          await client.execute(statement);
          return undefined;
        } catch (error) {
          const refusal = refusalOf(error);
          if (refusal === undefined) throw error;
          return refusal;
        }
      }),
    close: () => client.close(),
  };
}
