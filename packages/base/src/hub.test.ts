import { expect, test, vi } from "vitest";
import { fileSize, hasFile, memory } from "./files.ts";
import { serve } from "./http-server.fixture.ts";
import { hub } from "./hub.ts";
import { useEmptyHome } from "./hub-home.fixture.ts";
import { bytes, type FakeRepository, serveHub } from "./hub-server.fixture.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const config = '{"hidden_size": 4}';
const weights = Uint8Array.from({ length: 300 }, (_, i) => i % 251);
const files = { "config.json": config, "onnx/model.bin": weights, "README.md": "" };

const repository = (more: Partial<FakeRepository> = {}): FakeRepository => ({
  commits: { [A]: files },
  revisions: { main: A, "refs/pr/1": A, [A.slice(0, 7)]: A },
  ...more,
});

const offline: typeof fetch = () => Promise.reject(new TypeError("no network"));

useEmptyHome();

test("the list is the repository's, over all its pages", async () => {
  const { url } = await serveHub(repository());
  expect(await hub("org/name", { endpoint: url }).list()).toEqual([
    { name: "README.md", sizeBytes: 0 },
    { name: "config.json", sizeBytes: bytes(config).length },
    { name: "onnx/model.bin", sizeBytes: 300 },
  ]);
});

test.each(["main", "refs/pr/1", A.slice(0, 7), A])("the revision %s is read by its commit", async (revision) => {
  const { url, seen } = await serveHub(repository());
  expect(await hub("org/name", { endpoint: url, revision, cache: false }).read("config.json")).toEqual(bytes(config));
  expect(seen.at(-1)!.line).toBe(`GET /org/name/resolve/${A}/config.json`);
});

test("all files come from one commit, whatever happens to the branch meanwhile", async () => {
  const moving = repository();
  const { url } = await serveHub(moving);
  const opened = hub("org/name", { endpoint: url });
  expect(await opened.read("config.json")).toEqual(bytes(config));
  moving.commits[B] = { "config.json": "new", "onnx/model.bin": "new" };
  moving.revisions["main"] = B;
  expect(await opened.read("onnx/model.bin")).toEqual(weights);
  expect(await hub("org/name", { endpoint: url }).read("onnx/model.bin")).toEqual(bytes("new"));
});

test("a mirror without the route of revisions says the commit by a file's headers", async () => {
  const { url, seen } = await serveHub(
    repository({ hub: ({ url }, response) => url!.includes("/revision/") && !!response.writeHead(404).end() }),
  );
  expect(await hub("org/name", { endpoint: url, cache: false }).read("config.json")).toEqual(bytes(config));
  expect(seen.at(-1)!.line).toContain(A);
});

test("a server that says no commit is no hub", async () => {
  const { url } = await serve((_request, response) => void response.end("{}"));
  await expect(hub("org/name", { endpoint: url }).read("config.json")).rejects.toThrow("is it a hub?");
});

test("an answer for another commit is refused", async () => {
  const other = { "x-repo-commit": B };
  const { url } = await serveHub(
    repository({ hub: ({ url }, response) => url!.includes("/resolve/") && !!response.writeHead(200, other).end("x") }),
  );
  await expect(hub("org/name", { endpoint: url }).read("config.json")).rejects.toThrow(`answered with commit ${B}`);
});

test("without a cache a range is asked of the hub, and the token stays there", async () => {
  const { url, seen, stored } = await serveHub(repository());
  const opened = hub("org/name", { endpoint: url, cache: false, token: "secret" });
  expect(await opened.read("onnx/model.bin", { from: 5, to: 9 })).toEqual(weights.slice(5, 9));
  expect(stored).toMatchObject([{ range: "bytes=5-8", authorization: undefined }]);
  expect(new Set(seen.map((each) => each.authorization))).toEqual(new Set(["Bearer secret"]));
});

test("a folder given as the cache holds every file once, and serves it without a network", async () => {
  const { url, seen, stored } = await serveHub(repository());
  const cache = memory();
  const opened = hub("org/name", { endpoint: url, cache });
  expect(await opened.read("onnx/model.bin", { from: 5, to: 9 })).toEqual(weights.slice(5, 9));
  expect(await opened.read("onnx/model.bin")).toEqual(weights);
  expect(stored).toHaveLength(1);
  expect(seen.map((each) => each.line)).toEqual([
    "GET /api/models/org/name/revision/main",
    `GET /org/name/resolve/${A}/onnx/model.bin`,
    `GET /org/name/resolve/${A}/onnx/model.bin`,
  ]);
  expect((await cache.list()).map(({ name }) => name)).toEqual([
    "models--org--name/refs/main",
    `models--org--name/snapshots/${A}/onnx/model.bin`,
  ]);
  const later = hub("org/name", { endpoint: url, cache, fetch: offline });
  expect(await later.read("onnx/model.bin", { from: 0, to: 2 })).toEqual(weights.slice(0, 2));
  await expect(later.read("config.json")).rejects.toMatchObject({
    code: "FILE",
    details: { reason: "unavailable" },
    cause: { message: "no network" },
  });
});

test("many reads of one file at a time fetch it once", async () => {
  const { url, stored } = await serveHub(repository());
  const opened = hub("org/name", { endpoint: url, cache: memory() });
  await Promise.all([1, 2, 3].map((from) => opened.read("onnx/model.bin", { from, to: 10 })));
  expect(stored).toHaveLength(1);
});

test("size and presence are known without downloading, and an absent file is missing", async () => {
  const { url, stored } = await serveHub(repository());
  const missing = { code: "FILE", details: { name: "absent.json", reason: "missing" } };
  for (const cache of [memory(), false] as const) {
    const opened = hub("org/name", { endpoint: url, cache });
    expect(await fileSize(opened, "onnx/model.bin")).toBe(300);
    expect(await hasFile(opened, "absent.json")).toBe(false);
    await expect(opened.read("absent.json")).rejects.toMatchObject(missing);
  }
  expect(stored).toEqual([]);
});

test("progress is reported as bytes arrive", async () => {
  const { url } = await serveHub(repository());
  const progress = vi.fn();
  await hub("org/name", { endpoint: url, onProgress: progress }).read("onnx/model.bin", { from: 0, to: 1 });
  expect(progress.mock.calls.at(-1)).toEqual([{ name: "onnx/model.bin", receivedBytes: 300, totalBytes: 300 }]);
});

test.each([
  { code: "GatedRepo", status: 403, reason: "forbidden", says: "gated" },
  { code: "GatedRepo", status: 401, reason: "forbidden", says: "gated" },
  { code: "RepoNotFound", status: 401, reason: "forbidden", says: "no such repository" },
  { code: "RepoNotFound", status: 404, reason: "other", says: "no such repository" },
  { code: "RevisionNotFound", status: 404, reason: "other", says: "no such revision" },
])("$status $code is an error that says so, also with a copy from before", async ({ code, status, reason, says }) => {
  let refuses = false;
  const { url } = await serveHub(
    repository({ hub: (_, response) => refuses && !!response.writeHead(status, { "x-error-code": code }).end() }),
  );
  await hub("org/name", { endpoint: url }).read("config.json");
  refuses = true;
  const opened = hub("org/name", { endpoint: url });
  const expected = { details: { status, reason, hubCode: code }, message: expect.stringContaining(says) };
  await expect(opened.read("config.json")).rejects.toMatchObject(expected);
  await expect(hasFile(opened, "config.json")).rejects.toMatchObject(expected);
});

test("a repository with one name that moved is followed, with its token", async () => {
  const { url, seen } = await serveHub(
    repository({
      hub({ url }, response) {
        if (!url!.includes("/old/")) return false;
        response.writeHead(307, { location: url!.replace("/old/", "/org/name/") }).end();
        return true;
      },
    }),
  );
  const opened = hub("old", { endpoint: url, token: "secret" });
  expect(await opened.read("onnx/model.bin")).toEqual(weights);
  expect(new Set(seen.map((each) => each.authorization))).toEqual(new Set(["Bearer secret"]));
});

test("a listing that failed is asked for again", async () => {
  let calls = 0;
  const { url } = await serveHub(
    repository({
      hub: ({ url }, response) => url!.includes("/tree/") && calls++ === 0 && !!response.writeHead(400).end(),
    }),
  );
  const opened = hub("org/name", { endpoint: url });
  await expect(opened.list()).rejects.toMatchObject({ details: { status: 400 } });
  expect(await opened.list()).toHaveLength(3);
});

test("a hub without listings is no folder without files", async () => {
  const { url } = await serveHub(
    repository({ hub: ({ url }, response) => url!.includes("/tree/") && !!response.writeHead(404).end() }),
  );
  await expect(hasFile(hub("org/name", { endpoint: url }), "config.json")).rejects.toMatchObject({
    details: { status: 404, reason: "other" },
  });
});

test.each(["<html>", "{}", "[null]", '[{"type":"file","path":"a"}]', '[{"type":"file","path":"a","size":-1}]'])(
  "the answer %s is no listing",
  async (answer) => {
    const { url } = await serveHub(
      repository({ hub: ({ url }, response) => url!.includes("/tree/") && !!response.end(answer) }),
    );
    await expect(hub("org/name", { endpoint: url }).list()).rejects.toThrow("is no listing of files");
  },
);

test("without a name that may be asked for, nothing is: pages on another server, and pages in a circle", async () => {
  const elsewhere = await serve((_request, response) => void response.end("[]"));
  for (const next of [`${elsewhere.url}/next`, "?recursive=true"]) {
    const { url } = await serveHub(
      repository({
        hub: ({ url }, response) =>
          url!.includes("/tree/") && !!response.writeHead(200, { link: `<${next}>; rel="next"` }).end("[]"),
      }),
    );
    await expect(hub("org/name", { endpoint: url, token: "secret" }).list()).rejects.toThrow(/circle|another server/);
  }
  expect(elsewhere.seen).toEqual([]);
});

test.each(["", "a/b/c", "../name", "org/", "https://huggingface.co/org/name"])("%j is no repository", (name) => {
  expect(() => hub(name)).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test.each([
  { revision: "../main" },
  { revision: "" },
  { revision: "a\\b" },
  { endpoint: "huggingface.co" },
  { retries: -1 },
  { retryDelayMs: Number.NaN },
  { cache: "https://example.org/cache" },
])("the options %j cannot be meant", (options) => {
  expect(() => hub("org/name", options)).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test("a token that cannot be sent is an error that does not show it", async () => {
  const error = await hub("org/name", { token: "hf_x y", fetch: offline, cache: memory() })
    .list()
    .catch((caught) => caught);
  expect(error).toMatchObject({ code: "CONFIG" });
  expect(error.message).not.toContain("hf_x");
});

test("nothing can be written or removed", async () => {
  const opened = hub("org/name", { fetch: offline });
  await expect(opened.write("a", "x")).rejects.toMatchObject({ details: { reason: "read-only" } });
  await expect(opened.remove("a")).rejects.toMatchObject({ details: { reason: "read-only" } });
});
