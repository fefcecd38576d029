/** tfjs-core's own test suite on the ONNX backend, no test left out. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { fromSources } from "./children.ts";

interface Report {
  readonly passed: number;
  readonly skipped: number;
  readonly files: readonly { readonly file: string; readonly failures: readonly unknown[] }[];
  readonly errors: readonly string[];
}

test("every specification of tfjs-core passes on the ONNX backend", async () => {
  const program = fileURLToPath(new URL("../../apps/conformance/src/main.ts", import.meta.url));
  const parameters = [...fromSources, program, "--json"];
  // Failures set the exit code; what failed stands in the output.
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { maxBuffer: 2 ** 26 }).catch(
    (failed: { stdout: string }) => failed,
  );
  const { passed, skipped, files, errors } = JSON.parse(stdout) as Report;
  expect(files.filter(({ failures }) => failures.length > 0)).toEqual([]);
  expect(errors).toEqual([]);
  // The five are skipped by their authors; two more run on backends of the name "cpu" only.
  expect({ passed, skipped }).toEqual({ passed: 4225, skipped: 5 });
});
