import type { Client } from "@libsql/client";
import { FormatError } from "../errors.ts";
import type { Place } from "./guard.ts";

/** How a file says whose it is. */
export interface Identity {
  /** Who opens what, as messages begin: `"openModels: the store"`. */
  readonly title: string;
  /** SQLite's `application_id`, by which a program knows its own files: 1 to 2^31 - 1. */
  readonly applicationId: number;
  /** Version of the tables; a file of another one is refused. At least 1. */
  readonly version: number;
}

/** Whether the file is new, in distinction to one that is ours; throws at any other. */
async function isNew(client: Client, place: Place, { applicationId, version }: Identity): Promise<boolean> {
  const number = async (sql: string) => Number((await client.execute(sql)).rows[0]![0]);
  const found = await number("PRAGMA application_id").catch((cause) => {
    if (cause.code !== "SQLITE_NOTADB") throw cause;
    const message = `${place.title} ${place.path} is no SQLite file; use another path`;
    throw new FormatError({ message, cause, path: place.path });
  });
  if (found === 0 && (await number("SELECT count(*) FROM sqlite_schema")) === 0) return true;
  if (found !== applicationId) {
    const message = `${place.title} ${place.path} is another program's file: its application id is ${found}, not ${applicationId}; use another path`;
    throw new FormatError({ message, path: place.path, applicationId: found });
  }
  const foundVersion = await number("PRAGMA user_version");
  if (foundVersion !== version) {
    const message = `${place.title} ${place.path} has version ${foundVersion}, this library reads ${version}; use another path`;
    throw new FormatError({ message, path: place.path, version: foundVersion });
  }
  return false;
}

/** What a connection forgets when it is closed. A commit waits for the operating system, not for the disk. */
export const PER_CONNECTION = "PRAGMA synchronous = NORMAL";

/** Checks whose file it is, then sets the connection up and creates the tables of a new file. */
export async function prepare(
  client: Client,
  place: Place,
  settings: Identity & { readonly schema: readonly string[] },
): Promise<void> {
  const { applicationId, version, schema } = settings;
  const wasNew = await isNew(client, place, settings);
  await client.execute("PRAGMA journal_mode = WAL");
  await client.execute(PER_CONNECTION);
  if (!wasNew) return;
  // One batch is one turn of the loop: two openings in a process must not wait for each other while one holds the lock.
  const marks = [`PRAGMA application_id = ${applicationId}`, `PRAGMA user_version = ${version}`];
  try {
    await client.batch([...schema, ...marks], "write");
  } catch (error) {
    if (await isNew(client, place, settings)) throw error; // else another process was first
  }
}
