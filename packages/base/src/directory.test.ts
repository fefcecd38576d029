import { expect, test } from "vitest";
import { directory } from "./directory.ts";
import { createDirectoryHandle } from "./directory-handle.fixture.ts";
import { describeFiles } from "./files-laws.fixture.ts";

describeFiles("directory", () => directory(createDirectoryHandle()));

test("where no room is left the former content stays, and a new file does not appear", async () => {
  const files = directory(createDirectoryHandle(10));
  await files.write("a", "former");
  const full = { code: "FILE", details: { reason: "full" }, cause: { name: "QuotaExceededError" } };
  await expect(files.write("a", "more than ten bytes")).rejects.toMatchObject(full);
  await expect(files.write("b", "more than ten bytes")).rejects.toMatchObject(full);
  expect(await files.list()).toEqual([{ name: "a", sizeBytes: 6 }]);
});

test("a folder is no file", async () => {
  const files = directory(createDirectoryHandle());
  await files.write("sub/a", "content");
  await expect(files.read("sub")).rejects.toMatchObject({ details: { reason: "folder" } });
  await expect(files.write("sub", "x")).rejects.toMatchObject({ details: { reason: "folder" } });
  expect(await files.list()).toEqual([{ name: "sub/a", sizeBytes: 7 }]);
});
