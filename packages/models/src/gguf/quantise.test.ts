import { expect, test } from "vitest";
import { fixture } from "../fixtures.ts";
import { readValues } from "./checkpoint.ts";
import { openGguf } from "./load-gguf.ts";
import { encodings } from "./quantise.ts";

const blocks = await openGguf({ files: fixture("gguf"), name: "blocks.gguf" });

test.each([
  ["float16", "F16"],
  ["bfloat16", "BF16"],
  ["q8_0", "Q8_0"],
  ["q4_0", "Q4_0"],
] as const)("%s has the bytes of gguf-py", async (dtype, type) => {
  const values = await readValues(blocks, blocks.header.tensors.get("numbers")!);
  const { from, sizeBytes } = blocks.header.tensors.get(`numbers.${type}`)!;
  const wanted = await blocks.files.read(blocks.name, { from, to: from + sizeBytes });
  expect(encodings[dtype].encode(values)).toEqual(wanted);
});
