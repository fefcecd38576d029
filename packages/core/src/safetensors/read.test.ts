import { readFileSync } from "node:fs";
import { type ByteRange, type Files, memory } from "@cambium/base";
import { dispose, tensor } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { entry, rawFile } from "./raw-file.fixture.ts";
import { loadSafetensors, openSafetensors } from "./read.ts";
import { saveSafetensors } from "./save.ts";

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));

const allDtypes = JSON.parse(new TextDecoder().decode(fixture("all-dtypes.json"))) as Record<
  string,
  { shape: number[]; values: (number | string)[] }
>;

const openAll = () =>
  openSafetensors(memory({ "all.safetensors": fixture("all-dtypes.safetensors") }), "all.safetensors");

/** Remembers the ranges that were read. */
function watched(files: Files): Files & { ranges: ByteRange[] } {
  const ranges: ByteRange[] = [];
  return {
    ...files,
    ranges,
    read(name, range) {
      ranges.push(range!);
      return files.read(name, range);
    },
  };
}

const one = (dtype: string, data: ArrayBufferView, shape: number[]) => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return openSafetensors(memory({ m: rawFile({ x: entry(dtype, shape, 0, bytes.length) }, bytes) }), "m");
};

test("the reference implementation's metadata and entries are read", async () => {
  const { metadata, entries } = await openAll();
  expect(metadata).toEqual({ format: "pt" });
  expect([...entries.keys()].sort()).toEqual(Object.keys(allDtypes).sort());
  expect(entries.get("I64")).toMatchObject({ dtype: "I64", shape: [2, 2], sizeBytes: 32 });
});

test.each(Object.keys(allDtypes))("values of %s are those that the reference implementation wrote", async (name) => {
  const values = await (await openAll()).values(name);
  const { values: expected } = allDtypes[name]!;
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  expect(Array.from(values as ArrayLike<number | bigint>, (value) => (isFloat ? value : String(value)))).toEqual(
    isFloat ? expected.map(Number) : expected,
  );
});

test.each([
  ["F64", "float32"],
  ["F32", "float32"],
  ["F16", "float32"],
  ["BF16", "float32"],
  ["I32", "int32"],
  ["I16", "int32"],
  ["I8", "int32"],
  ["U16", "int32"],
  ["U8", "int32"],
  ["BOOL", "bool"],
  ["empty", "float32"],
  ["scalar", "float32"],
] as const)("a tensor of %s is %s, of the stored shape and values", async (name, dtype) => {
  const loaded = await (await openAll()).tensor(name);
  const { shape, values } = allDtypes[name]!;
  expect(loaded.dtype).toBe(dtype);
  expect(loaded.shape).toEqual(shape);
  expect([...loaded.dataSync()]).toEqual(
    values.map((value) => (dtype === "float32" ? Math.fround(Number(value)) : Number(value))),
  );
  dispose(loaded);
});

test.each(["I64", "U64", "U32"])("a value of %s beyond int32 is an error for a tensor", async (name) => {
  const error = await (await openAll()).tensor(name).catch((caught) => caught);
  expect(error).toMatchObject({ code: "FORMAT", details: { tensor: name } });
  expect(error.message).toMatch(/element \d is -?\d+, beyond int32; read it with values\(\)/);
});

test("int64 values within int32 become a tensor", async () => {
  const ids = await (await one("I64", BigInt64Array.of(-(2n ** 31n), 0n, 2n ** 31n - 1n), [3])).tensor("x");
  expect([...ids.dataSync()]).toEqual([-(2 ** 31), 0, 2 ** 31 - 1]);
  dispose(ids);
});

test("a boolean that is neither 0 nor 1 is an error", async () => {
  await expect((await one("BOOL", Uint8Array.of(1, 0, 2), [3])).tensor("x")).rejects.toThrow("element 2 is 2");
});

test("an unknown name is an error that names the nearest", async () => {
  const file = await one("U8", Uint8Array.of(1), [1]);
  await expect(file.tensor("y")).rejects.toMatchObject({ code: "CONFIG", details: { name: "y" } });
  const similar = memory({ m: rawFile({ "query.weight": entry("U8", [1], 0, 1) }, new Uint8Array(1)) });
  await expect((await openSafetensors(similar, "m")).values("qeury.weight")).rejects.toThrow(
    'is "query.weight" meant?',
  );
});

test("opening reads the header only, a tensor its own bytes only", async () => {
  const bytes = rawFile({ a: entry("U8", [1000], 0, 1000), b: entry("U8", [4], 1000, 1004) }, new Uint8Array(1004));
  const files = watched(memory({ m: bytes }));
  const file = await openSafetensors(files, "m");
  const dataFrom = bytes.length - 1004;
  expect(files.ranges).toEqual([
    { from: 0, to: 8 },
    { from: 8, to: dataFrom },
  ]);
  await file.values("b");
  expect(files.ranges.slice(2)).toEqual([{ from: dataFrom + 1000, to: dataFrom + 1004 }]);
});

test("loading reads neighbours together, and nothing that was not asked for", async () => {
  const header = Object.fromEntries(["a", "b", "c", "d"].map((name, i) => [name, entry("U8", [3], 3 * i, 3 * i + 3)]));
  const data = Uint8Array.from({ length: 12 }, (_, i) => i);
  const files = watched(memory({ m: rawFile(header, data) }));
  const file = await openSafetensors(files, "m");
  const tensors = await file.load(["d", "b", "a", "a"]);
  expect([...tensors].map(([name, value]) => [name, [...value.dataSync()]])).toEqual([
    ["a", [0, 1, 2]],
    ["b", [3, 4, 5]],
    ["d", [9, 10, 11]],
  ]);
  expect(files.ranges.slice(2).map(({ from, to }) => to - from)).toEqual([6, 3]);
  dispose([...tensors.values()]);
});

test("unaligned tensors are read", async () => {
  const data = new Uint8Array(5);
  data.set(new Uint8Array(Float32Array.of(1.5).buffer), 1);
  const files = memory({ m: rawFile({ a: entry("U8", [1], 0, 1), b: entry("F32", [1], 1, 5) }, data) });
  const tensors = await loadSafetensors(files, "m");
  expect([...tensors.get("b")!.dataSync()]).toEqual([1.5]);
  dispose([...tensors.values()]);
});

test("a load that fails half way leaves no tensors", async () => {
  const data = new Uint8Array(12);
  new DataView(data.buffer).setBigUint64(4, 2n ** 40n, true);
  const files = memory({ m: rawFile({ a: entry("F32", [1], 0, 4), b: entry("U64", [1], 4, 12) }, data) });
  await expect(loadSafetensors(files, "m")).rejects.toMatchObject({ code: "FORMAT", details: { tensor: "b" } });
});

test("files whose bytes are views, as Node's are, are read right", async () => {
  const files = memory({ m: rawFile({ a: entry("F32", [2], 0, 8) }, new Uint8Array(Float32Array.of(1, 2).buffer)) });
  const viewing: Files = {
    ...files,
    async read(name, range) {
      const bytes = await files.read(name, range);
      return Buffer.concat([Buffer.from([7]), bytes]).subarray(1);
    },
  };
  expect([...(await (await openSafetensors(viewing, "m")).values("a"))]).toEqual([1, 2]);
});

test("what is saved is loaded: floats, integers and booleans of any name and shape", async () => {
  const shape = fc.array(fc.nat(3), { maxLength: 4 });
  const name = fc.string({ unit: "grapheme", maxLength: 8 }).filter((text) => text !== "__metadata__");
  const dtype = fc.constantFrom("float32", "int32", "bool");
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, fc.record({ shape, dtype, seed: fc.nat() })), async (specification) => {
      const tensors = new Map(
        Object.entries(specification).map(([key, { shape, dtype, seed }]) => {
          const size = shape.reduce((product, dimension) => product * dimension, 1);
          const values = Array.from({ length: size }, (_, i) =>
            dtype === "bool" ? (seed + i) % 2 : Math.fround((seed + i) % 1000),
          );
          return [key, tensor(values, shape, dtype)];
        }),
      );
      const files = memory();
      await saveSafetensors(files, "m", tensors);
      const loaded = await loadSafetensors(files, "m");
      expect(new Set(loaded.keys())).toEqual(new Set(tensors.keys()));
      for (const [key, value] of tensors) {
        expect(loaded.get(key)!.shape).toEqual(value.shape);
        expect(loaded.get(key)!.dtype).toBe(value.dtype);
        expect(loaded.get(key)!.dataSync()).toEqual(value.dataSync());
      }
      dispose([...tensors.values(), ...loaded.values()]);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("a file with a tensor that cannot be read opens, and the others are read", async () => {
  const floats = Float32Array.of(1.5, -2);
  const header = { w: entry("F32", [2], 0, 8), scale: entry("F8_E4M3", [3], 8, 11), z: entry("C64", [1], 11, 19) };
  const data = new Uint8Array([...new Uint8Array(floats.buffer), 0, 0, 0, ...new Uint8Array(8)]);
  const file = await openSafetensors(memory({ m: rawFile(header, data) }), "m");
  expect(file.entries.get("scale")).toMatchObject({ dtype: "F8_E4M3", shape: [3], sizeBytes: 3 });
  expect(await file.values("w")).toEqual(floats);
  const { w } = Object.fromEntries(await file.load(["w"]));
  expect(w!.dataSync()).toEqual(floats);
  dispose(w!);
  const refusal = { code: "FORMAT", message: expect.stringContaining('tensor "scale": its values are F8_E4M3') };
  await expect(file.tensor("scale")).rejects.toMatchObject(refusal);
  await expect(file.values("scale")).rejects.toMatchObject(refusal);
  await expect(file.load()).rejects.toMatchObject(refusal);
});
