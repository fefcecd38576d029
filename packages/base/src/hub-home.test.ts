import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test, vi } from "vitest";
import { memory } from "./files.ts";
import { serve } from "./http-server.fixture.ts";
import { hub } from "./hub.ts";
import { checkWindowsName } from "./hub-disk.ts";
import * as browser from "./hub-home.browser.ts";
import { useEmptyHome } from "./hub-home.fixture.ts";
import { hubHome } from "./hub-home.node.ts";
import { serveHub } from "./hub-server.fixture.ts";

const home = useEmptyHome();
const A = "a".repeat(40);

const cachePath = (): string => dirname(hubHome().cache("org/name")!.files.location);

test.each([
  { title: "nothing", set: { HF_HOME: "" }, path: join(homedir(), ".cache/huggingface/hub") },
  { title: "XDG_CACHE_HOME", set: { HF_HOME: "", XDG_CACHE_HOME: "/xdg" }, path: "/xdg/huggingface/hub" },
  { title: "HF_HOME", set: { HF_HOME: "/hf", XDG_CACHE_HOME: "/xdg" }, path: "/hf/hub" },
  { title: "HUGGINGFACE_HUB_CACHE", set: { HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" }, path: "/old" },
  {
    title: "HF_HUB_CACHE",
    set: { HF_HUB_CACHE: "/cache", HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" },
    path: "/cache",
  },
  { title: "a home", set: { HF_HOME: "~/hf" }, path: join(homedir(), "hf/hub") },
  {
    title: "variables in it",
    set: { HF_HUB_CACHE: "$XDG_CACHE_HOME/$" + "{XDG_CACHE_HOME}b/$NONE_SUCH", XDG_CACHE_HOME: "/x" },
    path: "/x/xb/$NONE_SUCH",
  },
])("with $title set the cache is $path", ({ set, path }) => {
  for (const [name, value] of Object.entries(set)) vi.stubEnv(name, value);
  expect(cachePath()).toBe(path);
});

test.each(["1", "true", "ON", "yes"])("HF_HUB_OFFLINE=%s is offline", (value) => {
  vi.stubEnv("HF_HUB_OFFLINE", value);
  expect(hubHome().offline).toBe(true);
});

test.each(["0", "", "false", "no"])("HF_HUB_OFFLINE=%s is not", (value) => {
  vi.stubEnv("HF_HUB_OFFLINE", value);
  expect(hubHome().offline).toBe(false);
});

test("the token is that of the environment, or else that of the file", async () => {
  expect(await hubHome().token()).toBeUndefined();
  writeFileSync(join(home.path, "token"), " of the home\n");
  expect(await hubHome().token()).toBe("of the home");
  writeFileSync(join(home.path, "elsewhere"), "elsewhere");
  vi.stubEnv("HF_TOKEN_PATH", join(home.path, "elsewhere"));
  expect(await hubHome().token()).toBe("elsewhere");
  vi.stubEnv("HF_TOKEN", "given\n");
  expect(await hubHome().token()).toBe("given");
  vi.stubEnv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
  expect(await hubHome().token()).toBeUndefined();
});

test("a token's file that cannot be read is an error, not no token", async () => {
  mkdirSync(join(home.path, "token"));
  await expect(hubHome().token()).rejects.toMatchObject({ code: "FILE" });
});

test("the environment's endpoint and token are used, and options win over them", async () => {
  const own = await serveHub({ commits: { [A]: { a: "1" } }, revisions: { main: A } });
  const other = await serveHub({ commits: { [A]: { a: "2" } }, revisions: { main: A } });
  vi.stubEnv("HF_ENDPOINT", `${own.url}/`);
  vi.stubEnv("HF_TOKEN", "of-the-environment");
  await hub("org/name", { cache: memory() }).read("a");
  await hub("org/name", { cache: memory(), token: "given" }).read("a");
  await hub("org/name", { cache: memory(), token: false }).read("a");
  await hub("org/name", { cache: memory(), endpoint: other.url }).read("a");
  const sent = (seen: readonly { authorization: string | undefined }[]) => [
    ...new Set(seen.map((each) => each.authorization)),
  ];
  expect(sent(own.seen)).toEqual(["Bearer of-the-environment", "Bearer given", undefined]);
  expect(sent(other.seen)).toEqual(["Bearer of-the-environment"]);
});

test("a browser keeps nothing on its own, and takes no path", () => {
  expect(browser.hubHome()).toMatchObject({ offline: false });
  expect(browser.hubHome().cache("org/name")).toBeUndefined();
  expect(() => browser.hubHome().cache("org/name", "cache")).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test.each(["con", "a/NUL.txt", "a:b", "what?.json", "ends.", "ends ", "a|b", "COM1.bin"])(
  "Windows cannot store %j",
  (name) => {
    expect(() => checkWindowsName(name, "cache")).toThrow(expect.objectContaining({ code: "FILE" }));
  },
);

test.each(["config.json", "onnx/model.bin", ".gitattributes", "console.md", "größe 模型.json"])(
  "Windows can store %j",
  (name) => {
    expect(() => checkWindowsName(name, "cache")).not.toThrow();
  },
);

test("no module of Node reaches a browser bundle of the hub", async () => {
  const inputs = async (platform: "browser" | "node"): Promise<string> => {
    const bundle = await build({
      entryPoints: [fileURLToPath(new URL("./index.ts", import.meta.url))],
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform,
      conditions: ["@cambium/source"],
      logLevel: "silent",
    });
    return Object.keys(bundle.metafile.inputs).join(" ");
  };
  expect(await inputs("browser")).not.toMatch(/hub-disk|hub-home\.node|src\/system/);
  expect(await inputs("node")).toContain("hub-disk");
});

test("where a browser follows redirects itself, the answer is asked for without stopping at them", async () => {
  const { url, seen } = await serve((_request, response) => void response.end("content"));
  const opaque = { type: "opaqueredirect", status: 0, ok: false, headers: new Headers(), body: null } as Response;
  const asBrowser: typeof fetch = async (address, init) =>
    init?.redirect === "manual" && String(address).includes("/resolve/") ? opaque : fetch(address, init);
  const opened = hub("org/name", { endpoint: url, revision: A, fetch: asBrowser, cache: memory(), token: "secret" });
  expect(new TextDecoder().decode(await opened.read("a"))).toBe("content");
  expect(seen).toHaveLength(1);
});
