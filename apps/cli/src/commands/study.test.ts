import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../program.ts";
import { quietIo } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-study-command-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const empty = file("empty.mjs", "export default {};");
const broken = file("broken.mjs", "export default nothing;");

test.each([
  ["a file that is not there", ["run", "nowhere.ts"], "there is no file nowhere.ts"],
  ["a module without a study", ["status", empty], "must export a study by default"],
  ["a module that fails", ["plan", broken], "cannot be loaded: nothing is not defined"],
  ["a number that is none", ["run", empty, "--workers", "many"], "It must be a whole number of 1 or more."],
  ["half a worker", ["plan", empty, "--workers", "1.5"], "It must be a whole number of 1 or more."],
  ["no time", ["run", empty, "--timeout", "0"], "It must be a number above 0."],
  ["an unknown flag", ["run", empty, "--worker", "2"], "Did you mean --workers?"],
  ["no module", ["report"], "missing required argument 'module'"],
])("%s is wrong use", async (_, args, message) => {
  const errors: string[] = [];
  const io = quietIo({ error: (line) => void errors.push(line) });
  expect(await run(["study", ...args], io)).toBe(2);
  expect(errors.join("\n")).toContain(message);
});
