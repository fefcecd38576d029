import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";

test("the set-up of unit tests refuses leaked tensors and console output, and nothing else", () => {
  const cwd = join(import.meta.dirname, "../fixtures/setup");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const { stdout } = spawnSync(process.execPath, [vitest, "run", "--reporter=json"], { cwd, encoding: "utf8" });
  const { testResults } = JSON.parse(stdout);
  const outcomes = testResults[0].assertionResults.map(
    ({ title, failureMessages }: { title: string; failureMessages: string[] }) =>
      `${title}: ${failureMessages.map((message) => message.split("\n    at ")[0]).join(" and ") || "passed"}`,
  );
  expect(outcomes).toMatchInlineSnapshot(`
    [
      "accepted: tidy: passed",
      "accepted: disposed of in afterEach: passed",
      "accepted: disposed of in onTestFinished: passed",
      "refused: a leak: Error: leak check: 1 tensor(s) were not disposed of; wrap the test in tidy, or dispose of what it makes",
      "refused: console output: Error: a test must not write to the console:
    console.warn: so 1",
      "refused: a wrong value, whose leak is not reported: Error: toBeAllClose: 1 of 1 elements lie outside relative 0.00001, absolute 0.000001; worst at []: received 1, expected 2, difference 1.00, allowed 0.0000210",
    ]
  `);
});
