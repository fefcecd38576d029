import { expect, test } from "vitest";
import { explainLoading, type Platform, platformHere } from "./platform.ts";

const missing = Object.assign(new Error("Cannot find module 'onnxruntime-node/package.json'"), {
  code: "MODULE_NOT_FOUND",
});
const notLoaded = new Error("Error loading shared library ld-linux-x86-64.so.2: No such file or directory");
const linux = (glibc: string | undefined): Platform => ({ system: "linux", processor: "x64", glibc });

test.each([missing, notLoaded])("on musl the message advises what helps there, and no install (%s)", (cause) => {
  const message = explainLoading(cause, linux(undefined));
  expect(message).toBe(
    "onnxruntime-node has no binary for musl, the C library of Alpine Linux; use a system with the GNU C library, such as " +
      'the image node:22-slim, or use another backend, such as useBackend("wasm")',
  );
});

test("an old C library is told with its version", () => {
  expect(explainLoading(notLoaded, linux("2.17"))).toMatch(
    /needs the GNU C library 2.28 or newer, and this is 2.17; use a newer system, or use another backend/,
  );
  expect(explainLoading(notLoaded, linux("2.28"))).toMatch(/does not load on linux-x64: Error: Error loading/);
});

test("a platform without a binary is told, and which have one", () => {
  expect(explainLoading(missing, { system: "darwin", processor: "x64", glibc: undefined })).toBe(
    "onnxruntime-node has no binary for darwin-x64, only for linux-x64, linux-arm64, darwin-arm64, win32-x64, win32-arm64; " +
      'use another backend, such as useBackend("wasm")',
  );
});

test.each([
  linux("2.36"),
  { system: "win32", processor: "x64", glibc: undefined },
  { system: "darwin", processor: "arm64", glibc: undefined },
])("where it runs and is missing, the message says how to install it (%j)", (platform) => {
  expect(explainLoading(missing, platform)).toMatch(
    /^onnxruntime-node is not installed .*ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30/,
  );
});

test("this machine is one that the package has a binary for", () => {
  const { system, processor } = platformHere();
  expect(explainLoading(missing, platformHere())).toMatch(/is not installed/);
  expect(`${system}-${processor}`).toBe(`${process.platform}-${process.arch}`);
});
