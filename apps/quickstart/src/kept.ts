/** Numbers that a run has found, kept so that the same command resumes. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as plan from "./plan.ts";

/** Accuracy of a method on one draw, from 0 to 1. */
export interface Found {
  readonly method: string;
  readonly seed: number;
  readonly accuracy: number;
}

/** What the numbers depend on. */
const { SENTENCES: _, ...settings } = plan;

/** Keeps numbers in a folder, a line each; those of other settings are forgotten. */
export function keepNumbers(out: string, quick: boolean) {
  mkdirSync(out, { recursive: true });
  const file = join(out, quick ? "smoke.jsonl" : "numbers.jsonl");
  const first = JSON.stringify(settings);
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  if (lines[0] !== first) writeFileSync(file, `${first}\n`);
  // The last line is whole only when a line end follows it.
  const found = lines[0] === first ? lines.slice(1, -1).map((line) => JSON.parse(line) as Found) : [];
  if (lines[0] === first && lines.at(-1) !== "") {
    writeFileSync(file, [first, ...found.map((each) => JSON.stringify(each)), ""].join("\n"));
  }
  return {
    found,
    add(each: Found): void {
      found.push(each);
      appendFileSync(file, `${JSON.stringify(each)}\n`);
    },
  };
}
