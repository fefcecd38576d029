/** The study of arbitrary tuning at its smallest, as a process that is killed in the middle. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

const command = [...fromSources, "apps/studies/apet/src/main.ts"];
const out = mkdtempSync(join(tmpdir(), "cambium-apet-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

const parts = ["position-ladder", "quantity-ladder", "combination"];
const run = [...command, "run", "--smoke", "--out", out, "--workers", "2", "--only", parts.join()];

/** The files of finished runs, by path below the folder. */
function results(): Map<string, string> {
  const paths = (readdirSync(out, { recursive: true }) as string[]).filter((path) =>
    /runs.[0-9a-f]{32}\.json$/.test(path),
  );
  return new Map(paths.map((path) => [path, readFileSync(join(out, path), "utf8")]));
}

/** Starts the study and kills it once it has told of so many finished runs. */
async function killAfter(count: number): Promise<string> {
  const child = spawn(process.execPath, run, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const piece of child.stdout.setEncoding("utf8")) {
    text += piece;
    if (text.split("\n").length > count) child.kill("SIGKILL");
  }
  return text;
}

describe("a study that was killed", () => {
  let before: Map<string, string>;
  let resumed: { status: number | null; stdout: string; stderr: string };

  beforeAll(async () => {
    await killAfter(4);
    before = results();
    resumed = spawnSync(process.execPath, run, { cwd: root, encoding: "utf8" });
  });

  test("resumes where it was and does no run twice", () => {
    expect(resumed).toMatchObject({ status: 0, stderr: "" });
    expect(before.size).toBeGreaterThanOrEqual(4);
    const after = results();
    expect(after.size).toBe(12 + 15 + 24);
    for (const [path, text] of before) expect(after.get(path), path).toBe(text);
    expect(resumed.stdout.trimEnd().split("\n")).toHaveLength(after.size - before.size);
    const again = spawnSync(process.execPath, run, { cwd: root, encoding: "utf8" });
    expect(again).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  test("trains equal counts at every position, and in the sweep exactly as many as it says", () => {
    const records = [...results().values()].map((text) => JSON.parse(text));
    const of = (name: string) => records.filter(({ of: { run: function_ } }) => function_ === name);
    const counts = new Map<string, Set<number>>();
    for (const { of: about, result } of of("position")) {
      const { method } = about.cell;
      counts.set(method, (counts.get(method) ?? new Set()).add(result.trained));
    }
    expect(counts).toEqual(
      new Map([
        ["head", new Set([0])],
        ["lora", new Set([8192])],
      ]),
    ); // 2 layers · 2 layers · 8 · (128 + 128)
    for (const { of: about, result } of of("quantity"))
      if (about.cell.place !== "full") expect(result.trained).toBe(about.cell.count);
  });

  test("writes a page that says what has not been run", () => {
    const args = [...command, "report", "--smoke", "--out", out];
    expect(spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    const page = readFileSync(join(out, "page.md"), "utf8");
    const sections = new Map(page.split("\n## ").map((text) => [text.split("\n")[0]!, text]));
    const [position, quantity, encoder, combination] = [...sections.values()].slice(1);
    for (const section of [position, quantity, combination]) {
      expect(section).not.toContain("not run yet");
      expect(section).toMatch(/\| (held|not held) \|/);
    }
    expect(quantity).toContain("| low threshold | high threshold |");
    expect(encoder).toContain("| not run yet | not run yet |");
    for (const [, figure] of page.matchAll(/\]\((apet\/[^)]+)\)/g))
      expect(readFileSync(join(out, figure!), "utf8")).toContain("<svg");
  });
});

test("a part that there is not is wrong use, said in one line", () => {
  const args = [...command, "status", "--only", "position"];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^study:apet: --only: there is no part "position".* There are position-ladder, .*\n$/);
});
