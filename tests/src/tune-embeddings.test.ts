/** The app that tunes embeddings, as a subprocess. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

const out = mkdtempSync(join(tmpdir(), "cambium-tune-embeddings-"));
afterAll(() => rmSync(out, { recursive: true }));

function tuneEmbeddings(...args: string[]) {
  const command = [...fromSources, "apps/tune-embeddings/src/main.ts", ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
}

test("a quick run tunes a sapling, measures it before and after, and keeps the adapter", () => {
  const { status, stdout, stderr } = tuneEmbeddings("--quick", "--steps", "20", "--out", out);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/step 20\/20 {2}loss \d\.\d{3}/);
  expect(stdout).toMatch(/^test \(100\): .* before, .* after, gain -?\d+\.\d\d \(-?\d+\.\d\d to -?\d+\.\d\d\)$/m);
  expect(existsSync(join(out, "adapter", "adapter_model.safetensors"))).toBe(true);
  const { results } = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as {
    results: { test: { before: { mean: number }; after: { mean: number }; gain: { mean: number } } };
  };
  const { before, after, gain } = results.test;
  expect(after.mean - before.mean).toBeCloseTo(gain.mean, 10);
  expect(before.mean).toBeGreaterThan(0.05); // of 400 synsets' words, chance finds nearly nothing
});

test("wrong use is said in one line", () => {
  const { status, stderr } = tuneEmbeddings("--sede", "3");
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: "tune-embeddings: Unknown option '--sede'; --help lists the options\n",
  });
});
