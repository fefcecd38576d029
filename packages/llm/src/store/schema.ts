/** What tells a call store from other SQLite files: "Camb" in ASCII, with a number in the last byte. */
export const APPLICATION_ID = 0x43616d01;

/** Version of the tables below; a store of another one is refused. */
export const SCHEMA_VERSION = 1;

/**
 * The tables, and the two changes that touch several of them at once: inserting into `openings` and into `settlements`.
 * Written as triggers they are one statement each, which is all or nothing and quick. They refuse by the words `stored`,
 * `held` and `refused`.
 *
 * `nanos` are billionths of a US dollar; SQLite's integers hold 2^63 of them.
 */
export const SCHEMA: readonly string[] = [
  // Every reply, under the hash of its request. The request is kept for people who look.
  `CREATE TABLE calls (
    key TEXT PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL, reply TEXT NOT NULL,
    tokens INTEGER NOT NULL, nanos INTEGER NOT NULL, attempts INTEGER NOT NULL,
    duration_ms REAL NOT NULL, created_ms INTEGER NOT NULL
  ) STRICT`,
  // Bytes of files in requests and replies, each once.
  "CREATE TABLE files (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
  // What was spent, reservations included.
  `CREATE TABLE budgets (
    name TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL, nanos INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // Requests under way ("open"), and those whose price will never be known ("lost"). Both are in the sums above.
  `CREATE TABLE reservations (
    id TEXT PRIMARY KEY, budget TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
    tokens INTEGER NOT NULL, nanos INTEGER NOT NULL, opened_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // Processes that make requests. A heartbeat that stands still for long is a dead process.
  "CREATE TABLE owners (id TEXT PRIMARY KEY, heartbeat INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  // Who is asking for a key right now.
  "CREATE TABLE leases (key TEXT PRIMARY KEY, owner TEXT NOT NULL) STRICT, WITHOUT ROWID",

  // Before a request: takes the lease and reserves the upper bound.
  `CREATE VIEW openings AS SELECT
    '' AS key, '' AS owner, '' AS budget, '' AS reservation, 0 AS tokens, 0 AS nanos, 0 AS opened_ms,
    0 AS most_calls, 0 AS most_tokens, 0 AS most_nanos`,
  `CREATE TRIGGER open INSTEAD OF INSERT ON openings BEGIN
    SELECT RAISE(ABORT, 'stored') WHERE EXISTS (SELECT 1 FROM calls WHERE key = NEW.key);
    SELECT RAISE(ABORT, 'held') FROM leases WHERE key = NEW.key AND owner <> NEW.owner;
    SELECT RAISE(ABORT, 'refused') FROM budgets WHERE name = NEW.budget AND (
      calls + 1 > NEW.most_calls OR tokens + NEW.tokens > NEW.most_tokens OR nanos + NEW.nanos > NEW.most_nanos);
    INSERT INTO leases VALUES (NEW.key, NEW.owner) ON CONFLICT DO NOTHING;
    UPDATE budgets SET calls = calls + 1, tokens = tokens + NEW.tokens, nanos = nanos + NEW.nanos WHERE name = NEW.budget;
    INSERT INTO reservations VALUES (
      NEW.reservation, NEW.budget, NEW.owner, NEW.key, 'open', NEW.tokens, NEW.nanos, NEW.opened_ms);
  END`,

  // After it: saves the reply, enters the true price and frees the lease.
  `CREATE VIEW settlements AS SELECT
    '' AS reservation, '' AS owner, '' AS key, '' AS provider, '' AS model, '' AS request, '' AS reply, 0 AS tokens, 0 AS nanos,
    0 AS attempts, 0 AS duration_ms, 0 AS created_ms`,
  `CREATE TRIGGER settle INSTEAD OF INSERT ON settlements BEGIN
    SELECT RAISE(ABORT, 'stored') WHERE EXISTS (SELECT 1 FROM calls WHERE key = NEW.key);
    INSERT INTO calls VALUES (
      NEW.key, NEW.provider, NEW.model, NEW.request, NEW.reply, NEW.tokens, NEW.nanos,
      NEW.attempts, NEW.duration_ms, NEW.created_ms);
    UPDATE budgets SET tokens = budgets.tokens + NEW.tokens - held.tokens, nanos = budgets.nanos + NEW.nanos - held.nanos
      FROM (SELECT * FROM reservations WHERE id = NEW.reservation) AS held WHERE name = held.budget;
    DELETE FROM reservations WHERE id = NEW.reservation;
    DELETE FROM leases WHERE key = NEW.key AND owner = NEW.owner;
  END`,
];
