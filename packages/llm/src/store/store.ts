/**
 * The call store: replies under the hash of their request, and the ledger of what was spent. Every change that must hold
 * together is one SQL statement or transaction, so that a process may die between any two of them:
 *
 * `open` takes the lease of a key and reserves an upper bound on the price, both or neither;
 * `settle` saves the reply, enters the true price and frees the lease; `refund` and `lose` end a request without a reply.
 */
import { FormatError, type JsonObject, sha256 } from "@cambium/base";
import { openDatabase } from "@cambium/base/sqlite";
import type { InStatement } from "@libsql/client";
import { decodeReply, encodeReply } from "../messages/encoding.ts";
import type { Reply } from "../messages/request.ts";
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from "./schema.ts";
import { forgetReply, listReplies, type StoredReply } from "./shelf.ts";

/** Tokens and billionths of a US dollar. */
export interface Cost {
  readonly tokens: number;
  readonly nanos: bigint;
}

/** The most that may be spent; `undefined` does not limit. */
export interface Limits {
  readonly calls: number | undefined;
  readonly tokens: number | undefined;
  readonly nanos: bigint | undefined;
}

/** The sums of a budget, reservations included. */
export interface Ledger {
  readonly calls: number;
  readonly tokens: number;
  readonly nanos: bigint;
}

/** A reply and what is known of how it was made. */
export interface StoredCall {
  readonly key: string;
  readonly reply: Reply;
  readonly tokens: number;
  readonly nanos: bigint;
  readonly attempts: number;
  readonly durationMs: number;
}

/** What `settle` needs beside the reply: the request as it is kept, with its files. */
export interface CallRecord extends StoredCall {
  readonly provider: string;
  readonly model: string;
  readonly request: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly createdMs: number;
}

/** A lease as another process sees it. */
export interface Holder {
  readonly owner: string;
  /** `undefined` when the owner is gone. */
  readonly heartbeat: bigint | undefined;
}

/** What a process asks for before a request. */
export interface Opening {
  readonly key: string;
  readonly reservation: string;
  readonly cost: Cost;
  readonly limits: Limits;
  readonly openedMs: number;
  /** A holder to be taken over, if it still is the holder and its heartbeat still is the same. */
  readonly dead?: Holder;
}

/** The answer: go ahead, or why not. */
export type Opened =
  | { readonly type: "open" }
  | { readonly type: "stored"; readonly call: StoredCall }
  | { readonly type: "held"; readonly holder: Holder }
  | { readonly type: "refused"; readonly ledger: Ledger };

/** The store of one process. */
export interface Store {
  find(key: string): Promise<StoredCall | undefined>;
  open(opening: Opening): Promise<Opened>;
  /** The saved call: this one, or the one that another process saved before. */
  settle(reservation: string, record: CallRecord): Promise<StoredCall>;
  /** Nothing was spent after all. */
  refund(reservation: string): Promise<void>;
  /** What was spent will not be known: the upper bound stays in the ledger. */
  lose(reservation: string): Promise<void>;
  /** Frees the lease of a key without a reply. */
  release(key: string): Promise<void>;
  /** Shows others that this process lives. */
  heartbeat(): Promise<void>;
  ledger(): Promise<Ledger>;
  list(): AsyncGenerator<StoredReply, void, undefined>;
  /** Removes a reply; whether there was one. */
  forget(key: string): Promise<boolean>;
  close(): Promise<void>;
}

const UNLIMITED = 2n ** 63n - 1n;

/** Opens the store for one process, known to others as `owner`, booking under `budget`. */
export async function openStore(path: string, owner: string, budget: string): Promise<Store> {
  const database = await openDatabase(path, {
    title: "openModels: the store",
    applicationId: APPLICATION_ID,
    version: SCHEMA_VERSION,
    schema: SCHEMA,
    integers: "bigint",
  });
  await database.write([
    { sql: "INSERT INTO owners VALUES (?, 0)", args: [owner] },
    { sql: "INSERT INTO budgets VALUES (?, 0, 0, 0) ON CONFLICT DO NOTHING", args: [budget] },
  ]);

  async function readFiles(hashes: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>();
    for (const hash of hashes) {
      const rows = await database.read({ sql: "SELECT bytes FROM files WHERE sha256 = ?", args: [hash] });
      const bytes = rows[0] === undefined ? undefined : new Uint8Array(rows[0]["bytes"] as ArrayBuffer);
      if (bytes === undefined || sha256(bytes) !== hash) {
        throw new FormatError({ message: `openModels: the store ${path} lacks the file ${hash}`, hash, path });
      }
      files.set(hash, bytes);
    }
    return files;
  }

  async function parseReply(key: string, text: string): Promise<Reply> {
    try {
      const json = JSON.parse(text) as JsonObject;
      const hashes: string[] = [];
      decodeReply(json, ({ sha256: hash }) => {
        hashes.push(String(hash));
        return new Uint8Array();
      });
      const files = await readFiles(hashes);
      return decodeReply(json, ({ sha256: hash }) => files.get(String(hash))!);
    } catch (cause) {
      throw new FormatError({
        message: `openModels: the store ${path} holds no reply under ${key} that can be read; forget("${key}") removes it, and it is asked for again`,
        cause,
        key,
      });
    }
  }

  async function find(key: string): Promise<StoredCall | undefined> {
    const rows = await database.read({
      sql: "SELECT reply, tokens, nanos, attempts, duration_ms FROM calls WHERE key = ?",
      args: [key],
    });
    const row = rows[0];
    if (row === undefined) return undefined;
    return {
      key,
      reply: await parseReply(key, String(row["reply"])),
      tokens: Number(row["tokens"]),
      nanos: row["nanos"] as bigint,
      attempts: Number(row["attempts"]),
      durationMs: Number(row["duration_ms"]),
    };
  }

  async function ledger(): Promise<Ledger> {
    const sql = "SELECT calls, tokens, nanos FROM budgets WHERE name = ?";
    const row = (await database.read({ sql, args: [budget] }))[0]!;
    return { calls: Number(row["calls"]), tokens: Number(row["tokens"]), nanos: row["nanos"] as bigint };
  }

  /** The holder of a lease; one that is gone meanwhile has no heartbeat, so that the next look finds another. */
  async function holderOf(key: string): Promise<Holder> {
    const sql = "SELECT owner, heartbeat FROM leases LEFT JOIN owners ON owners.id = leases.owner WHERE key = ?";
    const row = (await database.read({ sql, args: [key] }))[0];
    return { owner: String(row?.["owner"]), heartbeat: (row?.["heartbeat"] as bigint | null | undefined) ?? undefined };
  }

  /** Ends a reservation with what was spent. */
  function closing(reservation: string, { calls, tokens, nanos }: Ledger): InStatement[] {
    const held = "(SELECT * FROM reservations WHERE id = ?) AS held WHERE name = held.budget";
    const sums =
      "calls = calls - 1 + ?, tokens = budgets.tokens - held.tokens + ?, nanos = budgets.nanos - held.nanos + ?";
    return [
      { sql: `UPDATE budgets SET ${sums} FROM ${held}`, args: [calls, tokens, nanos, reservation] },
      { sql: "DELETE FROM reservations WHERE id = ?", args: [reservation] },
    ];
  }

  return {
    find,
    ledger,
    list: () => listReplies(database, readFiles),
    forget: (key) => forgetReply(database, key),

    async open({ key, reservation, cost, limits, openedMs, dead }) {
      if (dead !== undefined) {
        const sql =
          "UPDATE leases SET owner = ? WHERE key = ? AND owner = ? AND (SELECT heartbeat FROM owners WHERE id = ?) IS ?";
        await database.change({ sql, args: [owner, key, dead.owner, dead.owner, dead.heartbeat ?? null] });
      }
      const refusal = await database.change({
        sql: "INSERT INTO openings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        args: [
          ...[key, owner, budget, reservation, cost.tokens, cost.nanos, openedMs],
          ...[limits.calls ?? UNLIMITED, limits.tokens ?? UNLIMITED, limits.nanos ?? UNLIMITED],
        ],
      });
      if (refusal === undefined) return { type: "open" };
      if (refusal === "refused") return { type: "refused", ledger: await ledger() };
      const call = await find(key);
      if (call !== undefined) return { type: "stored", call };
      return { type: "held", holder: await holderOf(key) };
    },

    async settle(reservation, record) {
      const files = new Map(record.files);
      const reply = encodeReply(record.reply, (bytes) => {
        const hash = sha256(bytes);
        files.set(hash, bytes);
        return { sha256: hash };
      });
      // Files first: a crash in between leaves a file without a reply, never a reply without a file.
      const sql = "INSERT INTO files VALUES (?, ?) ON CONFLICT DO NOTHING";
      if (files.size > 0) await database.write([...files].map((args) => ({ sql, args })));
      const refusal = await database.change({
        sql: "INSERT INTO settlements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        args: [
          ...[reservation, owner, record.key, record.provider, record.model, record.request, JSON.stringify(reply)],
          ...[record.tokens, record.nanos, record.attempts, record.durationMs, record.createdMs],
        ],
      });
      if (refusal === undefined) return record;
      await database.write(closing(reservation, { calls: 1, tokens: record.tokens, nanos: record.nanos }));
      return (await find(record.key))!;
    },

    async refund(reservation) {
      await database.write(closing(reservation, { calls: 0, tokens: 0, nanos: 0n }));
    },

    async lose(reservation) {
      await database.change({ sql: "UPDATE reservations SET state = 'lost' WHERE id = ?", args: [reservation] });
    },

    async release(key) {
      await database.change({ sql: "DELETE FROM leases WHERE key = ? AND owner = ?", args: [key, owner] });
    },

    async heartbeat() {
      await database.change({ sql: "UPDATE owners SET heartbeat = heartbeat + 1 WHERE id = ?", args: [owner] });
    },

    async close() {
      try {
        await database.write([
          { sql: "DELETE FROM leases WHERE owner = ?", args: [owner] },
          { sql: "DELETE FROM owners WHERE id = ?", args: [owner] },
        ]);
      } finally {
        await database.close();
      }
    },
  };
}
