// A thread with one SQLite database in memory. It has no files: what it holds came in a message, and goes when it ends.
import { parentPort, workerData } from "node:worker_threads";
import initSqlJs from "sql.js";

const { heapBytes } = workerData;
const READS = /^\s*(SELECT|WITH|VALUES|EXPLAIN)\b/i;
const CHANGES = /^\s*(INSERT|UPDATE|DELETE|REPLACE|WITH|(CREATE|ALTER|DROP)\s+TABLE)\b/i;

const SQL = await initSqlJs();
let db;

const quote = (name) => `"${name.replaceAll('"', '""')}"`;

/** Integers that a double holds as numbers, larger ones as their digits, bytes in hexadecimal. */
function plain(value) {
  if (typeof value === "bigint") {
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(value)
      : `${value}`;
  }
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  return typeof value === "number" && !Number.isFinite(value) ? `${value}` : value;
}

function load(tables) {
  db?.close();
  db = new SQL.Database();
  db.run(`PRAGMA hard_heap_limit = ${heapBytes}`);
  db.run("BEGIN");
  for (const { sql, name, columns, rows } of tables) {
    db.run(sql);
    if (rows.length === 0) continue;
    const insert = db.prepare(`INSERT INTO ${quote(name)} VALUES (${columns.map(() => "?").join(", ")})`);
    for (const row of rows) insert.run(row);
    insert.free();
  }
  db.run("COMMIT");
}

/** Everything that is in the database. */
function dump(maxRows) {
  const named = db.exec(
    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
  );
  return (named[0]?.values ?? []).map(([name, sql]) => {
    const columns = db.exec(`PRAGMA table_info(${quote(name)})`)[0].values.map(([, name, type]) => ({ name, type }));
    const { rows, more } = collect(db.prepare(`SELECT * FROM ${quote(name)}`), maxRows);
    if (more) throw new Error(`the table "${name}" would have more than ${maxRows} rows`);
    return { name, sql, columns, rows };
  });
}

function collect(statement, maxRows) {
  const rows = [];
  let more = false;
  while (statement.step()) {
    if (rows.length === maxRows) {
      more = true;
      break;
    }
    rows.push(statement.get(null, { useBigInt: true }).map(plain));
  }
  const columns = statement.getColumnNames();
  statement.free();
  return { columns, rows, more };
}

/** The one statement in a text. */
function single(sql) {
  const statements = db.iterateStatements(sql)[Symbol.iterator]();
  const { value, done } = statements.next();
  if (done) throw new Error("there is no statement");
  const text = value.getSQL(); // before the next one frees it
  if (!statements.next().done) throw new Error("only one statement is run at a time");
  return db.prepare(text);
}

function read(sql, maxRows) {
  if (!READS.test(sql.replace(/^(\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/, ""))) {
    throw new Error("only SELECT, VALUES, WITH and EXPLAIN are run here; nothing is changed");
  }
  db.run("PRAGMA query_only = ON");
  return collect(single(sql), maxRows);
}

function change(sql, maxRows) {
  if (!CHANGES.test(sql))
    throw new Error("only INSERT, UPDATE, DELETE, REPLACE and CREATE, ALTER or DROP TABLE are run here");
  db.run("PRAGMA query_only = OFF");
  db.run("SAVEPOINT change");
  try {
    collect(single(sql), 0);
    const changed = /^\s*(CREATE|ALTER|DROP)/i.test(sql) ? 0 : db.getRowsModified();
    const tables = dump(maxRows);
    db.run("RELEASE change");
    return { changed, tables };
  } catch (error) {
    db.run("ROLLBACK TO change; RELEASE change");
    throw error;
  }
}

parentPort.on("message", ({ id, tables, sql, kind, maxRows }) => {
  try {
    if (tables !== undefined) load(tables);
    const value = kind === "read" ? read(sql, maxRows) : change(sql, maxRows);
    parentPort.postMessage({ id, ok: true, value });
  } catch (error) {
    parentPort.postMessage({ id, ok: false, message: error instanceof Error ? error.message : String(error) });
  }
});
