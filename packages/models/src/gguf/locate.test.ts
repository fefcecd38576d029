import { memory } from "@cambium/base";
import { expect, test } from "vitest";
import { locateGguf, splitPath } from "./locate.ts";

test.each([
  ["model.gguf", ".", "model.gguf"],
  ["/model.gguf", "/", "model.gguf"],
  ["models/small.Q4_0.gguf", "models", "small.Q4_0.gguf"],
  ["C:\\models\\small.GGUF", "C:\\models", "small.GGUF"],
  ["https://example.org/a%20b/my%20model.gguf", "https://example.org/a%20b", "my model.gguf"],
  ["https://example.org/a/model.gguf?download=true", "https://example.org/a?download=true", "model.gguf"],
])("%s is a file in a folder", (path, folder, name) => {
  expect(splitPath(path)).toEqual({ folder, name });
});

test.each(["models/gguf", "model.gguf/config", "models/.gguf.txt", "why?.gguf?x"])("%s is no GGUF file", (path) => {
  expect(splitPath(path)).toBeUndefined();
});

test("a folder that holds one is that file, unless it is a Hugging Face folder", async () => {
  const files = memory({ "a.gguf": "", "README.md": "", "below/b.gguf": "" });
  expect(await locateGguf("loadModel", files, "config.json")).toEqual({ files, name: "a.gguf" });
  const both = memory({ "a.gguf": "", "config.json": "{}" });
  expect(await locateGguf("loadModel", both, "config.json")).toBeUndefined();
  expect(await locateGguf("loadModel", memory(), "config.json")).toBeUndefined();
});

test("a folder that holds several is an error that lists them", async () => {
  await expect(locateGguf("loadModel", memory({ "a.gguf": "", "b.gguf": "" }), "config.json")).rejects.toThrow(
    "a.gguf, b.gguf",
  );
});

test("a folder without a listing is none", async () => {
  const files = {
    ...memory(),
    list: () => Promise.reject(new Error("no listing")),
    size: () => Promise.reject(missing),
  };
  const missing = Object.assign(new Error("absent"), { code: "FILE", details: { reason: "missing" } });
  expect(await locateGguf("loadModel", files, "config.json")).toBeUndefined();
});
