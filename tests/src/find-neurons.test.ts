/** The app that finds neurons, as a subprocess. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

const out = mkdtempSync(join(tmpdir(), "cambium-find-neurons-"));
afterAll(() => rmSync(out, { recursive: true }));

function findNeurons(...args: string[]) {
  const command = [...fromSources, "apps/find-neurons/src/main.ts", ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
}

test("a quick run probes a sapling, ablates what it found, and writes a page and numbers", () => {
  const { status, stdout, stderr } = findNeurons("--quick", "--out", out);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/similarity with valence -?\d\.\d{3} \(-?\d\.\d{3} to -?\d\.\d{3}\), p = \d\.\d{4}/);
  expect(existsSync(join(out, "report.html"))).toBe(true);
  const { units, effects, rows } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
  expect(units).toHaveLength(51); // 5 % of two layers of 512
  expect(rows).toHaveLength(1 + 1 + 2 * 19);
  expect(effects.map(({ control }: { control: string }) => control)).toEqual(["random", "layer"]);
});

test("wrong use is said in one line", () => {
  const { status, stderr } = findNeurons("--sede", "3");
  expect(status).toBe(2);
  expect(stderr).toMatch(/^find-neurons: Unknown option '--sede'[^\n]*\n$/);
});
