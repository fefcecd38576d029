/** The native runtime in several threads of one process. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { fromSources } from "./children.ts";

test("onnx computes in workers beside the main thread, and goes on after workers have ended", () => {
  const program = fileURLToPath(new URL("programs/in-worker.ts", import.meta.url));
  const printed = execFileSync(process.execPath, [...fromSources, program], {
    encoding: "utf8",
  });
  expect(JSON.parse(printed)).toEqual([11, 17, 17, 23, 17]);
});
