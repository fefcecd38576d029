/**
 * Runs a graph on onnx whose intermediate values do not fit into the address space that is left, then one that does. Prints
 * the error, how many tensors it left behind, and the second graph's result.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { useBackend } from "@cambium/core";
import { add, exp, linspace, mean, memory, reshape, tidy } from "@tensorflow/tfjs-core";

/** Address space for what comes: enough for JavaScript's own needs. */
const LEFT = 512 * 2 ** 20;

/** The mean of the exponentials of sums, in a table of `megabytes`. */
function run(megabytes: number): number {
  return tidy(() => {
    const [row, column] = [linspace(0, 1, 2 ** 18), reshape(linspace(0, 1, megabytes), [megabytes, 1])];
    return mean(exp(add(row, column))).dataSync()[0]!;
  });
}

await useBackend("onnx");
run(1);
const pages = Number(readFileSync("/proc/self/statm", "utf8").split(" ")[0]);
const limit = pages * 4096 + LEFT;
execFileSync("prlimit", ["--pid", `${process.pid}`, `--as=${limit}:${limit}`]);
const before = memory().numTensors;
let error: unknown;
try {
  run(1024);
} catch (thrown) {
  error = thrown;
}
const { name, code, message } = error as Error & { code?: string };
console.log(JSON.stringify({ name, code, message, left: memory().numTensors - before, after: run(2) }));
