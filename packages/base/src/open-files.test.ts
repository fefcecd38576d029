import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test, vi } from "vitest";
import { memory } from "./files.ts";
import { openFiles } from "./open-files.ts";
import * as browser from "./open-folder.browser.ts";

test("files stand for themselves", () => {
  const files = memory();
  expect(openFiles(files)).toBe(files);
});

test.each([
  [undefined, "undefined"],
  [null, "null"],
  ["", "an empty text"],
  [3, "a value of type number"],
  [{ read: "config.json" }, "a value of type object"],
])("%j is none, and an error says so", (source, name) => {
  expect(() => openFiles(source as string)).toThrow(`got ${name}`);
});

test("an http address is a folder on a web server", () => {
  expect(openFiles("https://example.org/models/small/").location).toBe("https://example.org/models/small");
  expect(openFiles("HTTP://example.org").location).toBe("HTTP://example.org");
});

test("in Node any other string is a folder's path", () => {
  expect(openFiles("models/small").location).toBe(resolve("models/small"));
});

test("in a browser any other string is an address beside the page", () => {
  vi.stubGlobal("location", { href: "https://example.org/app/index.html" });
  expect(browser.openFolder("models/small").location).toBe("https://example.org/app/models/small");
  expect(browser.openFolder("/models").location).toBe("https://example.org/models");
  vi.unstubAllGlobals();
});

test("in a browser a path on disk is an error that says what to use", () => {
  expect(() => browser.folder("models")).toThrow(expect.objectContaining({ code: "STATE" }));
});

test("no module of Node reaches a browser bundle, and the disk reaches a Node bundle", async () => {
  const bundle = (platform: "browser" | "node") =>
    build({
      entryPoints: [fileURLToPath(new URL("./open-files.ts", import.meta.url))],
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform,
      conditions: ["@cambium/source"],
      logLevel: "silent",
    });
  const inputs = async (platform: "browser" | "node") =>
    Object.keys((await bundle(platform)).metafile.inputs).join(" ");
  expect(await inputs("browser")).not.toContain("src/folder.ts");
  expect(await inputs("node")).toContain("src/folder.ts");
});
