import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseFlags } from "./flags.ts";
import { openRunFolder } from "./run-folder.ts";
import { planSettings } from "./settings.ts";

const settings = planSettings(parseFlags([]));
let out: string;

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "cambium-run-"));
});

afterEach(() => rmSync(out, { recursive: true }));

test("finished parts are found again by a run of the same settings, and by no other", () => {
  openRunFolder(out, settings).write("row", { accuracy: 0.5 });
  const again = openRunFolder(out, settings);
  expect(again.resumed).toBe(true);
  expect(again.read("row")).toEqual({ accuracy: 0.5 });
  const other = openRunFolder(out, { ...settings, seed: 2 });
  expect(other.resumed).toBe(false);
  expect(other.read("row")).toBeUndefined();
});

test("a record that a crash cut off is left out, and the next one is whole", () => {
  const folder = openRunFolder(out, settings);
  folder.append("log", { step: 1 });
  appendFileSync(join(folder.work, "log.jsonl"), '\n{"step":2,"lo');
  folder.append("log", { step: 3 });
  expect(folder.list("log")).toEqual([{ step: 1 }, { step: 3 }]);
});

test("after clearing nothing of an unfinished run is left", () => {
  const folder = openRunFolder(out, settings);
  folder.write("row", 1);
  folder.clear();
  expect(existsSync(folder.work)).toBe(false);
});

test("a folder that cannot be made is an error that says what to do", () => {
  const file = join(out, "file");
  writeFileSync(file, "");
  expect(() => openRunFolder(join(file, "below"), settings)).toThrow(
    /cannot write to ".*" \(ENOTDIR.*\); choose another folder with --out/,
  );
});
