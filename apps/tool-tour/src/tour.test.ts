import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseFlags } from "./flags.ts";
import { runTour } from "./tour.ts";

const folder = mkdtempSync(join(tmpdir(), "tool-tour-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function tour(args: readonly string[], stopAfter?: number): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const stop = new AbortController();
  const write = (line: string): void => {
    lines.push(line);
    if (lines.filter((each) => /^[✓✗]/.test(each)).length === stopAfter) stop.abort();
  };
  return { code: await runTour(args, { write, signal: stop.signal }), lines };
}

test("without a model the experts solve all with tools and nothing without; stopped, the same command resumes", async () => {
  const args = ["--quick", "--out", join(folder, "quick")];
  const stopped = await tour(args, 3);
  expect(stopped.code).toBe(130);
  expect(existsSync(join(folder, "quick", "report.html"))).toBe(false);
  const { code, lines } = await tour(args);
  expect(code).toBe(0);
  expect(lines.join("\n")).toMatch(/no-tool: resuming after \d+ tasks/);
  const [, none, total, zero, few] = /\nall +(\d+)\/(\d+) +(\d+)\/\2 +(\d+)\/\2\n/.exec(lines.at(-1)!)!.map(Number);
  expect([none, zero, few]).toEqual([0, total, total]);
  const html = readFileSync(join(folder, "quick", "report.html"), "utf8");
  expect(html).toContain("they say nothing about any model");
});

test("help is given, and wrong use refused", async () => {
  const { code, lines } = await tour(["--help"]);
  expect(code).toBe(0);
  expect(lines[0]).toContain("Usage: pnpm tool-tour");
  for (const args of [
    ["--sed", "1"],
    ["--seed", "x"],
    ["--out", ""],
  ])
    expect(() => parseFlags(args)).toThrowError(expect.objectContaining({ code: "USAGE" }));
});
