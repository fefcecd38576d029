import { expect, test } from "vitest";
import { type Files, hasFile, memory } from "./files.ts";
import { sendRange, serve } from "./http-server.fixture.ts";
import { type HubOptions, hub } from "./hub.ts";

const config = new TextEncoder().encode('{"hidden_size": 4}');
const weights = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
const content: Readonly<Record<string, Uint8Array>> = { "config.json": config, "onnx/model.bin": weights };

/** The two pages of a listing that the hub would send. */
const pages = [
  [
    { type: "directory", path: "onnx", size: 0, oid: "x" },
    { type: "file", path: "onnx/model.bin", size: 300, oid: "x", lfs: { size: 300 } },
  ],
  [{ type: "file", path: "config.json", size: config.length, oid: "x" }],
];

/** A hub with one repository. */
async function serveHub(revision = "main") {
  const server = await serve((request, response) => {
    const url = new URL(request.url!, "http://hub");
    const prefix = `/org/name/resolve/${encodeURIComponent(revision)}/`;
    if (url.pathname === `/api/models/org/name/tree/${encodeURIComponent(revision)}`) {
      const page = Number(url.searchParams.get("cursor") ?? 0);
      const next = `<http://${request.headers.host}${url.pathname}?recursive=true&cursor=1>; rel="next"`;
      response.writeHead(200, page === 0 ? { link: next } : {}).end(JSON.stringify(pages[page]));
      return;
    }
    const bytes = url.pathname.startsWith(prefix) ? content[url.pathname.slice(prefix.length)] : undefined;
    if (bytes === undefined) response.writeHead(404).end();
    else sendRange(request, response, bytes);
  });
  const open = (options: HubOptions = {}): Files => hub("org/name", { endpoint: server.url, ...options });
  return { ...server, open };
}

const offline: typeof fetch = () => Promise.reject(new TypeError("no network"));

test("the list is the repository's, over all its pages", async () => {
  const { open } = await serveHub();
  expect(await open().list()).toEqual([
    { name: "config.json", sizeBytes: config.length },
    { name: "onnx/model.bin", sizeBytes: 300 },
  ]);
});

test("files are read from the address of their revision", async () => {
  const { open, seen } = await serveHub("refs/pr/1");
  expect(await open({ revision: "refs/pr/1" }).read("config.json")).toEqual(config);
  expect(seen).toMatchObject([{ line: "GET /org/name/resolve/refs%2Fpr%2F1/config.json" }]);
});

test("without a cache a range is asked of the hub", async () => {
  const { open, seen } = await serveHub();
  expect(await open().read("onnx/model.bin", { from: 5, to: 9 })).toEqual(weights.slice(5, 9));
  expect(seen).toMatchObject([{ range: "bytes=5-8" }]);
});

test("with a cache every file is fetched once, and read without a network from then on", async () => {
  const { open, seen, url } = await serveHub();
  const cache = memory();
  const files = open({ cache });
  expect(await files.read("onnx/model.bin", { from: 5, to: 9 })).toEqual(weights.slice(5, 9));
  expect(await files.read("onnx/model.bin")).toEqual(weights);
  const listed = await files.list();
  expect(seen.map((request) => request.line)).toEqual([
    "GET /org/name/resolve/main/onnx/model.bin",
    "GET /api/models/org/name/tree/main?recursive=true",
    "GET /api/models/org/name/tree/main?recursive=true&cursor=1",
  ]);
  const later = hub("org/name", { endpoint: url, cache, fetch: offline });
  expect(await later.list()).toEqual(listed);
  expect(await hasFile(later, "absent.json")).toBe(false);
  expect(await later.read("onnx/model.bin", { from: 0, to: 2 })).toEqual(weights.slice(0, 2));
  await expect(later.read("config.json")).rejects.toMatchObject({ code: "FILE", cause: { message: "no network" } });
});

test("many reads of one file at a time fetch it once", async () => {
  const { open, seen } = await serveHub();
  const files = open({ cache: memory() });
  await Promise.all([1, 2, 3].map((from) => files.read("onnx/model.bin", { from, to: 10 })));
  expect(seen).toHaveLength(1);
});

test("revisions do not share cached files", async () => {
  const cache = memory();
  const first = await serveHub("a");
  await first.open({ cache, revision: "a" }).read("config.json");
  const second = await serveHub("b");
  await second.open({ cache, revision: "b" }).read("config.json");
  expect(second.seen).toHaveLength(1);
});

test("a download that breaks leaves no file in the cache", async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { "content-length": 300 });
    response.write(weights.subarray(0, 10), () => response.destroy());
  });
  const cache = memory();
  await expect(hub("org/name", { endpoint: url, cache }).read("a.bin")).rejects.toMatchObject({ code: "FILE" });
  expect(await cache.list()).toEqual([]);
});

test("the token is sent to the hub", async () => {
  const { open, seen } = await serveHub();
  const files = open({ token: "secret" });
  await files.read("config.json");
  await files.list();
  expect(new Set(seen.map((request) => request.authorization))).toEqual(new Set(["Bearer secret"]));
});

test("an absent file is missing, with and without a cache", async () => {
  const { open } = await serveHub();
  const missing = { code: "FILE", details: { name: "absent.json", reason: "missing" } };
  await expect(open().read("absent.json")).rejects.toMatchObject(missing);
  await expect(open({ cache: memory() }).read("absent.json")).rejects.toMatchObject(missing);
});

test("a listing that failed is asked for again", async () => {
  let calls = 0;
  const { url } = await serve((_request, response) => {
    calls++;
    response.writeHead(calls === 1 ? 500 : 200).end("[]");
  });
  const files = hub("org/name", { endpoint: url });
  await expect(files.list()).rejects.toMatchObject({ details: { status: 500 } });
  expect(await files.list()).toEqual([]);
});

test("an answer that is no listing is an error", async () => {
  const { url } = await serve((_request, response) => void response.writeHead(200).end("<html>"));
  await expect(hub("org/name", { endpoint: url }).list()).rejects.toThrow("is no listing of files");
});

test.each(["", "a/b/c", "../name", "org/", "https://huggingface.co/org/name"])("%j is no repository", (repository) => {
  expect(() => hub(repository)).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test("nothing can be written or removed", async () => {
  const files = hub("org/name", { fetch: offline });
  await expect(files.write("a", "x")).rejects.toMatchObject({ details: { reason: "read-only" } });
  await expect(files.remove("a")).rejects.toMatchObject({ details: { reason: "read-only" } });
});
