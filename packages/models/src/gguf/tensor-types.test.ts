import { type Files, memory } from "@cambium/base";
import { expect, test } from "vitest";
import { fixture } from "../fixtures.ts";
import { readValues } from "./checkpoint.ts";
import { openGguf } from "./load-gguf.ts";
import { readableTypes, tensorTypes } from "./tensor-types.ts";

const blocks = await openGguf({ files: fixture("gguf"), name: "blocks.gguf" });

test.each(readableTypes.filter((name) => name !== "F32"))(
  "%s gives the values of gguf-py, bit for bit",
  async (name) => {
    const stored = blocks.header.tensors.get(name)!;
    expect(stored.type.name).toBe(name);
    const values = await readValues(blocks, stored);
    const wanted = await readValues(blocks, blocks.header.tensors.get(`${name}.values`)!);
    expect(new Uint32Array(values.buffer)).toEqual(new Uint32Array(wanted.buffer));
  },
);

test("16-bit numbers may begin at an odd byte", () => {
  const half = [...tensorTypes.values()].find(({ name }) => name === "F16")!;
  const target = new Float32Array(2);
  half.decode!(Uint8Array.of(9, 0x00, 0x3c, 0x00, 0xc0).subarray(1), target);
  expect([...target]).toEqual([1, -2]);
});

test("a large tensor is read in pieces, and never as a whole", async () => {
  const rows = 2 ** 17;
  const type = [...tensorTypes.values()].find(({ name }) => name === "Q8_0")!;
  const bytes = Uint8Array.from({ length: rows * 34 }, (_, i) =>
    i % 34 === 0 ? 0 : i % 34 === 1 ? 0x3c : (i / 34) & 63,
  );
  const files = memory({ "m.gguf": bytes });
  const sizes: number[] = [];
  const watched: Files = {
    ...files,
    read(name, range) {
      sizes.push(range!.to - range!.from);
      return files.read(name, range);
    },
  };
  const tensor = { type, shape: [rows, 32], from: 0, sizeBytes: bytes.length };
  const header = { metadata: new Map(), tensors: new Map() };
  const values = await readValues({ files: watched, name: "m.gguf", header }, tensor);
  expect(sizes.length).toBe(2);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2 ** 22);
  expect(values.every((value, i) => value === (Math.floor(i / 32) & 63))).toBe(true);
});
