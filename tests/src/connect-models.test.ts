/** The app that looks for a barrier between two tunings, as a process. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

const out = mkdtempSync(join(tmpdir(), "cambium-connect-"));
afterAll(() => rmSync(out, { recursive: true }));
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [...fromSources, "apps/connect-models/src/main.ts", ...args], {
    cwd: root,
    encoding: "utf8",
  });

test("tunes twice, measures three paths and two merges, and writes them down", () => {
  expect(run("--quick", "--out", out)).toMatchObject({ status: 0, stderr: "" });
  const { paths, scores } = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
  expect(paths.map(({ name }: { name: string }) => name)).toEqual(["line", "aligned", "curve"]);
  for (const { losses, ts } of paths) expect([losses.length, ts.length]).toEqual([5, 5]);
  expect(scores).toHaveLength(4);
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("<svg");
});

test("a seed that is none is wrong use", () => {
  expect(run("--seed", "x")).toMatchObject({ status: 2, stderr: expect.stringContaining("--seed must be an integer") });
});
