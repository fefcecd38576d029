import { copyFileSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createClient } from "@libsql/client";
import { expect, test } from "vitest";
import { ask, freshFolder, testClock } from "../open-models.fixture.ts";
import { openModels } from "../open-models.ts";
import { scripted } from "../sources/scripted.ts";
import type { StoredReply } from "./shelf.ts";

const numbered = () => {
  let count = 0;
  return scripted(() => `reply ${count++}`);
};

async function all(replies: AsyncIterable<StoredReply>): Promise<StoredReply[]> {
  const list = [];
  for await (const reply of replies) list.push(reply);
  return list;
}

test("stored replies are listed in order, each once, as JSON that can be written to a file", async () => {
  const llm = await openModels({ store: ":memory:", clock: testClock() });
  const chat = llm.model(numbered());
  for (let sample = 0; sample < 120; sample++) await chat.call({ ...ask(`question ${sample}`), sample });
  const replies = await all(llm.stored());
  expect(replies).toHaveLength(120);
  expect(replies[57]).toMatchObject({
    provider: "scripted",
    model: "script",
    request: { messages: [{ role: "user", content: "question 57" }], sample: 57 },
    reply: { content: [{ type: "text", text: "reply 57" }], finish: "stop" },
    usd: 0,
    attempts: 1,
    createdMs: expect.any(Number),
  });
  expect(JSON.parse(JSON.stringify(replies))).toEqual(replies);
  await llm.close();
});

test("a reply that is forgotten is asked for again; what it cost stays spent", async () => {
  const llm = await openModels({ store: ":memory:" });
  const chat = llm.model(numbered());
  const first = await chat.call(ask("?"));
  expect(await llm.forget(first.key)).toBe(true);
  expect(await llm.forget(first.key)).toBe(false);
  expect(await all(llm.stored())).toEqual([]);
  expect(await chat.call(ask("?"))).toMatchObject({ text: "reply 1", cached: false });
  expect((await llm.spent()).calls).toBe(2);
  await llm.close();
});

test("the files of a forgotten reply go, unless another call has them too", async () => {
  const path = `${freshFolder()}/calls.db`;
  const picture = (byte: number) => ({ type: "file", mediaType: "image/png", data: new Uint8Array([byte]) }) as const;
  const llm = await openModels({ store: path });
  const both = await llm.model(scripted(() => ({ parts: [picture(1), picture(2)] }), { name: "both" })).call(ask("?"));
  await llm.model(scripted(() => ({ parts: [picture(2)] }), { name: "one" })).call(ask("?"));
  expect((await all(llm.stored()))[0]!.reply).toMatchObject({
    content: [{ data: { base64: "AQ==" } }, { data: { base64: "Ag==" } }],
  });
  await llm.forget(both.key);
  await llm.close();
  const client = createClient({ url: `file:${path}` });
  expect((await client.execute("SELECT hex(bytes) AS bytes FROM files")).rows).toMatchObject([{ bytes: "02" }]);
  client.close();
});

test("a reply that cannot be read is listed with its problem, named in the error of a call, and can be forgotten", async () => {
  const path = `${freshFolder()}/calls.db`;
  const llm = await openModels({ store: path });
  const { key } = await llm.model(numbered()).call(ask("?"));
  await llm.close();
  const client = createClient({ url: `file:${path}` });
  await client.execute("UPDATE calls SET reply = '{\"content\":5}'");
  client.close();
  const again = await openModels({ store: path });
  const outcome = await again.model(numbered()).outcome(ask("?"));
  expect(outcome).toMatchObject({
    ok: false,
    error: { code: "FORMAT", message: expect.stringContaining(`forget("${key}")`) },
  });
  expect(await all(again.stored())).toMatchObject([{ key, problem: expect.any(String) }]);
  await again.forget(key);
  expect(await again.model(numbered()).call(ask("?"))).toMatchObject({ text: "reply 0" });
  await again.close();
});

test("40 times opened and closed, a store leaves no file open, and is one file that can be copied", async ({
  skip,
}) => {
  skip(process.platform !== "linux", "open files are listed in Linux's /proc only");
  const folder = freshFolder();
  const path = `${folder}/calls.db`;
  for (let sample = 0; sample < 40; sample++) {
    const llm = await openModels({ store: path });
    await llm.model(numbered()).call({ ...ask("?"), sample });
    await llm.close();
  }
  const open = readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  });
  expect(open).toEqual([]);
  expect(readdirSync(folder)).toEqual(["calls.db"]);
  copyFileSync(path, `${folder}/copy.db`);
  const copy = await openModels({ store: `${folder}/copy.db` });
  expect(await all(copy.stored())).toHaveLength(40);
  await copy.close();
});

test.each(["DELETE", "WAL"])("another program's file in mode %s is untouched, byte for byte", async (mode) => {
  const folder = freshFolder();
  const path = `${folder}/notes.db`;
  const client = createClient({ url: `file:${path}` });
  await client.executeMultiple(
    `PRAGMA journal_mode = ${mode}; CREATE TABLE calls (key TEXT); INSERT INTO calls VALUES ('a')`,
  );
  if (mode === "WAL") await client.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  client.close();
  const before = readFileSync(path);
  await expect(openModels({ store: path })).rejects.toMatchObject({ code: "FORMAT" });
  expect(readFileSync(path)).toEqual(before);
});
