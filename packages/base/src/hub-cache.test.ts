import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { hasFile } from "./files.ts";
import { useEmptyHome } from "./hub-home.fixture.ts";
import { bytes, etagOf, type FakeRepository, serveHub } from "./hub-server.fixture.ts";
import { type HubOptions, hub } from "./index.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const weights = Uint8Array.from({ length: 300 }, (_, i) => i % 251);
const small = bytes('{"a": 1}');

const home = useEmptyHome();
const at = (...names: string[]): string => join(home.repository, ...names);

const repository = (more: Partial<FakeRepository> = {}): FakeRepository => ({
  commits: { [A]: { "onnx/model.bin": weights, "config.json": small, "other.json": "{}" } },
  revisions: { main: A, "refs/pr/1": A, v1: A },
  ...more,
});

/** Writes a cache as huggingface_hub does. */
function writeCache(
  files: Readonly<Record<string, Uint8Array>>,
  refs: Readonly<Record<string, string>> = { main: A },
): void {
  for (const [name, content] of Object.entries(files)) {
    const link = at("snapshots", A, name);
    mkdirSync(dirname(link), { recursive: true });
    mkdirSync(at("blobs"), { recursive: true });
    writeFileSync(at("blobs", etagOf(content)), content);
    symlinkSync(join(...name.split("/").map(() => ".."), "..", "blobs", etagOf(content)), link);
  }
  for (const [name, commit] of Object.entries(refs)) {
    mkdirSync(dirname(at("refs", name)), { recursive: true });
    writeFileSync(at("refs", name), commit);
  }
}

const noNetwork = vi.fn<typeof fetch>(() => Promise.reject(new TypeError("no network")));
const cut: HubOptions = { fetch: noNetwork };

test("a file comes into the layout that Python's huggingface_hub has", async () => {
  const { url } = await serveHub(repository());
  const opened = hub("org/name", { endpoint: url, revision: "refs/pr/1" });
  await opened.list();
  await opened.read("onnx/model.bin");
  await opened.read("config.json");
  expect(readFileSync(at("refs/refs/pr/1"), "utf8")).toBe(A);
  expect(readlinkSync(at("snapshots", A, "onnx/model.bin"))).toBe(`../../../blobs/${etagOf(weights)}`);
  expect(readlinkSync(at("snapshots", A, "config.json"))).toBe(`../../blobs/${etagOf(small)}`);
  expect(readdirSync(at("blobs")).sort()).toEqual([etagOf(weights), etagOf(small)].sort());
  expect(JSON.parse(readFileSync(at("trees", `${A}.json`), "utf8"))).toEqual({
    format_version: 1,
    files: {
      "config.json": { size: small.length, blob_id: etagOf(small) },
      "onnx/model.bin": { size: 300, blob_id: expect.any(String), lfs_sha256: etagOf(weights), lfs_size: 300 },
      "other.json": { size: 2, blob_id: expect.any(String) },
    },
  });
});

test("nothing is written before a file is read: Python takes a cache without files for damage", async () => {
  const { url } = await serveHub(repository());
  const opened = hub("org/name", { endpoint: url });
  expect(await hasFile(opened, "absent.json")).toBe(false);
  await expect(opened.read("absent.json")).rejects.toMatchObject({ details: { reason: "missing" } });
  expect(readdirSync(home.path)).toEqual([]);
});

describe("a snapshot's file", () => {
  const readOnce = async (): Promise<void> => {
    const { url } = await serveHub(repository());
    expect(await hub("org/name", { endpoint: url }).read("config.json")).toEqual(small);
  };

  test("where links are not wanted is a copy", async () => {
    vi.stubEnv("HF_HUB_DISABLE_SYMLINKS", "1");
    await readOnce();
    expect(lstatSync(at("snapshots", A, "config.json")).isFile()).toBe(true);
    expect(lstatSync(at("snapshots", A, "config.json")).nlink).toBe(1);
    expect(readdirSync(at("blobs"))).toEqual([etagOf(small)]);
  });

  test.each([
    { title: "a link to nowhere", target: "../../blobs/gone" },
    { title: "a link to itself", target: "config.json" },
  ])("that is $title is made again", async ({ target }) => {
    mkdirSync(at("snapshots", A), { recursive: true });
    symlinkSync(target, at("snapshots", A, "config.json"));
    await readOnce();
  });

  test("is read through whatever link another program made", async () => {
    writeCache({});
    mkdirSync(at("snapshots", A), { recursive: true });
    writeFileSync(join(home.path, "shared"), small);
    symlinkSync(join(home.path, "shared"), at("snapshots", A, "config.json"));
    expect(await hub("org/name", { offline: true }).read("config.json")).toEqual(small);
  });
});

describe("what a branch means", () => {
  test("is asked at each opening, and noted when it has changed", async () => {
    const moving = repository();
    const { url } = await serveHub(moving);
    await hub("org/name", { endpoint: url }).read("config.json");
    moving.commits[B] = { "config.json": "new" };
    moving.revisions["main"] = B;
    expect(await hub("org/name", { endpoint: url }).read("config.json")).toEqual(bytes("new"));
    expect(readFileSync(at("refs/main"), "utf8")).toBe(B);
    expect(readdirSync(at("snapshots")).sort()).toEqual([A, B]);
    moving.revisions["main"] = A; // both are here, and the branch goes back
    expect(await hub("org/name", { endpoint: url }).read("config.json")).toEqual(small);
    expect(readFileSync(at("refs/main"), "utf8")).toBe(A);
  });

  test("is that of last time when the hub cannot be reached or fails", async () => {
    writeCache({ "config.json": small });
    expect(await hub("org/name", cut).read("config.json")).toEqual(small);
    expect(noNetwork).toHaveBeenCalledOnce();
    const { url, seen } = await serveHub(repository({ hub: (_, response) => !!response.writeHead(503).end() }));
    expect(await hub("org/name", { endpoint: url }).read("config.json")).toEqual(small);
    expect(seen).toHaveLength(1); // no waiting for what is here
  });

  test("is not guessed when nothing is known", async () => {
    writeCache({ "config.json": small }, {});
    await expect(hub("org/name", cut).read("config.json")).rejects.toMatchObject({
      details: { reason: "unavailable" },
    });
    await expect(hub("org/name", { offline: true }).read("config.json")).rejects.toThrow(/"main".*offline mode is on/);
  });

  test("is nothing that a damaged reference says", async () => {
    writeCache({ "config.json": small }, { main: "../../../etc" });
    await expect(hub("org/name", { offline: true }).read("config.json")).rejects.toThrow("offline mode is on");
  });

  test("may have a line's end", async () => {
    writeCache({ "config.json": small }, { main: `${A}\r\n` });
    expect(await hub("org/name", { offline: true }).read("config.json")).toEqual(small);
  });

  test("is not asked for a full commit", async () => {
    writeCache({ "config.json": small }, {});
    noNetwork.mockClear();
    expect(await hub("org/name", { ...cut, revision: A }).read("config.json")).toEqual(small);
    expect(noNetwork).not.toHaveBeenCalled();
  });
});

describe("offline", () => {
  test("no request is made, and what is here is read, listed and measured", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    writeCache({ "config.json": small, "onnx/model.bin": weights });
    noNetwork.mockClear();
    const opened = hub("org/name", cut);
    expect(await opened.read("onnx/model.bin", { from: 1, to: 3 })).toEqual(weights.slice(1, 3));
    expect(await opened.list()).toEqual([
      { name: "config.json", sizeBytes: small.length },
      { name: "onnx/model.bin", sizeBytes: 300 },
    ]);
    expect(await opened.size!("config.json")).toBe(small.length);
    expect(noNetwork).not.toHaveBeenCalled();
  });

  test("a file of which nothing is known counts as absent, and the error says that offline mode is on", async () => {
    writeCache({ "config.json": small });
    const opened = hub("org/name", { offline: true });
    expect(await hasFile(opened, "model.safetensors")).toBe(false);
    await expect(opened.read("model.safetensors")).rejects.toMatchObject({
      details: { reason: "missing", name: "model.safetensors" },
      message: expect.stringMatching(/"model.safetensors" of .*offline mode is on/),
    });
  });

  test("a file that is listed and not here is no absent one", async () => {
    const { url } = await serveHub(repository());
    const online = hub("org/name", { endpoint: url });
    await online.list();
    await online.read("config.json");
    const opened = hub("org/name", { offline: true });
    expect(await opened.list()).toEqual(await online.list());
    expect(await hasFile(opened, "onnx/model.bin")).toBe(true);
    expect(await hasFile(opened, "absent.json")).toBe(false);
    await expect(opened.read("onnx/model.bin")).rejects.toMatchObject({
      details: { reason: "unavailable" },
      message: expect.stringContaining("offline mode is on"),
    });
  });

  test("an empty cache is no empty repository", async () => {
    const error = { code: "FILE", message: expect.stringContaining("offline mode is on") };
    await expect(hub("org/name", { offline: true, revision: A }).list()).rejects.toMatchObject(error);
    await expect(hub("org/name", { offline: true }).list()).rejects.toMatchObject(error);
    await expect(hub("org/name", { offline: true, cache: false, revision: A }).read("a")).rejects.toMatchObject(error);
  });

  test("the option wins over the environment", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const { url } = await serveHub(repository());
    expect(await hub("org/name", { endpoint: url, offline: false }).read("config.json")).toEqual(small);
  });
});

test("when the hub is down, what is here is not taken for all that there is", async () => {
  writeCache({ "config.json": small });
  const { url } = await serveHub(repository({ hub: (_, response) => !!response.writeHead(500).end() }));
  const opened = hub("org/name", { endpoint: url, retryDelayMs: 1 });
  expect(await opened.read("config.json")).toEqual(small);
  expect(await hasFile(opened, "config.json")).toBe(true);
  const error = { details: { reason: "unavailable" }, message: expect.stringContaining("HF_HUB_OFFLINE=1") };
  await expect(opened.list()).rejects.toMatchObject(error);
  await expect(hasFile(opened, "modules.json")).rejects.toMatchObject(error);
});

test("when the hub is down, a listing from before holds", async () => {
  let isDown = false;
  const { url } = await serveHub(repository({ hub: (_, response) => isDown && !!response.writeHead(500).end() }));
  const before = hub("org/name", { endpoint: url });
  const listed = await before.list();
  await before.read("config.json");
  isDown = true;
  const opened = hub("org/name", { endpoint: url, retryDelayMs: 1 });
  expect(await opened.list()).toEqual(listed);
  expect(await hasFile(opened, "modules.json")).toBe(false);
  await expect(opened.read("other.json")).rejects.toMatchObject({ details: { status: 500 } });
});

test("a cache that cannot be written is an error that says what to set", async () => {
  const { url } = await serveHub(repository());
  writeFileSync(join(home.path, "hub"), "a file where a folder should be");
  await expect(hub("org/name", { endpoint: url }).read("config.json")).rejects.toMatchObject({
    code: "FILE",
    details: { reason: "folder" },
    message: expect.stringContaining("set HF_HUB_CACHE or the option cache"),
  });
});

test("what Python noted as absent is not asked for", async () => {
  const { url, seen } = await serveHub(repository());
  mkdirSync(at(".no_exist", A), { recursive: true });
  writeFileSync(at(".no_exist", A, "added_tokens.json"), "");
  const opened = hub("org/name", { endpoint: url, revision: A });
  await expect(opened.read("added_tokens.json")).rejects.toMatchObject({ details: { reason: "missing" } });
  expect(seen).toEqual([]);
});

test.each([
  "{",
  '{"format_version": 2, "files": {}}',
  '{"format_version": 1, "files": {"../x": {"size": 1}}}',
  '{"format_version": 1, "files": {"x": {}}}',
])("the stored listing %s is asked for again", async (text) => {
  mkdirSync(at("trees"), { recursive: true });
  writeFileSync(at("trees", `${A}.json`), text);
  const { url } = await serveHub(repository());
  expect(await hub("org/name", { endpoint: url }).list()).toHaveLength(3);
});

test("a cache that cannot be written serves what it has", async ({ skip }) => {
  skip(process.getuid?.() === 0, "root may write everywhere");
  writeCache({ "config.json": small }, { main: B });
  chmodSync(at("refs"), 0o555);
  const { url } = await serveHub(repository());
  expect(await hub("org/name", { endpoint: url }).read("config.json")).toEqual(small);
  chmodSync(at("refs"), 0o755);
});

test("a note that cannot be written is no failure", async () => {
  writeCache({ "config.json": small }, {});
  writeFileSync(at("refs"), "a file where a folder should be");
  const { url } = await serveHub(repository());
  expect(await hub("org/name", { endpoint: url }).read("config.json")).toEqual(small);
});

test("a cache is found wherever it was copied, and a folder given as text is one", async () => {
  writeCache({ "onnx/model.bin": weights });
  cpSync(join(home.path, "hub"), join(home.path, "copy"), { recursive: true, verbatimSymlinks: true });
  rmSync(join(home.path, "hub"), { recursive: true });
  const cache = join(home.path, "copy");
  expect(await hub("org/name", { cache, offline: true }).read("onnx/model.bin")).toEqual(weights);
  expect(existsSync(join(home.path, "hub"))).toBe(false);
});
