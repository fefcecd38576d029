import { format } from "node:util";
import "@tensorflow/tfjs-backend-cpu";
import { env, memory, ready, scalar, setBackend } from "@tensorflow/tfjs-core";
import { afterAll, beforeEach, onTestFinished } from "vitest";
import "./matchers.ts";

// Set-up of every unit and contract test file: the plain JavaScript backend, `toBeAllClose`, and two checks round each
// test: no tensor is left over, and nothing was written to the console.

await setBackend("cpu");
await ready();
// The backend greets Node on its first tensor; that greeting is not the tests'.
env().set("IS_TEST", true);
scalar(0).dispose();
env().set("IS_TEST", false);

const written: string[] = [];
for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const) {
  console[method] = (...values: unknown[]) => written.push(`console.${method}: ${format(...values)}`);
}

function checkSilence(): void {
  const lines = written.splice(0);
  if (lines.length > 0) throw new Error(`a test must not write to the console:\n${lines.join("\n")}`);
}

beforeEach(({ task }) => {
  const before = memory().numTensors;
  // Registered first, so it runs last: after every afterEach and onTestFinished of the test itself.
  onTestFinished(() => {
    checkSilence();
    const leaked = memory().numTensors - before;
    // A failed test seldom reaches its clean-up; its own error is the one to read.
    if (leaked === 0 || task.result?.state === "fail") return;
    const what =
      leaked > 0
        ? `${leaked} tensor(s) were not disposed of`
        : `${-leaked} tensor(s) made before the test were disposed of`;
    throw new Error(`leak check: ${what}; wrap the test in tidy, or dispose of what it makes`);
  });
});

// Output from outside of tests: while a file is loaded, or after its last test.
afterAll(checkSilence);
