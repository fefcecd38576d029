/** The study of connectivity at its smallest, as processes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

const command = [...fromSources, "apps/studies/connectivity/src/main.ts"];
const out = mkdtempSync(join(tmpdir(), "cambium-connectivity-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));
const run = [...command, "run", "--smoke", "--out", out, "--workers", "2", "--only", "pairs,knowledge"];

const results = (): Map<string, string> =>
  new Map(
    (readdirSync(out, { recursive: true }) as string[])
      .filter((path) => /runs.[0-9a-f]{32}\.json$/.test(path))
      .map((path) => [path, readFileSync(join(out, path), "utf8")]),
  );

test("every run has a result once, and the page has a verdict for each claim", () => {
  const begun = spawnSync(process.execPath, run, { cwd: root, encoding: "utf8" });
  expect(begun).toMatchObject({ status: 0, stderr: "" });
  const after = results();
  expect(after.size).toBe(6 + 4); // starts of both methods and wide ones of adapters; disjoint rows of both
  expect(begun.stdout.trimEnd().split("\n")).toHaveLength(after.size);
  for (const text of after.values()) {
    const { of: about, result } = JSON.parse(text);
    if (about.run === "pair") expect(result.copy).toBe(0); // an aligned copy is the model itself
  }
  const args = [...command, "report", "--smoke", "--out", out];
  expect(spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  const page = readFileSync(join(out, "page.md"), "utf8");
  const [, pairs, knowledge, ladder] = page.split("\n## ");
  for (const section of [pairs, knowledge]) expect(section).toMatch(/\| (held|not held) \|/);
  expect(ladder).toContain("not run yet");
  for (const [, figure] of page.matchAll(/\]\((connectivity\/[^)]+)\)/g))
    expect(readFileSync(join(out, figure!), "utf8")).toContain("<svg");
});
