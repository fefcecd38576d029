// Prints "N passed, N failed" from the file of vitest's JSON reporter. usage: node scripts/count-tests.mjs <results.json>
import { readFileSync } from "node:fs";

const text = readFileSync(process.argv[2], "utf8");
const files = text === "" ? [{ status: "failed", assertionResults: [] }] : JSON.parse(text).testResults;
const outcomes = files.flatMap(({ status, assertionResults }) => {
  // A file that fails to load, or a run that never ended, has no results: it counts as one failed test.
  if (status === "failed" && !assertionResults.some((result) => result.status === "failed")) return ["failed"];
  return assertionResults.map((result) => result.status);
});
const passed = outcomes.filter((outcome) => outcome === "passed").length;
const failed = outcomes.filter((outcome) => outcome === "failed").length;
const skipped = outcomes.length - passed - failed;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
