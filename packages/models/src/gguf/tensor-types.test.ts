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
