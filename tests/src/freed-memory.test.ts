/** A tensor that is disposed of gives its memory back. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { fromSources } from "./children.ts";

test("one tensor of 16 MiB, replaced 300 times on onnx, takes the room of a few", () => {
  const program = fileURLToPath(new URL("programs/freed-memory.ts", import.meta.url));
  const printed = execFileSync(process.execPath, [...fromSources, program], {
    encoding: "utf8",
  });
  // Two are alive at a time; the collector comes by after some more. 300 of them would be 4,800 MiB.
  expect((JSON.parse(printed) as { grewMiB: number }).grewMiB).toBeLessThan(256);
});
