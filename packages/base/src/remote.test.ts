import { expect, test } from "vitest";
import { fileSize, hasFile } from "./files.ts";
import { sendRange, serve } from "./http-server.fixture.ts";
import { remote } from "./remote.ts";

const content = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);

const withRanges = () => serve((request, response) => sendRange(request, response, content));

const withoutRanges = () => serve((_request, response) => void response.writeHead(200).end(content));

const withStatus = (status: number) => serve((_request, response) => void response.writeHead(status).end("no"));

test("a file is read whole", async () => {
  const { url } = await withRanges();
  expect(await remote(url).read("a.bin")).toEqual(content);
});

test("a range is asked for, and nothing else", async () => {
  const { url, seen } = await withRanges();
  expect(await remote(url).read("a.bin", { from: 10, to: 20 })).toEqual(content.slice(10, 20));
  expect(seen).toMatchObject([{ line: "GET /a.bin", range: "bytes=10-19" }]);
});

test("an empty range needs no request", async () => {
  const { url, seen } = await withRanges();
  expect(await remote(url).read("a.bin", { from: 10, to: 10 })).toEqual(new Uint8Array(0));
  expect(seen).toEqual([]);
});

test("a server that ignores ranges sends the file once, and ranges are cut from it", async () => {
  const { url, seen } = await withoutRanges();
  const files = remote(url);
  expect(await fileSize(files, "a.bin")).toBe(1000);
  expect(await files.read("a.bin", { from: 10, to: 20 })).toEqual(content.slice(10, 20));
  expect(await files.read("a.bin", { from: 990, to: 1000 })).toEqual(content.slice(990));
  await expect(files.read("a.bin", { from: 990, to: 1001 })).rejects.toMatchObject({ details: { reason: "range" } });
  expect(await files.read("a.bin")).toEqual(content);
  expect(seen).toHaveLength(1);
});

test.each([
  { title: "that starts inside", range: { from: 990, to: 1001 } },
  { title: "that starts outside", range: { from: 1000, to: 1001 } },
  { title: "of half a byte", range: { from: 0.5, to: 2 } },
])("a range past the end $title is an error", async ({ range }) => {
  const { url } = await withRanges();
  await expect(remote(url).read("a.bin", range)).rejects.toMatchObject({ code: "FILE", details: { reason: "range" } });
});

test("the size is known without reading the file", async () => {
  const { url, seen } = await withRanges();
  expect(await fileSize(remote(url), "a.bin")).toBe(1000);
  expect(seen).toMatchObject([{ range: "bytes=0-0" }]);
});

test("an empty file has size zero", async () => {
  const { url } = await serve((request, response) => sendRange(request, response, new Uint8Array(0)));
  expect(await fileSize(remote(url), "empty")).toBe(0);
  expect(await remote(url).read("empty")).toEqual(new Uint8Array(0));
});

test("where the total is hidden, the size comes from a second question", async () => {
  const { url } = await serve((request, response) => {
    if (request.method === "HEAD") response.writeHead(200, { "content-length": 1000 }).end();
    else response.writeHead(206).end(content.subarray(0, 1));
  });
  expect(await fileSize(remote(url), "a.bin")).toBe(1000);
});

test("names are escaped, folders and a query stay where they are", async () => {
  const { url, seen } = await withRanges();
  await remote(`${url}/models/small/?version=2`).read("sub/a b#?.json");
  expect(seen).toMatchObject([{ line: "GET /models/small/sub/a%20b%23%3F.json?version=2" }]);
});

test("headers are sent with every request", async () => {
  const { url, seen } = await withRanges();
  const files = remote(url, { headers: { Authorization: "Bearer secret" } });
  await files.read("a.bin", { from: 0, to: 1 });
  await fileSize(files, "a.bin");
  expect(seen.map((request) => request.authorization)).toEqual(["Bearer secret", "Bearer secret"]);
});

test("an absent file is missing", async () => {
  const { url } = await withStatus(404);
  const expected = { code: "FILE", details: { name: "a.json", reason: "missing" } };
  await expect(remote(url).read("a.json")).rejects.toMatchObject(expected);
  expect(await hasFile(remote(url), "a.json")).toBe(false);
});

test.each([
  { status: 401, reason: "forbidden" },
  { status: 403, reason: "forbidden" },
  { status: 400, reason: "other" },
  { status: 500, reason: "unavailable" },
])("the answer $status is an error that names the address and the status", async ({ status, reason }) => {
  const { url } = await withStatus(status);
  const error = await remote(url, { retries: 0 })
    .read("a.json")
    .catch((caught) => caught);
  expect(error).toMatchObject({ code: "FILE", details: { status, reason } });
  expect(error.message).toContain(`${url}/a.json`);
  expect(error.message).toContain(String(status));
  await expect(hasFile(remote(url, { retries: 0 }), "a.json")).rejects.toMatchObject({ details: { status } });
});

test("a server that cannot be reached is an error with its cause", async () => {
  const files = remote("http://127.0.0.1:1/models");
  const error = await files.read("a.json").catch((caught) => caught);
  expect(error).toMatchObject({ code: "FILE", details: { reason: "unavailable" } });
  expect(error.cause).toBeInstanceOf(Error);
});

test("a connection that breaks each time is an error, not a short file", async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { "content-length": 1000 });
    response.write(content.subarray(0, 100), () => response.destroy());
  });
  const read = remote(url, { retryDelayMs: 1 }).read("a.bin");
  await expect(read).rejects.toMatchObject({
    code: "FILE",
    details: { reason: "unavailable" },
    cause: expect.any(Error),
  });
});

test.each([
  { title: "a whole file", range: undefined, asked: [undefined, "bytes=300-"] },
  { title: "a range", range: { from: 100, to: 900 }, asked: ["bytes=100-899", "bytes=300-899"] },
])("$title whose connection breaks is read on where it broke", async ({ range, asked }) => {
  let cutAt: number | undefined = 300;
  const { url, seen } = await serve((request, response) => {
    sendRange(request, response, content, { etag: '"v1"', cutAt });
    cutAt = undefined;
  });
  const read = await remote(url, { retryDelayMs: 1 }).read("a.bin", range);
  expect(read).toEqual(range === undefined ? content : content.slice(range.from, range.to));
  expect(seen.map((each) => each.range)).toEqual(asked);
  expect(seen.at(-1)!.ifRange).toBe('"v1"');
});

test("a file whose version cannot be told is read again from its start after a cut", async () => {
  let cutAt: number | undefined = 300;
  const { url, seen } = await serve((request, response) => {
    sendRange(request, response, content, { etag: 'W/"weak"', cutAt });
    cutAt = undefined;
  });
  expect(await remote(url, { retryDelayMs: 1 }).read("a.bin")).toEqual(content);
  expect(seen.map((each) => each.range)).toEqual([undefined, undefined]);
});

test("an answer that begins elsewhere than asked is an error", async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(206, { "content-range": "bytes 0-9/1000" }).end(content.subarray(0, 10));
  });
  await expect(remote(url).read("a.bin", { from: 10, to: 20 })).rejects.toMatchObject({ code: "FILE" });
});

test("headers stay with their origin when a server redirects", async () => {
  const other = await serve((request, response) => sendRange(request, response, content));
  const { url, seen } = await serve(({ url }, response) => {
    const location = url === "/a.bin" ? "/moved" : `${other.url}/b.bin`;
    response.writeHead(307, { location }).end();
  });
  const files = remote(url, { headers: { Authorization: "Bearer secret", "X-Key": "secret" } });
  expect(await files.read("a.bin")).toEqual(content);
  expect(seen.map((each) => each.authorization)).toEqual(["Bearer secret", "Bearer secret"]);
  expect(other.seen).toMatchObject([{ line: "GET /b.bin", authorization: undefined }]);
});

test("redirects in a circle end", async () => {
  const { url, seen } = await serve((_request, response) => void response.writeHead(302, { location: "/a" }).end());
  const read = remote(url, { headers: { "X-Key": "1" } }).read("a");
  await expect(read).rejects.toMatchObject({ details: { status: 302 } });
  expect(seen).toHaveLength(11);
});

test("an aborted signal ends reading", async () => {
  const { url } = await withRanges();
  const read = remote(url, { signal: AbortSignal.abort() }).read("a.bin");
  await expect(read).rejects.toMatchObject({ code: "CANCELLED" });
});

test("options that cannot be meant are errors", () => {
  expect(() => remote("http://example.org", { retries: 1.5 })).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test("nothing can be listed, written or removed", async () => {
  const files = remote("http://127.0.0.1:1");
  await expect(files.list()).rejects.toMatchObject({ code: "FILE" });
  await expect(files.write("a", "x")).rejects.toMatchObject({ code: "FILE", details: { reason: "read-only" } });
  await expect(files.remove("a")).rejects.toMatchObject({ code: "FILE", details: { reason: "read-only" } });
});
