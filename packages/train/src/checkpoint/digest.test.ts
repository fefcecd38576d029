import { createHash } from "node:crypto";
import { memory } from "@cambium/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestFile, digestText, recordDigests } from "./digest.ts";

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const size of sizes) {
    yield bytes.subarray(from, from + size);
    from += size;
  }
  yield bytes.subarray(from);
}

test("the digest is the SHA-256 of the SHA-256s of every 4 MiB", async () => {
  const bytes = Uint8Array.from({ length: 2 ** 22 + 5 }, (_, i) => i % 251);
  const files = memory({ a: bytes });
  const expected = sha256(sha256(bytes.subarray(0, 2 ** 22)), sha256(bytes.subarray(2 ** 22)));
  expect(await digestFile(files, "a", bytes.length)).toBe(expected.toString("hex"));
  expect(await digestText("text")).toBe(sha256(sha256(Buffer.from("text"))).toString("hex"));
});

test("what was written in any parts has the digest of what is read", async () => {
  const parts = fc.array(fc.integer({ min: 0, max: 3_000_000 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 9_000_000 }), parts, async (size, sizes) => {
      const files = memory();
      const bytes = new Uint8Array(size).fill(7);
      let told: unknown;
      await recordDigests(files, (name, fingerprint) => {
        told = { name, ...fingerprint };
      }).write("a", cut(bytes, sizes));
      expect(Buffer.compare(await files.read("a"), bytes)).toBe(0);
      expect(told).toEqual({ name: "a", sizeBytes: size, digest: await digestFile(files, "a", size) });
    }),
    { numRuns: 8 },
  );
});
