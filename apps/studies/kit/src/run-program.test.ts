import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runProgram } from "./run-program.ts";
import { frail, grown, toy } from "./toy.fixture.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cambium-study-kit-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Does what a command line says, in this process. Workers read the sources. */
const call = (...args: string[]) => callOf(toy, ...args);

async function callOf(program: typeof toy, ...args: string[]): Promise<{ code: unknown; out: string; error: string }> {
  const said = { out: "", error: "" };
  const [before, options] = [process.exitCode, process.execArgv];
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    said.out += text;
    return true;
  });
  const error = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said.error += text;
    return true;
  });
  process.execArgv = ["--conditions=@cambium/source", "--import", "tsx"];
  process.exitCode = 0;
  try {
    await runProgram(program, [...args, "--out", folder]);
    return { code: process.exitCode, ...said };
  } finally {
    out.mockRestore();
    error.mockRestore();
    process.removeAllListeners("SIGINT");
    process.exitCode = before;
    process.execArgv = options;
  }
}

test("a study is run part after part, and its page has a verdict for each claim that was decided", async () => {
  const page = join(folder, "page.md");
  expect(await call("report", "--page", page)).toMatchObject({ code: 0, error: "" });
  expect(readFileSync(page, "utf8")).toContain("**Nothing has been run yet.**");
  const { code, out } = await call("run", "--only", "first");
  expect(code).toBe(0);
  expect(out).toMatch(/^first: seed 1: loss 1\.0 in \d+ s; 1 of 3/);
  expect(await call("status")).toMatchObject({
    out: expect.stringContaining("first: 3 of 3 runs have a result\n  held: Losses are small\n  not held:"),
  });
  await call("report", "--page", page);
  const [head, first, endless, later, lost] = readFileSync(page, "utf8").split("\n## ");
  expect(head).toMatch(/What comes of nothing\? The last result is of \d{4}-\d\d-\d\d\./);
  expect(head).toContain("has not been measured: `pnpm study:toy plan`");
  expect(first).toContain("3 of 3 runs done, 0.0 min in all.");
  expect(first).toContain("| mean loss: at most 10 (95 % t interval over seed) | 2.0 [-0.5, 4.5], n = 3 | held |");
  expect(first).toContain("Losses are tiny \\| really");
  expect(first).toContain("Told of 3.\n\n![Loss](toy/first-1.svg)");
  for (const part of [endless, later]) expect(part).toContain("| not run yet | not run yet |");
  expect(later).not.toContain("Told of");
  expect(lost).toContain("- First: Losses are tiny");
  expect(lost!.trimEnd()).toMatch(/That is all\.$/);
  expect(readFileSync(join(folder, "toy/first-1.svg"), "utf8")).toContain("<svg");
  expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("Claims, stated before any run");
});

test("runs that failed are told of, and tried again when that is asked for", async () => {
  const first = await callOf(frail, "run");
  expect(first).toMatchObject({
    code: 1,
    out: expect.stringContaining("frail: 2 of its runs failed; run --retry-failed tries them again"),
  });
  expect(await callOf(frail, "run")).toMatchObject({ code: 1, out: expect.not.stringContaining("seed 1") });
  const { out } = await callOf(frail, "status");
  expect(out).toMatch(/^frail: 0 of 2 runs have a result, 2 failed\n/);
  vi.stubEnv("CAMBIUM_TOY_MENDED", "1");
  try {
    expect(await callOf(frail, "run", "--retry-failed")).toMatchObject({ code: 0 });
  } finally {
    vi.unstubAllEnvs();
  }
  expect((await callOf(frail, "status")).out).toMatch(/^frail: 2 of 2 runs have a result\n/);
});

test("a plan that changed is refused, until the change is accepted; what it does not touch is not run again", async () => {
  expect(await call("run", "--only", "first")).toMatchObject({ code: 0 });
  const more = (...args: string[]) => callOf(grown, ...args);
  expect(await more("run")).toMatchObject({
    code: 1,
    error: expect.stringMatching(/factors\.seed: \[1,2,3\] became \[1,2,3,4\].*--accept-changes/),
  });
  const { code, out } = await more("run", "--accept-changes");
  expect(code).toBe(0);
  expect(out).toMatch(/^first: seed 4: loss 4\.0 in \d+ s; 4 of 4\n$/);
  expect(await more("run")).toMatchObject({ code: 0, out: "" });
  const page = join(folder, "page.md");
  await more("report", "--page", page);
  expect(readFileSync(page, "utf8")).toMatch(/The plan was changed when 3 results were in: .*seed: \[1,2,3\] became/);
});

test("a run with a number of minutes stops after them with code 130, and keeps what was done", async () => {
  expect(await call("run", "--only", "endless", "--minutes", "0.001")).toMatchObject({ code: 130, error: "" });
  expect(await call("status", "--only", "endless")).toMatchObject({ out: expect.stringContaining("0 of 3 runs") });
});

test("a part that waits is an error where it was asked for", async () => {
  expect(await call("run", "--only", "later")).toMatchObject({ code: 1, out: "later: waits for the end of time\n" });
});

test("the plan of a study without measured steps has its runs, and a later plan of another part keeps them", async () => {
  expect(await call("plan", "--only", "first")).toMatchObject({
    code: 0,
    out: expect.stringContaining("first: 3 runs; hours are known once some are done\n  claim: Losses are small"),
  });
  await call("plan", "--only", "endless");
  const { parts } = JSON.parse(readFileSync(join(folder, "plan.json"), "utf8"));
  expect(parts).toEqual([
    { name: "first", runs: 3 },
    { name: "endless", runs: 3 },
  ]);
});

test("a part that there is not is wrong use, said in one line", async () => {
  expect(await call("status", "--only", "fist")).toEqual({
    code: 2,
    out: "",
    error: 'study:toy: --only: there is no part "fist", is first meant? There are first, endless, later\n',
  });
});
