import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hub } from "./hub.ts";
import { useEmptyHome } from "./hub-home.fixture.ts";
import { bytes, etagOf, type FakeRepository, serveHub } from "./hub-server.fixture.ts";

const A = "a".repeat(40);
const weights = Uint8Array.from({ length: 1_000 }, (_, i) => (i * i) % 251);
const etag = etagOf(weights);
const small = bytes('{"a": 1}');

const home = useEmptyHome();
const blobs = (): string[] => readdirSync(join(home.repository, "blobs"));

const repository = (more: Partial<FakeRepository> = {}): FakeRepository => ({
  commits: { [A]: { "model.bin": weights, "config.json": small } },
  revisions: { main: A },
  ...more,
});

describe("names from a server", () => {
  test.each(["../../../evil", "/etc/passwd", "a/../../b", "a\\..\\b", "a//b"])("%j lead nowhere", async (path) => {
    const { url } = await serveHub(
      repository({
        hub: ({ url }, response) =>
          url!.includes("/tree/") && !!response.end(JSON.stringify([{ type: "file", path, size: 1 }])),
      }),
    );
    const opened = hub("org/name", { endpoint: url });
    await expect(opened.list()).rejects.toMatchObject({ code: "FILE" });
    await expect(opened.read(path)).rejects.toMatchObject({ code: "FILE" });
    expect(readdirSync(home.path)).toEqual([]);
  });

  test.each(["../../x", "..", ".", "/etc/x", "a b", "x".repeat(300), "y.incomplete", "C:x"])(
    "the etag %j names a blob inside the cache",
    async (strange) => {
      const headers = { "x-repo-commit": A, etag: `"${strange}"` };
      const { url } = await serveHub(
        repository({
          hub: ({ url }, response) => url!.endsWith("config.json") && !!response.writeHead(200, headers).end(small),
        }),
      );
      expect(await hub("org/name", { endpoint: url }).read("config.json")).toEqual(small);
      expect(blobs()).toEqual([createHash("sha256").update(strange).digest("hex")]);
      expect(readdirSync(home.path)).toEqual(["hub"]);
    },
  );

  test.each(["../../evil", "main", A.toUpperCase(), "", 5])("the commit %j is none", async (sha) => {
    const { url } = await serveHub(
      repository({
        hub: ({ url }, response) =>
          url!.includes("/revision/")
            ? !!response.end(JSON.stringify({ sha }))
            : !!response.writeHead(200, { "x-repo-commit": String(sha) }).end("x"),
      }),
    );
    await expect(hub("org/name", { endpoint: url }).read("config.json")).rejects.toThrow("is it a hub?");
    expect(readdirSync(home.path)).toEqual([]);
  });

  test("a redirect to a file is not followed", async () => {
    const { url } = await serveHub(
      repository({ hub: (_, response) => !!response.writeHead(302, { location: "file:///etc/passwd" }).end() }),
    );
    await expect(hub("org/name", { endpoint: url }).read("config.json")).rejects.toThrow("not safe");
  });
});

test("blanks, signs and letters of every script are names", async () => {
  const names = ["Text Encoder/gemma #2?.json", "100%+1 @x.json", "模型/größe.json", "__proto__", "e\u0301.json"];
  const commits = { [A]: Object.fromEntries(names.map((name) => [name, `content of ${name}`])) };
  const { url } = await serveHub(repository({ commits }));
  const opened = hub("org/name", { endpoint: url });
  for (const name of names) expect(await opened.read(name)).toEqual(bytes(`content of ${name}`));
  expect((await opened.list()).map(({ name }) => name)).toEqual([...names].sort());
});

test("an empty file is a file", async () => {
  const { url } = await serveHub(repository({ commits: { [A]: { "__init__.py": "", "config.json": small } } }));
  const opened = hub("org/name", { endpoint: url });
  expect(await opened.read("__init__.py")).toEqual(new Uint8Array(0));
  expect(blobs()).toEqual(["e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"]); // what Git calls it
});

test("a file without an etag is kept all the same", async () => {
  const { url } = await serveHub(
    repository({
      hub: ({ url }, response) =>
        url!.endsWith("config.json") && !!response.writeHead(200, { "x-repo-commit": A }).end(small),
    }),
  );
  expect(await hub("org/name", { endpoint: url }).read("config.json")).toEqual(small);
  expect(blobs()).toHaveLength(1);
});

test("a blob that is shorter than it should be is fetched again", async () => {
  const { url } = await serveHub(repository());
  mkdirSync(join(home.repository, "blobs"), { recursive: true });
  writeFileSync(join(home.repository, "blobs", etag), weights.subarray(0, 100));
  expect(await hub("org/name", { endpoint: url }).read("model.bin")).toEqual(weights);
  expect(readFileSync(join(home.repository, "blobs", etag))).toHaveLength(weights.length);
});

test("what another revision has already is not fetched again", async () => {
  const B = "b".repeat(40);
  const { url, stored } = await serveHub(
    repository({
      commits: { [A]: { "model.bin": weights }, [B]: { "renamed.bin": weights } },
      revisions: { main: A, next: B },
    }),
  );
  await hub("org/name", { endpoint: url }).read("model.bin");
  expect(await hub("org/name", { endpoint: url, revision: "next" }).read("renamed.bin")).toEqual(weights);
  expect(stored).toHaveLength(1);
  expect(readlinkSync(join(home.repository, "snapshots", B, "renamed.bin"))).toBe(`../../blobs/${etag}`);
  renameSync(home.repository, `${home.repository}-moved`); // links are relative: a cache may be moved
  expect(readFileSync(join(`${home.repository}-moved`, "snapshots", B, "renamed.bin"))).toHaveLength(weights.length);
});
