import { expect, test } from "vitest";
import { memory } from "./files.ts";
import { readJson } from "./read-json.ts";

test("a JSON file is read into its value, with or without a byte order mark", async () => {
  const files = memory({ "a.json": '{"größe": [1, 2]}', "b.json": "\uFEFF[1]" });
  expect(await readJson(files, "a.json")).toEqual({ größe: [1, 2] });
  expect(await readJson(files, "b.json")).toEqual([1]);
});

test.each([
  { title: "cut off", content: '{"a": 1' },
  { title: "empty", content: "" },
  { title: "not UTF-8", content: Uint8Array.of(0x22, 0xff, 0x22) },
])("a file that is $title is a format error that names it", async ({ content }) => {
  await expect(readJson(memory({ "config.json": content }), "config.json")).rejects.toMatchObject({
    code: "FORMAT",
    details: { name: "config.json" },
    message: expect.stringContaining('"config.json" in memory'),
    cause: expect.any(Error),
  });
});

test("an absent file is a file error", async () => {
  await expect(readJson(memory(), "config.json")).rejects.toMatchObject({ code: "FILE" });
});
