import { type Files, memory } from "@cambium/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readHeader } from "./header.ts";
import { entry, rawFile } from "./raw-file.fixture.ts";

const twelveBytes = new Uint8Array(12);
const good = { a: entry("F32", [2], 0, 8), b: entry("I32", [], 8, 12) };

const open = (bytes: Uint8Array) => readHeader(memory({ "m.safetensors": bytes }), "m.safetensors");

test("entries come in the order of their bytes, whatever the order of the header", async () => {
  const { entries } = await open(rawFile({ b: good.b, a: good.a, none: entry("F32", [0, 3], 8, 8) }, twelveBytes));
  expect([...entries.keys()]).toEqual(["a", "none", "b"]);
  expect(entries.get("a")).toEqual({ dtype: "F32", shape: [2], sizeBytes: 8, from: expect.any(Number) });
});

test("metadata is what the header holds, and empty without", async () => {
  const metadata = { format: "pt", __proto__x: "y" };
  expect((await open(rawFile({ __metadata__: metadata, ...good }, twelveBytes))).metadata).toEqual(metadata);
  expect((await open(rawFile(good, twelveBytes))).metadata).toEqual({});
});

test("numbers in fields that mean nothing are not looked at", async () => {
  const text = '{"a":{"dtype":"U8","note":[1.5,{"shape":[2e0]}],"shape":[3],"data_offsets":[0,3]}}';
  expect((await open(rawFile(text, new Uint8Array(3)))).entries.get("a")).toMatchObject({ shape: [3] });
});

test("a file without tensors is a file", async () => {
  expect((await open(rawFile({}))).entries.size).toBe(0);
});

test("spaces round the header are allowed, and odd names are names", async () => {
  const text =
    '{"__proto__": {"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}, "a\\"}{:\\\\": {"dtype":"U8","shape":[],"data_offsets":[1,2]}}   ';
  const { entries } = await open(rawFile(text, new Uint8Array(2)));
  expect([...entries.keys()]).toEqual(["__proto__", 'a"}{:\\']);
});

const bad: { title: string; bytes: Uint8Array; message: RegExp; tensor?: string }[] = [
  { title: "an empty file", bytes: new Uint8Array(0), message: /0 bytes, too few/ },
  {
    title: "a pointer of Git LFS",
    bytes: new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:"),
    message: /pointer of Git LFS in place of the file; fetch the file by git lfs pull/,
  },
  {
    title: "a web page",
    bytes: new TextEncoder().encode("<html><head><title>404</title>"),
    message: /it is a web page/,
  },
  {
    title: "a file of PyTorch's",
    bytes: Uint8Array.of(0x50, 0x4b, 3, 4, ...twelveBytes),
    message: /openTorchFile reads these/,
  },
  { title: "seven bytes", bytes: new Uint8Array(7), message: /7 bytes, too few/ },
  {
    title: "a header longer than the file",
    bytes: rawFile("{}", twelveBytes, 1000n),
    message: /header has 1000 bytes, the file 22/,
  },
  { title: "a header over 100 MB", bytes: rawFile("{}", twelveBytes, 100_000_001n), message: /more than 100000000/ },
  {
    title: "a header of 2^64 - 1 bytes",
    bytes: rawFile("{}", twelveBytes, 2n ** 64n - 1n),
    message: /18446744073709551615 bytes/,
  },
  { title: "a header of no bytes", bytes: rawFile("", twelveBytes), message: /not JSON/ },
  { title: "a header that is not UTF-8", bytes: rawFile(Uint8Array.of(0x7b, 0xff, 0x7d)), message: /not UTF-8/ },
  { title: "a header with a byte order mark", bytes: rawFile("\uFEFF{}"), message: /not JSON/ },
  { title: "a header that is not JSON", bytes: rawFile('{"a": '), message: /not JSON/ },
  { title: "a header that is an array", bytes: rawFile([]), message: /no JSON object/ },
  { title: "a header that is null", bytes: rawFile("null"), message: /no JSON object/ },
  {
    title: "a tensor named twice",
    bytes: rawFile(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      new Uint8Array(1),
    ),
    message: /the key "a" twice/,
  },
  {
    title: "a field given twice, in other words",
    bytes: rawFile('{"a":{"dtype":"U8","shape":[1],"sh\\u0061pe":[1],"data_offsets":[0,1]}}', new Uint8Array(1)),
    message: /the key "shape" twice/,
  },
  { title: "metadata that is a list", bytes: rawFile({ __metadata__: ["pt"] }), message: /metadata is no JSON object/ },
  {
    title: "metadata with a number",
    bytes: rawFile({ __metadata__: { step: 3 } }),
    message: /metadata "step" is no string/,
  },
  { title: "an entry that is a number", bytes: rawFile({ a: 1 }), tensor: "a", message: /entry is no JSON object/ },
  {
    title: "an unknown dtype",
    bytes: rawFile({ a: entry("F128", [1], 0, 16) }, new Uint8Array(16)),
    tensor: "a",
    message: /"F128" is none of F64, F32/,
  },
  {
    title: "a dtype that is a method's name",
    bytes: rawFile({ a: entry("toString", [], 0, 1) }, new Uint8Array(1)),
    tensor: "a",
    message: /is none of/,
  },
  {
    title: "no dtype",
    bytes: rawFile({ a: { shape: [], data_offsets: [0, 0] } }),
    tensor: "a",
    message: /dtype undefined is none of/,
  },
  {
    title: "a negative size",
    bytes: rawFile({ a: entry("U8", [-1], 0, 0) }),
    tensor: "a",
    message: /\[-1\] is no list of sizes/,
  },
  {
    title: "a size of half an element",
    bytes: rawFile({ a: entry("U8", [0.5], 0, 0) }),
    tensor: "a",
    message: /no list of sizes/,
  },
  ...["3.0", "0.3e1", "3E0"].map((count) => ({
    title: `a size written ${count}`,
    bytes: rawFile(`{"a":{"dtype":"U8","shape":[${count}],"data_offsets":[0,3]}}`, new Uint8Array(3)),
    tensor: "a",
    message: /is no whole number in plain digits/,
  })),
  ...["-0", "0.0", "0e1"].map((count) => ({
    title: `an offset written ${count}`,
    bytes: rawFile(`{"b\\"{": {"dtype":"U8","shape":[3],"data_offsets":[ ${count} , 3]}}`, new Uint8Array(3)),
    tensor: 'b"{',
    message: new RegExp(`${count} is no whole number in plain digits`),
  })),
  {
    title: "half a byte",
    bytes: rawFile({ a: entry("F4", [3], 0, 2) }, new Uint8Array(2)),
    tensor: "a",
    message: /F4 \[3\] takes 1.5 bytes/,
  },
  {
    title: "a shape that is a number",
    bytes: rawFile({ a: { dtype: "U8", shape: 1, data_offsets: [0, 1] } }),
    tensor: "a",
    message: /no list of sizes/,
  },
  {
    title: "one offset",
    bytes: rawFile({ a: { dtype: "U8", shape: [0], data_offsets: [0] } }),
    tensor: "a",
    message: /not two byte counts/,
  },
  {
    title: "a negative offset",
    bytes: rawFile({ a: entry("U8", [1], -1, 0) }),
    tensor: "a",
    message: /not two byte counts/,
  },
  {
    title: "an end before the beginning",
    bytes: rawFile({ a: entry("U8", [1], 1, 0) }, new Uint8Array(1)),
    tensor: "a",
    message: /before it begins/,
  },
  {
    title: "a truncated file",
    bytes: rawFile(good, new Uint8Array(11)),
    tensor: "b",
    message: /ends at byte 12 of the data, which has 11; the file is truncated/,
  },
  {
    title: "a shape too large for its bytes",
    bytes: rawFile({ a: entry("F32", [3], 0, 8) }, new Uint8Array(8)),
    tensor: "a",
    message: /F32 \[3\] takes 12 bytes, but 8 are stored/,
  },
  {
    title: "a shape whose product overflows",
    bytes: rawFile({ a: entry("F64", Array(64).fill(2 ** 50), 0, 8) }, new Uint8Array(8)),
    tensor: "a",
    message: /takes .* bytes, but 8 are stored/,
  },
  {
    title: "a hole at the beginning",
    bytes: rawFile({ a: entry("U8", [1], 1, 2) }, new Uint8Array(2)),
    tensor: "a",
    message: /leaves 1 bytes unused before it/,
  },
  {
    title: "a hole between tensors",
    bytes: rawFile({ a: entry("U8", [1], 0, 1), b: entry("U8", [1], 2, 3) }, new Uint8Array(3)),
    tensor: "b",
    message: /leaves 1 bytes unused/,
  },
  {
    title: "tensors that overlap",
    bytes: rawFile({ a: entry("U8", [2], 0, 2), b: entry("U8", [2], 1, 3) }, new Uint8Array(3)),
    tensor: "b",
    message: /overlaps/,
  },
  {
    title: "two tensors at one place",
    bytes: rawFile({ a: entry("U8", [2], 0, 2), b: entry("U8", [2], 0, 2) }, new Uint8Array(2)),
    tensor: "b",
    message: /overlaps/,
  },
  {
    title: "bytes after the last tensor",
    bytes: rawFile(good, new Uint8Array(13)),
    message: /1 bytes follow the last tensor/,
  },
];

test.each(bad)("$title is a format error that names file and tensor", async ({ bytes, message, tensor }) => {
  const error = await open(bytes).catch((caught) => caught);
  expect(error).toMatchObject({ code: "FORMAT", details: { name: "m.safetensors", ...(tensor && { tensor }) } });
  expect(error.message).toMatch(message);
  expect(error.message).toContain('"m.safetensors" in memory');
});

test("a huge header with one string full of escapes is checked, not a stack overflow", async () => {
  const key = "\\n".repeat(1_000_000);
  await expect(open(rawFile(`{"${key}": 1}`))).rejects.toMatchObject({ code: "FORMAT" });
});

test("whatever bytes come, the answer is a header or a format error, and no byte outside the file is asked for", async () => {
  const whole = rawFile({ __metadata__: { format: "pt" }, ...good }, twelveBytes);
  const change = fc.record({ at: fc.nat(whole.length - 1), to: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 4 }), fc.nat(whole.length), async (changes, length) => {
      const bytes = whole.slice();
      for (const { at, to } of changes) bytes[at] = to;
      const files = memory({ m: bytes.slice(0, length) });
      const careful: Files = {
        ...files,
        read(name, range) {
          expect(range!.to).toBeLessThanOrEqual(length);
          return files.read(name, range);
        },
      };
      const outcome = await readHeader(careful, "m").catch((error) => error.code);
      expect(typeof outcome === "object" || outcome === "FORMAT").toBe(true);
    }),
    { seed: 1, numRuns: 2000 },
  );
});
