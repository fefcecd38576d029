/** What is in a store, to look at: listed one by one, and forgotten one by one. Nothing here is needed for calls. */
import type { Json, JsonObject } from "@cambium/base";
import type { Database } from "@cambium/base/sqlite";
import { decodeReply, encodeReply } from "../messages/encoding.ts";

/** A stored reply, as plain JSON: `JSON.stringify` makes a line of an export of it. */
export interface StoredReply {
  /** SHA-256 of the request, as `CallResult.key`; what `forget` takes. */
  readonly key: string;
  readonly provider: string;
  readonly model: string;
  /** What was asked; bytes of files stand in it by their hash, as `{ "sha256": … }`. Absent when it cannot be read. */
  readonly request?: Json;
  /** What was answered; bytes of files stand in it as `{ "base64": … }`. Absent when it cannot be read. */
  readonly reply?: Json;
  /** Why request or reply are absent. Calls for such a reply end as `FORMAT` until it is forgotten. */
  readonly problem?: string;
  readonly tokens: number;
  /** US dollars. */
  readonly usd: number;
  readonly attempts: number;
  /** Time the reply took. Milliseconds. */
  readonly durationMs: number;
  /** When it was saved, in milliseconds since 1970. */
  readonly createdMs: number;
}

/** Rows that are read at once. */
const BATCH = 50;

const NANOS_PER_USD = 1e9;

type ReadFiles = (hashes: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>;

/** The hashes of the files in a stored reply. */
function hashesIn(reply: JsonObject): string[] {
  const hashes: string[] = [];
  decodeReply(reply, ({ sha256 }) => {
    hashes.push(String(sha256));
    return new Uint8Array();
  });
  return hashes;
}

async function replyOf(text: string, readFiles: ReadFiles): Promise<Json> {
  const json = JSON.parse(text) as JsonObject;
  const files = await readFiles(hashesIn(json));
  const reply = decodeReply(json, ({ sha256 }) => files.get(String(sha256))!);
  return encodeReply(reply, (bytes) => ({ base64: Buffer.from(bytes).toString("base64") }));
}

/** Every stored reply, the oldest first. Replies that are saved meanwhile come too. */
export async function* listReplies(
  database: Database,
  readFiles: ReadFiles,
): AsyncGenerator<StoredReply, void, undefined> {
  const sql = "SELECT rowid, * FROM calls WHERE rowid > ? ORDER BY rowid LIMIT ?";
  let last = 0n;
  for (;;) {
    const rows = await database.read({ sql, args: [last, BATCH] });
    for (const row of rows) {
      last = row["rowid"] as bigint;
      let told: Pick<StoredReply, "request" | "reply" | "problem">;
      try {
        const request = JSON.parse(String(row["request"])) as Json;
        told = { request, reply: await replyOf(String(row["reply"]), readFiles) };
      } catch (error) {
        if ((error as { code?: unknown }).code === "STORE") throw error;
        told = { problem: (error as Error).message };
      }
      yield {
        key: String(row["key"]),
        provider: String(row["provider"]),
        model: String(row["model"]),
        ...told,
        tokens: Number(row["tokens"]),
        usd: Number(row["nanos"]) / NANOS_PER_USD,
        attempts: Number(row["attempts"]),
        durationMs: Number(row["duration_ms"]),
        createdMs: Number(row["created_ms"]),
      };
    }
    if (rows.length < BATCH) return;
  }
}

/** Removes a reply, and the files that no other call refers to. Gives whether there was one. What it cost stays spent. */
export async function forgetReply(database: Database, key: string): Promise<boolean> {
  const [row] = await database.read({ sql: "SELECT request, reply FROM calls WHERE key = ?", args: [key] });
  if (row === undefined) return false;
  const hashes = new Set(`${row["request"]} ${row["reply"]}`.match(/\b[0-9a-f]{64}\b/g));
  const unused = "NOT EXISTS (SELECT 1 FROM calls WHERE instr(request, ?1) > 0 OR instr(reply, ?1) > 0)";
  await database.write([
    { sql: "DELETE FROM calls WHERE key = ?", args: [key] },
    ...[...hashes].map((hash) => ({ sql: `DELETE FROM files WHERE sha256 = ?1 AND ${unused}`, args: [hash] })),
  ]);
  return true;
}
