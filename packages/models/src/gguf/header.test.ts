import { type Files, memory } from "@cambium/base";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readGgufHeader } from "./header.ts";
import { f32, join, type RawGguf, type RawTensor, rawGguf, text, u32, u64, value } from "./raw-gguf.fixture.ts";

const open = (bytes: Uint8Array) => readGgufHeader(memory({ "m.gguf": bytes }), "m.gguf");
const data = new Uint8Array(128);
const f32Tensor = (name: string, count: number, offset: number): RawTensor => ({
  name,
  sizes: [count],
  type: 0,
  offset,
});
const good: RawGguf = {
  metadata: [["general.name", value.text("tree")]],
  tensors: [f32Tensor("a", 8, 0), { name: "b", sizes: [32, 2], type: 8, offset: 32 }],
  data,
};

test.each([2, 3])("version %i: metadata, and shapes from the outermost axis on", async (version) => {
  const { metadata, tensors } = await open(rawGguf({ ...good, version }));
  expect(metadata).toEqual(new Map([["general.name", "tree"]]));
  expect([...tensors].map(([name, { shape, type, sizeBytes }]) => [name, shape, type.name, sizeBytes])).toEqual([
    ["a", [8], "F32", 32],
    ["b", [2, 32], "Q8_0", 68],
  ]);
  expect(tensors.get("b")!.from - tensors.get("a")!.from).toBe(32);
});

test("every type of value is read", async () => {
  const { metadata } = await open(
    rawGguf({
      metadata: [
        ["u8", [0, 200]],
        ["i8", [1, 200]],
        ["u16", [2, 1, 2]],
        ["i16", [3, 255, 255]],
        ["u32", [4, u32(0xfffffffe)]],
        ["i32", [5, u32(0xfffffffe)]],
        ["f32", value.f32(0.5)],
        ["bool", value.bool(1)],
        ["text", value.text("é")],
        ["u64", [10, u64(2n ** 64n - 1n)]],
        ["i64", [11, u64(2n ** 64n - 1n)]],
        ["f64", [12, new Uint8Array(new Float64Array([0.1]).buffer)]],
      ],
    }),
  );
  expect(Object.fromEntries(metadata)).toEqual({
    u8: 200,
    i8: -56,
    u16: 513,
    i16: -1,
    u32: 4294967294,
    i32: -2,
    f32: 0.5,
    bool: true,
    text: "é",
    u64: 2n ** 64n - 1n,
    i64: -1,
    f64: 0.1,
  });
});

test("arrays are read when they are asked for", async () => {
  const bytes = rawGguf({
    metadata: [
      ["floats", value.array(6, 2, f32(1.5), f32(-2))],
      ["texts", value.array(8, 2, text("a"), text(Uint8Array.of(0xff)))],
      ["none", value.array(4, 0)],
    ],
  });
  const { metadata } = await open(bytes);
  const array = (key: string) => metadata.get(key) as { length: number; values(): unknown };
  expect(array("floats").values()).toEqual([1.5, -2]);
  expect(array("none").values()).toEqual([]);
  expect(array("texts").length).toBe(2);
  expect(() => array("texts").values()).toThrow('text 1 of "texts" is not UTF-8');
});

test("gaps between tensors, and an alignment that the file states, are allowed", async () => {
  const metadata = [["general.alignment", value.u32(64)]] as const;
  const file = rawGguf({ metadata, alignment: 64, tensors: [f32Tensor("b", 8, 64), f32Tensor("a", 2, 0)], data });
  const { tensors } = await open(file);
  expect([...tensors.values()].map(({ from }) => from % 64)).toEqual([0, 0]);
});

const many = 2n ** 61n;
const damaged: readonly (readonly [title: string, file: RawGguf | Uint8Array, message: string])[] = [
  ["nothing", new Uint8Array(0), "truncated"],
  ["another format", { magic: "GGML" }, "is this a GGUF file?"],
  ["version 1", { version: 1 }, "it is of version 1"],
  ["version 4", { version: 4 }, "it is of version 4"],
  ["big-endian numbers", { version: 0x03000000 }, "big-endian"],
  ["more tensors than bytes", { ...good, tensorCount: 1000 }, "the number of tensors is 1000, more than"],
  [
    "a count of tensors that wraps",
    { ...good, tensorCount: 2n ** 64n - 1n },
    "the number of tensors is 18446744073709551615",
  ],
  ["more metadata than bytes", { ...good, metadataCount: many }, `the number of metadata is ${many}`],
  [
    "a key longer than the file",
    join([rawGguf({ metadataCount: 0 }).slice(0, 16), u64(1), u64(many), new Uint8Array(64)]),
    "the length of the key of metadata 0",
  ],
  ["a text longer than the file", { metadata: [["k", [8, u64(1000)]]] }, 'the length of "k" is 1000'],
  ["an array longer than the file", { metadata: [["k", value.array(12, many)]] }, 'the length of "k"'],
  ["an array of texts longer than the file", { metadata: [["k", value.array(8, 1000)]] }, 'the length of "k" is 1000'],
  ["a text in an array longer than the file", { metadata: [["k", value.array(8, 1, u64(many))]] }, 'text 0 of "k"'],
  ["an array of arrays", { metadata: [["k", value.array(9, 1, u32(4), u64(1), u32(1))]] }, "array of arrays"],
  ["an unknown type of value", { metadata: [["k", [13, 0]]] }, '"k" is of type 13'],
  ["an array of an unknown type", { metadata: [["k", value.array(77, 1, u32(1))]] }, '"k" is of type 77'],
  ["a truth value of 2", { metadata: [["k", value.bool(2)]] }, "neither 0 nor 1"],
  [
    "a key that is not UTF-8",
    { metadata: [[Uint8Array.of(0xc3), value.u32(1)]] },
    "the key of metadata 0 is not UTF-8",
  ],
  ["a text that is not UTF-8", { metadata: [["k", value.text(Uint8Array.of(0xff))]] }, '"k" is not UTF-8'],
  ["an empty key", { metadata: [["", value.u32(1)]] }, "is empty"],
  [
    "a key twice",
    {
      metadata: [
        ["k", value.u32(1)],
        ["k", value.u32(1)],
      ],
    },
    'the key "k" twice',
  ],
  ["an alignment of 0", { ...good, metadata: [["general.alignment", value.u32(0)]] }, '"general.alignment" is 0'],
  ["an alignment of 24", { ...good, metadata: [["general.alignment", value.u32(24)]] }, '"general.alignment" is 24'],
  [
    "an alignment that is a text",
    { ...good, metadata: [["general.alignment", value.text("32")]] },
    '"general.alignment" is 32',
  ],
  [
    "a tensor's name that is not UTF-8",
    { tensors: [{ ...f32Tensor("a", 1, 0), name: Uint8Array.of(0x80) }], data },
    "not UTF-8",
  ],
  ["two tensors of one name", { tensors: [f32Tensor("a", 1, 0), f32Tensor("a", 1, 32)], data }, "two of this name"],
  ["five dimensions", { tensors: [{ ...f32Tensor("a", 1, 0), sizes: [1, 1, 1, 1, 1] }], data }, "5 dimensions"],
  ["no dimensions", { tensors: [{ ...f32Tensor("a", 1, 0), sizes: [] }], data }, "0 dimensions"],
  [
    "4 billion dimensions",
    { tensors: [{ ...f32Tensor("a", 1, 0), dimensions: 0xffffffff }], data },
    "4294967295 dimensions",
  ],
  ["an unknown type", { tensors: [{ ...f32Tensor("a", 32, 0), type: 4 }], data }, 'tensor "a": its type is 4'],
  [
    "rows that are no whole blocks",
    { tensors: [{ name: "a", sizes: [33, 2], type: 8, offset: 0 }], data },
    "rows of 33",
  ],
  ["an offset between two multiples", { tensors: [f32Tensor("a", 1, 4)], data }, "begins at 4, no multiple"],
  ["a tensor that the file is too short for", { tensors: [f32Tensor("a", 33, 0)], data }, "it is truncated"],
  ["a tensor behind the file", { tensors: [f32Tensor("a", 1, 128)], data }, "it is truncated"],
  [
    "an offset that wraps",
    { tensors: [{ ...f32Tensor("a", 1, 0), offset: 2n ** 64n - 32n }], data },
    "it is truncated",
  ],
  [
    "sizes whose product wraps",
    { tensors: [{ ...f32Tensor("a", 1, 0), sizes: [2n ** 32n, 2n ** 32n] }], data },
    "it is truncated",
  ],
  ["bytes whose number wraps", { tensors: [{ ...f32Tensor("a", 1, 0), sizes: [2n ** 62n] }], data }, "it is truncated"],
  ["tensors without any data", { tensors: [f32Tensor("a", 1, 0)] }, "it is truncated"],
  ["tensors that overlap", { tensors: [f32Tensor("a", 9, 0), f32Tensor("b", 1, 32)], data }, '"b" overlaps "a"'],
  ["two tensors in one place", { tensors: [f32Tensor("a", 1, 0), f32Tensor("b", 1, 0)], data }, '"b" overlaps "a"'],
];

describe("a damaged file is an error that says what is wrong", () => {
  test.each(damaged)("%s", async (_, file, message) => {
    const bytes = file instanceof Uint8Array ? file : rawGguf(file);
    await expect(open(bytes)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(message) });
  });
});

test("a file that is cut anywhere is an error", async () => {
  const whole = rawGguf({ ...good, metadata: [...good.metadata!, ["k", value.array(8, 2, text("a"), text("b"))]] });
  const end = whole.length - 28; // the last 28 bytes are no tensor's
  await expect(open(whole.slice(0, end))).resolves.toBeDefined();
  for (let length = 0; length < end; length++) {
    await expect(open(whole.slice(0, length)), `${length} bytes`).rejects.toMatchObject({ code: "FORMAT" });
  }
});

test("whatever stands in a file, it is read or a FormatError comes, and little is read for it", async () => {
  const whole = rawGguf({ ...good, metadata: [...good.metadata!, ["k", value.array(4, 2, u32(1), u32(2))]] });
  const place = fc.nat(whole.length - data.length - 1);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 }), async (edits) => {
      const bytes = whole.slice();
      for (const [at, byte] of edits) bytes[at] = byte;
      await open(bytes).catch((error: unknown) => expect(error).toMatchObject({ code: "FORMAT" }));
    }),
    { numRuns: 500, seed: 7 },
  );
});

test("a header longer than what is read first is read on, each byte once", async () => {
  const long = "x".repeat(5 * 2 ** 20);
  const files = memory({ "m.gguf": rawGguf({ ...good, metadata: [["long", value.text(long)]] }) });
  const ranges: unknown[] = [];
  const watched: Files = {
    ...files,
    read: async (name, range) => {
      ranges.push(range);
      return files.read(name, range);
    },
  };
  const { metadata } = await readGgufHeader(watched, "m.gguf");
  expect(metadata.get("long")).toBe(long);
  const sizeBytes = (await files.list())[0]!.sizeBytes;
  expect(ranges).toEqual([
    { from: 0, to: 2 ** 22 },
    { from: 2 ** 22, to: sizeBytes },
  ]);
});

test("lengths and counts beyond the file read nothing but its beginning", async () => {
  const files = memory({ "m.gguf": rawGguf({ metadata: [["k", [8, u64(2 ** 40)]]] }) });
  const huge: Files = { ...files, size: async () => 2 ** 41, read: async () => new Uint8Array(2 ** 22) };
  await expect(readGgufHeader(huge, "m.gguf")).rejects.toThrow("GGUF");
  const stated: Files = {
    ...files,
    size: async () => 2 ** 41,
    async read(name) {
      const bytes = new Uint8Array(2 ** 22);
      bytes.set(await files.read(name));
      return bytes;
    },
  };
  await expect(readGgufHeader(stated, "m.gguf")).rejects.toThrow("more than 16777216");
});
