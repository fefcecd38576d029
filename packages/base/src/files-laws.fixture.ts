import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Files, fileSize, hasFile, isMissingFile } from "./files.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const text = (content: Uint8Array): string => new TextDecoder().decode(content);

async function* stream(pieces: readonly Uint8Array[], failure?: Error): AsyncGenerator<Uint8Array> {
  yield* pieces;
  if (failure !== undefined) throw failure;
}

/**
 * The laws of every folder that can be written.
 *
 * @param create - Makes an empty folder.
 */
export function describeFiles(name: string, create: () => Files | Promise<Files>): void {
  describe(`${name} as Files`, () => {
    test("an absent folder has no files", async () => {
      expect(await (await create()).list()).toEqual([]);
    });

    test("what was written is read back, whole or in part", async () => {
      const content = fc.uint8Array({ maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(content, fc.nat(40), fc.nat(40), async (written, a, b) => {
          const files = await create();
          await files.write("some/name.bin", written);
          const [from, to] = [a, b].map((end) => Math.min(end, written.length)).sort((x, y) => x - y) as [
            number,
            number,
          ];
          expect(await files.read("some/name.bin")).toEqual(written);
          expect(await files.read("some/name.bin", { from, to })).toEqual(written.slice(from, to));
        }),
        { numRuns: 30, seed: 1 },
      );
    });

    test("text is written as UTF-8", async () => {
      const files = await create();
      await files.write("a.txt", "Wörter");
      expect(text(await files.read("a.txt"))).toBe("Wörter");
    });

    test("a stream is written piece after piece", async () => {
      const files = await create();
      await files.write("a", stream([bytes(1, 2), bytes(), bytes(3)]));
      expect(await files.read("a")).toEqual(bytes(1, 2, 3));
    });

    test("writing again replaces the content, also by a shorter one", async () => {
      const files = await create();
      await files.write("a", "a long content");
      await files.write("a", "short");
      expect(text(await files.read("a"))).toBe("short");
    });

    test("what is read is the caller's own", async () => {
      const files = await create();
      const written = bytes(1, 2, 3);
      await files.write("a", written);
      written[0] = 9;
      (await files.read("a"))[1] = 9;
      expect(await files.read("a")).toEqual(bytes(1, 2, 3));
    });

    test("the list has every file, also in folders inside, with its size, in order of name", async () => {
      const files = await create();
      await files.write("b/c/deep.bin", bytes(1, 2, 3));
      await files.write("b.bin", bytes(1));
      await files.write("a", "");
      expect(await files.list()).toEqual([
        { name: "a", sizeBytes: 0 },
        { name: "b.bin", sizeBytes: 1 },
        { name: "b/c/deep.bin", sizeBytes: 3 },
      ]);
      expect(await fileSize(files, "b/c/deep.bin")).toBe(3);
    });

    test("a stream that fails leaves the former content, and its error is passed on as it is", async () => {
      const files = await create();
      const failure = new Error("the source ran dry");
      await files.write("sub/a", "former");
      await expect(files.write("sub/a", stream([bytes(1)], failure))).rejects.toBe(failure);
      await expect(files.write("other/b", stream([bytes(1)], failure))).rejects.toBe(failure);
      expect(text(await files.read("sub/a"))).toBe("former");
      expect(await files.list()).toEqual([{ name: "sub/a", sizeBytes: 6 }]);
    });

    test("a removed file is gone, and removing it again is no error", async () => {
      const files = await create();
      await files.write("sub/a", "content");
      await files.remove("sub/a");
      await files.remove("sub/a");
      expect(await files.list()).toEqual([]);
      expect(await hasFile(files, "sub/a")).toBe(false);
    });

    test("reading an absent file is an error that says so", async () => {
      const files = await create();
      await files.write("present.json", "{}");
      const error = await files.read("absent.json").catch((reason) => reason);
      expect(error).toMatchObject({ code: "FILE", details: { name: "absent.json", reason: "missing" } });
      expect(error.message).toContain("absent.json");
      expect(isMissingFile(error)).toBe(true);
      await expect(fileSize(files, "absent.json")).rejects.toMatchObject({ details: { reason: "missing" } });
      expect(await hasFile(files, "present.json")).toBe(true);
    });

    test.each([
      { title: "past the end", range: { from: 2, to: 4 } },
      { title: "before the start", range: { from: -1, to: 2 } },
      { title: "that ends before it begins", range: { from: 2, to: 1 } },
      { title: "of half a byte", range: { from: 0.5, to: 2 } },
    ])("a range $title is an error", async ({ range }) => {
      const files = await create();
      await files.write("a", bytes(1, 2, 3));
      await expect(files.read("a", range)).rejects.toMatchObject({ code: "FILE", details: { reason: "range" } });
    });

    test.each(["", "/etc/passwd", "../a", "a/../../b", "a//b", "./a", "a/", "a\\b", "a\0b"])(
      "the name %j is refused",
      async (bad) => {
        const files = await create();
        await expect(files.write(bad, "x")).rejects.toMatchObject({ code: "FILE" });
        await expect(files.read(bad)).rejects.toMatchObject({ code: "FILE" });
        expect(await files.list()).toEqual([]);
      },
    );
  });
}
