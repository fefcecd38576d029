import { resolve } from "node:path";
import { build } from "esbuild";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "./hash.ts";
import { sha256 as browser, sha256Steps as browserSteps } from "./sha256.browser.ts";
import { sha256Steps } from "./sha256.node.ts";

describe.each([
  ["node", sha256],
  ["browser", browser],
] as const)("in %s", (_, hash) => {
  // The examples of FIPS 180-2, appendix B.
  test.each([
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
    ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
  ])("the standard's example %# comes out", (text, digest) => {
    expect(hash(text)).toBe(digest);
  });

  test("a text is hashed as its UTF-8 bytes", () => {
    expect(hash("\u00e4\u{1f600}")).toBe(hash(new TextEncoder().encode("\u00e4\u{1f600}")));
  });

  test("bytes in the middle of a larger buffer are hashed alone", () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);
    expect(hash(bytes.subarray(100, 200))).toBe(hash(bytes.slice(100, 200)));
  });
});

test("node and browser agree on any text and any bytes, unpaired surrogates included", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array()), (content) => {
      expect(browser(content)).toBe(sha256(content));
    }),
    { seed: 1, examples: [["\ud800"]] },
  );
});

test("a browser's bundle holds no module of Node", async () => {
  const { metafile } = await build({
    stdin: { contents: 'export * from "./index.ts";', resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    conditions: ["@cambium/source"],
    absWorkingDir: resolve(import.meta.dirname, ".."),
  });
  expect(Object.keys(metafile.inputs).filter((input) => /(^|\/)(node:|sha256\.node|sqlite\/)/.test(input))).toEqual([]);
});

test.each([
  ["node", sha256Steps],
  ["browser", browserSteps],
] as const)("in %s bytes in pieces hash as the whole", (_, steps) => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);
  const hash = steps();
  for (const [from, to] of [
    [0, 0],
    [0, 63],
    [63, 65],
    [65, 300],
  ] as const)
    hash.add(bytes.subarray(from, to));
  expect(hash.digest()).toBe(sha256(bytes));
});
