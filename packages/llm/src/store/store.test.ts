import { createClient } from "@libsql/client";
import { expect, test } from "vitest";
import type { Reply } from "../messages/request.ts";
import { freshFolder } from "../open-models.fixture.ts";
import { type CallRecord, type Opening, openStore } from "./store.ts";

const reply: Reply = { content: [{ type: "text", text: "ok" }], finish: "stop" };
const noLimits = { calls: undefined, tokens: undefined, nanos: undefined };

const opening = (key: string, reservation: string, more: Partial<Opening> = {}): Opening => ({
  ...{ key, reservation, cost: { tokens: 100, nanos: 1000n }, limits: noLimits, openedMs: 0 },
  ...more,
});

const record = (key: string, more: Partial<CallRecord> = {}): CallRecord => ({
  ...{ key, reply, tokens: 7, nanos: 70n, attempts: 1, durationMs: 1.5, provider: "p", model: "m" },
  ...{ request: "{}", files: new Map(), createdMs: 1 },
  ...more,
});

test("a reservation is in the ledger until it is settled, refunded or lost", async () => {
  const store = await openStore(":memory:", "me", "b");
  for (const name of ["settled", "refunded", "lost"]) await store.open(opening(name, name));
  expect(await store.ledger()).toEqual({ calls: 3, tokens: 300, nanos: 3000n });
  await store.settle("settled", record("settled"));
  expect(await store.ledger()).toEqual({ calls: 3, tokens: 207, nanos: 2070n });
  await store.refund("refunded");
  await store.refund("refunded"); // once is enough
  expect(await store.ledger()).toEqual({ calls: 2, tokens: 107, nanos: 1070n });
  await store.lose("lost");
  expect(await store.ledger()).toEqual({ calls: 2, tokens: 107, nanos: 1070n });
  await store.close();
});

test("sums past 2^53 stay exact", async () => {
  const store = await openStore(":memory:", "me", "b");
  const huge = 2n ** 61n;
  await store.open(opening("a", "a", { cost: { tokens: 2 ** 52, nanos: huge } }));
  await store.open(opening("b", "b", { cost: { tokens: 2 ** 52, nanos: 1n } }));
  expect((await store.ledger()).nanos).toBe(huge + 1n);
  const limits = { ...noLimits, nanos: huge + 2n };
  const refused = await store.open(opening("c", "c", { cost: { tokens: 1, nanos: 2n }, limits }));
  expect(refused.type).toBe("refused");
  expect((await store.open(opening("c", "c", { cost: { tokens: 1, nanos: 1n }, limits }))).type).toBe("open");
  await store.close();
});

test("a lease is one process's, until it is released, settled or taken from a dead one", async () => {
  const path = `${freshFolder()}/calls.db`;
  const [a, b] = [await openStore(path, "a", "x"), await openStore(path, "b", "x")];
  expect(await a.open(opening("k", "1"))).toEqual({ type: "open" });
  expect(await b.open(opening("k", "2"))).toEqual({ type: "held", holder: { owner: "a", heartbeat: 0n } });
  await a.heartbeat();
  const old = await b.open(opening("k", "3", { dead: { owner: "a", heartbeat: 0n } }));
  expect(old).toEqual({ type: "held", holder: { owner: "a", heartbeat: 1n } });
  expect(await b.open(opening("k", "4", { dead: { owner: "a", heartbeat: 1n } }))).toEqual({ type: "open" });
  // Both asked, both count; the reply saved first is the reply.
  await b.settle("4", record("k", { reply: { ...reply, id: "b" } }));
  expect((await a.settle("1", record("k", { reply: { ...reply, id: "a" } }))).reply.id).toBe("b");
  expect(await a.ledger()).toEqual({ calls: 2, tokens: 14, nanos: 140n });
  expect((await b.open(opening("k", "5"))).type).toBe("stored");
  await a.open(opening("other", "6"));
  await a.close(); // leaves its leases to others
  expect(await b.open(opening("other", "7"))).toEqual({ type: "open" });
  await b.close();
});

test("a refused call holds no lease", async () => {
  const path = `${freshFolder()}/calls.db`;
  const [a, b] = [await openStore(path, "a", "x"), await openStore(path, "b", "x")];
  const refused = await a.open(opening("k", "1", { limits: { ...noLimits, calls: 0 } }));
  expect(refused).toMatchObject({ type: "refused", ledger: { calls: 0 } });
  expect(await b.open(opening("k", "2"))).toEqual({ type: "open" });
  await a.close();
  await b.close();
});

test("files are kept once, and come back with the reply", async () => {
  const path = `${freshFolder()}/a b#?%25.db`;
  const store = await openStore(path, "me", "b");
  const data = new Uint8Array(70_000).map((_, i) => (i * 31) % 256);
  const withFile: Reply = { content: [{ type: "file", mediaType: "image/png", data }], finish: "stop" };
  for (const key of ["a", "b"]) {
    await store.open(opening(key, key));
    await store.settle(key, record(key, { reply: withFile }));
  }
  expect((await store.find("b"))?.reply).toEqual(withFile);
  await store.close();
  const client = createClient({ url: `file:${encodeURIComponent(path).replaceAll("%2F", "/")}` });
  expect((await client.execute("SELECT count(*) AS n FROM files")).rows[0]).toMatchObject({ n: 1 });
  await client.execute("DELETE FROM files");
  client.close();
  const again = await openStore(path, "me", "b");
  await expect(again.find("a")).rejects.toMatchObject({ code: "FORMAT" });
  await again.close();
});

test("two processes may open a new store at the same moment", async () => {
  const path = `${freshFolder()}/calls.db`;
  const stores = await Promise.all(Array.from({ length: 8 }, (_, i) => openStore(path, `p${i}`, "b")));
  await Promise.all(stores.map((store, i) => store.open(opening(`k${i}`, `r${i}`))));
  expect((await stores[0]!.ledger()).calls).toBe(8);
  await Promise.all(stores.map((store) => store.close()));
});

test("a store of another version, another program's and a file that is none are refused", async () => {
  const path = `${freshFolder()}/calls.db`;
  await (await openStore(path, "me", "b")).close();
  const client = createClient({ url: `file:${path}` });
  await client.execute("PRAGMA user_version = 7");
  await expect(openStore(path, "me", "b")).rejects.toMatchObject({ code: "FORMAT", details: { version: 7 } });
  await client.execute("PRAGMA application_id = 7");
  client.close();
  await expect(openStore(path, "me", "b")).rejects.toMatchObject({ code: "FORMAT", details: { applicationId: 7 } });
  await expect(openStore(import.meta.filename, "me", "b")).rejects.toMatchObject({ code: "FORMAT" });
});
