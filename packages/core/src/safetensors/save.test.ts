import { readFileSync } from "node:fs";
import { memory } from "@cambium/base";
import { complex, dispose, scalar, type Tensor, tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { loadSafetensors, openSafetensors } from "./read.ts";
import { type SaveSafetensorsOptions, saveSafetensors } from "./save.ts";

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url)));

/** The tensors of `make_safetensors.py`, in another order. */
const createTensors = (): Map<string, Tensor> =>
  new Map<string, Tensor>([
    ["scalar", scalar(1.5)],
    ["empty", tensor([], [0, 3])],
    ["encoder.layer.2.bias", tensor1d([0.5])],
    ["encoder.layer.10.weight", tensor1d([-0, -1, -2])],
    ["encoder.layer.0.weight", tensor2d([0, 0.25, 0.5, 0.75, 1, 1.25], [2, 3])],
    ["0", tensor2d([[1, -2]], [1, 2], "int32")],
    ['Ärger "quoted"', tensor1d([true, false, true], "bool")],
  ]);

async function save(tensors: ReadonlyMap<string, Tensor>, options?: SaveSafetensorsOptions): Promise<Uint8Array> {
  const files = memory();
  await saveSafetensors(files, "m", tensors, options);
  return files.read("m");
}

test.each([
  { dtype: "F32", metadata: { format: "pt" }, file: "written-f32.safetensors" },
  { dtype: "F16", metadata: { format: "pt" }, file: "written-f16.safetensors" },
  { dtype: "BF16", metadata: {}, file: "written-bf16.safetensors" },
] as const)(
  "a file of $dtype has the bytes that the reference implementation writes",
  async ({ dtype, metadata, file }) => {
    const tensors = createTensors();
    expect(await save(tensors, { dtype, metadata })).toEqual(fixture(file));
    dispose([...tensors.values()]);
  },
);

test("F32 without metadata is the default", async () => {
  const tensors = createTensors();
  expect(await save(tensors)).toEqual(await save(tensors, { dtype: "F32", metadata: {} }));
  dispose([...tensors.values()]);
});

test("equal tensors give equal bytes, whatever their order and the metadata's", async () => {
  const tensors = createTensors();
  const reversed = new Map([...tensors].reverse());
  const bytes = await save(tensors, { metadata: { b: "1", a: "2" } });
  expect(await save(reversed, { metadata: { a: "2", b: "1" } })).toEqual(bytes);
  dispose([...tensors.values()]);
});

test("the data begin at a multiple of 8 bytes, and so do its widest tensors", async () => {
  for (const name of ["a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh"]) {
    const tensors = new Map([[name, tensor1d([1])]]);
    const bytes = await save(tensors);
    expect((bytes.length - 4) % 8).toBe(0);
    dispose([...tensors.values()]);
  }
});

test("metadata comes back as it was given", async () => {
  const files = memory();
  const metadata = { format: "pt", note: 'with "quotes" and\nlines', "": "empty key" };
  await saveSafetensors(files, "m", new Map(), { metadata });
  expect((await openSafetensors(files, "m")).metadata).toEqual(metadata);
});

test("NaN and infinities are saved as they are", async () => {
  const special = tensor1d([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  const files = memory();
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    await saveSafetensors(files, "m", new Map([["x", special]]), { dtype });
    const loaded = await loadSafetensors(files, "m");
    expect([...loaded.get("x")!.dataSync()]).toEqual([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    dispose([...loaded.values()]);
  }
  dispose(special);
});

test.each([
  { dtype: "F16", value: 65520 },
  { dtype: "F16", value: -1e6 },
  { dtype: "BF16", value: 3.4e38 },
] as const)(
  "$value does not fit into $dtype: nothing is written, and the former file stays",
  async ({ dtype, value }) => {
    const tensors = new Map([["x", tensor1d([1, value])]]);
    const files = memory({ m: "former" });
    const error = await saveSafetensors(files, "m", tensors, { dtype }).catch((caught) => caught);
    expect(error).toMatchObject({ code: "CONFIG", details: { name: "x" } });
    expect(error.message).toContain("element 1");
    expect(new TextDecoder().decode(await files.read("m"))).toBe("former");
    dispose([...tensors.values()]);
  },
);

test("the largest half is saved as it is", async () => {
  const tensors = new Map([["x", tensor1d([65504, -65519])]]);
  const files = memory();
  await saveSafetensors(files, "m", tensors, { dtype: "F16" });
  expect([...(await (await openSafetensors(files, "m")).values("x"))]).toEqual([65504, -65504]);
  dispose([...tensors.values()]);
});

test("types that the format lacks are errors that name the tensor", async () => {
  const [words, [real, imaginary]] = [tensor1d(["a"]), [scalar(1), scalar(2)]];
  const number = complex(real!, imaginary!);
  await expect(save(new Map([["words", words]]))).rejects.toThrow('"words" is string');
  await expect(save(new Map([["number", number]]))).rejects.toThrow('"number" is complex64');
  dispose([words, real!, imaginary!, number]);
});

test("a tensor cannot have the name of the metadata", async () => {
  const x = scalar(1);
  await expect(save(new Map([["__metadata__", x]]))).rejects.toMatchObject({ code: "CONFIG" });
  dispose(x);
});

test("one tensor is in memory at a time", async () => {
  const tensors = createTensors();
  const pieces: number[] = [];
  const files = memory();
  await saveSafetensors(
    {
      ...files,
      async write(_name, content) {
        for await (const piece of content as AsyncIterable<Uint8Array>) pieces.push(piece.length);
      },
    },
    "m",
    tensors,
  );
  expect(pieces.slice(1)).toEqual([0, 24, 12, 4, 4, 8, 3]);
  dispose([...tensors.values()]);
});
