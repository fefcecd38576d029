/** Version of the tables below; a store of another one is refused. */
export const SCHEMA_VERSION = 1;

/** The tables. `nanos` are billionths of a US dollar; SQLite's integers hold 2^63 of them. */
export const SCHEMA: readonly string[] = [
  // Every reply, under the hash of its request. The request is kept for people who look.
  `CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL, reply TEXT NOT NULL,
    tokens INTEGER NOT NULL, nanos INTEGER NOT NULL, attempts INTEGER NOT NULL,
    duration_ms REAL NOT NULL, created_ms INTEGER NOT NULL
  ) STRICT`,
  // Bytes of files in requests and replies, each once.
  "CREATE TABLE IF NOT EXISTS files (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
  // What was spent, reservations included.
  `CREATE TABLE IF NOT EXISTS budgets (
    name TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL, nanos INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // Requests under way ("open"), and those whose price will never be known ("lost"). Both are in the sums above.
  `CREATE TABLE IF NOT EXISTS reservations (
    id TEXT PRIMARY KEY, budget TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
    tokens INTEGER NOT NULL, nanos INTEGER NOT NULL, opened_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // Processes that make requests. A beat that stands still for long is a dead process.
  "CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY, beat INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  // Who is asking for a key right now.
  "CREATE TABLE IF NOT EXISTS leases (key TEXT PRIMARY KEY, owner TEXT NOT NULL) STRICT, WITHOUT ROWID",
];
