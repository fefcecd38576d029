import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { keepNumbers } from "./kept.ts";

function folder(): string {
  const out = mkdtempSync(join(tmpdir(), "cambium-kept-"));
  onTestFinished(() => rmSync(out, { recursive: true }));
  return out;
}
const number = { method: "words alone", seed: 1, accuracy: 0.5 };

test("numbers are there again, also behind a line that a killed process left half written", () => {
  const out = folder();
  keepNumbers(out, false).add(number);
  appendFileSync(join(out, "numbers.jsonl"), '{"method":"words al');
  const again = keepNumbers(out, false);
  expect(again.found).toEqual([number]);
  again.add({ ...number, seed: 2 });
  expect(keepNumbers(out, false).found).toEqual([number, { ...number, seed: 2 }]);
});

test("numbers of other settings, and of smoke runs, are none of this run", () => {
  const out = folder();
  keepNumbers(out, true).add(number);
  expect(keepNumbers(out, false).found).toEqual([]);
  writeFileSync(join(out, "numbers.jsonl"), `{"PER_CLASS":1}\n${JSON.stringify(number)}\n`);
  expect(keepNumbers(out, false).found).toEqual([]);
});
