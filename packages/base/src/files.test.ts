import { expect, test } from "vitest";
import { type Files, fileSize, hasFile, memory } from "./files.ts";
import { describeFiles } from "./files-laws.fixture.ts";

describeFiles("memory", () => memory());

test("memory begins with the content given, which it copies", async () => {
  const content = Buffer.from([1, 2, 3]);
  const files = memory({ "a.bin": content, "b.txt": "text" });
  content[0] = 9;
  expect(await files.read("a.bin")).toEqual(Uint8Array.of(1, 2, 3));
  expect(await fileSize(files, "b.txt")).toBe(4);
});

test("memory copies the pieces of a stream, so a source may use one buffer for all of them", async () => {
  const files = memory();
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.alloc(1);
    for (const value of [1, 2, 3]) {
      buffer[0] = value;
      yield buffer;
    }
  }
  await files.write("a", pieces());
  expect(await files.read("a")).toEqual(Uint8Array.of(1, 2, 3));
});

test("an absent file's error names those that are there", async () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
  const files = memory(Object.fromEntries(names.map((name) => [name, ""])));
  await expect(files.read("x")).rejects.toThrow('files: no "x" in memory; it has a, b, c, d, e, f, g, h and 2 more');
  await expect(memory().read("x")).rejects.toThrow('files: no "x" in memory; it has no files');
});

test("a folder that only lists still tells sizes and presence", async () => {
  const { size: _, ...plain } = memory({ "a.bin": Uint8Array.of(1, 2) });
  const files: Files = plain;
  expect(await fileSize(files, "a.bin")).toBe(2);
  expect(await hasFile(files, "a.bin")).toBe(true);
  expect(await hasFile(files, "b.bin")).toBe(false);
  await expect(fileSize(files, "b.bin")).rejects.toMatchObject({ details: { reason: "missing" } });
});

test("presence is not guessed when a folder cannot be asked", async () => {
  const denied = new Error("denied");
  const files: Files = { ...memory(), size: () => Promise.reject(denied) };
  await expect(hasFile(files, "a")).rejects.toBe(denied);
});
