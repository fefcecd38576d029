import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { optional } from "../optional.ts";
import { refuse } from "../refuse.ts";

/** What a cell holds. Integers beyond 2^53 are their digits, bytes are `x'…'`. */
export type Cell = string | number | null;

/** A table: its `CREATE TABLE`, and its rows. */
export type Table = {
  name: string;
  sql: string;
  columns: { name: string; type: string }[];
  rows: Cell[][];
};

/** What a query gave. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Whether there were more rows than are here. */
  readonly more: boolean;
}

/** What a change left behind. */
export interface ChangeResult {
  readonly changed: number;
  readonly tables: Table[];
}

type Reply = { readonly id: number } & (
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string }
);

const HEAP_BYTES = 64 * 1024 * 1024;

/** SQLite in a thread of its own, which is ended when a statement takes too long. */
export interface SqlThread {
  read(tables: readonly Table[], sql: string, maxRows: number, signal: AbortSignal): Promise<QueryResult>;
  change(tables: readonly Table[], sql: string, maxRows: number, signal: AbortSignal): Promise<ChangeResult>;
  close(): Promise<void>;
}

/**
 * A thread that starts with the first statement. It has no access to files, and 64 MiB for the database.
 *
 * @param wallMs - Longest time for one statement.
 */
export function sqlThread(wallMs: number): SqlThread {
  let thread: Worker | undefined;
  let loaded: readonly Table[] | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  let count = 0;

  async function stop(): Promise<void> {
    const old = thread;
    [thread, loaded] = [undefined, undefined];
    await old?.terminate();
  }

  async function ask(
    kind: "read" | "change",
    tables: readonly Table[],
    sql: string,
    maxRows: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    await optional("tables", "sql.js", async () => createRequire(import.meta.url).resolve("sql.js"));
    thread ??= new Worker(new URL("../../guest/sql.mjs", import.meta.url), {
      workerData: { heapBytes: HEAP_BYTES },
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    const worker = thread;
    const id = ++count;
    const isNew = loaded !== tables;
    const reply = await new Promise<Reply>((resolve) => {
      const done = (value: Reply): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        worker.off("message", done).off("error", failed).unref();
        resolve(value);
      };
      const end = (message: string): void => {
        void stop();
        done({ id, ok: false, message });
      };
      const timer = setTimeout(() => end(`the statement took longer than ${wallMs} ms; ask for less`), wallMs);
      const abort = (): void => end("the call was stopped");
      const failed = (error: Error): void => end(`the database failed: ${error.message}`);
      signal.addEventListener("abort", abort, { once: true });
      worker.on("message", done).on("error", failed).ref();
      worker.postMessage({ id, kind, sql, maxRows, ...(isNew ? { tables } : {}) });
    });
    if (!reply.ok) return refuse(reply.message);
    loaded = kind === "read" ? tables : (reply.value as ChangeResult).tables;
    return reply.value;
  }

  /** One after the other: the thread holds one database. */
  function inTurn(
    kind: "read" | "change",
    tables: readonly Table[],
    sql: string,
    maxRows: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const answer = queue.then(() => ask(kind, tables, sql, maxRows, signal));
    queue = answer.catch(() => undefined);
    return answer;
  }

  return {
    read: (...call) => inTurn("read", ...call) as Promise<QueryResult>,
    change: (...call) => inTurn("change", ...call) as Promise<ChangeResult>,
    async close() {
      await queue;
      await stop();
    },
  };
}
