import { type Database, openDatabase } from "@cambium/base/sqlite";

const TABLES: readonly string[] = [
  // Every version of every tool; lists and objects as JSON text. `place` is the order in which versions came.
  `CREATE TABLE tools (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL, version TEXT NOT NULL, name TEXT NOT NULL, language TEXT NOT NULL,
    source TEXT NOT NULL, source_hash TEXT NOT NULL, documentation TEXT NOT NULL, parameters TEXT NOT NULL,
    dependencies TEXT NOT NULL, level INTEGER NOT NULL, origin TEXT NOT NULL, tests TEXT NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL, created_ms INTEGER NOT NULL, UNIQUE (id, version)
  ) STRICT`,
  "CREATE INDEX tools_by_hash ON tools (source_hash)",
  // What a version was used for: each question once, its last result.
  `CREATE TABLE uses (
    id TEXT NOT NULL, version TEXT NOT NULL, question TEXT NOT NULL, passed INTEGER NOT NULL,
    PRIMARY KEY (id, version, question)
  ) STRICT`,
];

/** Opens the file of a library, and creates it when it is not there; `":memory:"` keeps nothing. */
export const openLibraryFile = (path: string): Promise<Database> =>
  openDatabase(path, {
    title: "openLibrary: the library",
    applicationId: 0x43616d02, // "Cam" in ASCII and a number of the project's own
    version: 1,
    schema: TABLES,
  });
