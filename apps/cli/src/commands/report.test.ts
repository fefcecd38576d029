import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-report-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (...names: string[]): string => join(folder, ...names);
const page = (...names: string[]): string => readFileSync(path(...names, "report.html"), "utf8");

beforeAll(async () => {
  const store = ["--model", "rules", "--store", path("calls.db")];
  const rows = [...store, "--limit", "4", "--method", "creator"];
  for (const name of ["one", "two"]) {
    const { code } = await recorded(["tools", "eval", "synthetic:creation", ...rows, "--out", path(name)]);
    expect(code).toBe(0);
  }
  const question = "How many positive divisors does 29244 have?";
  expect(await recorded(["tools", "create", ...store, question, "--out", path("made")])).toMatchObject({ code: 0 });
  mkdirSync(path("rdm"));
  const rdm = { kind: "rdm", manifest: { model: "m" }, conditions: ["a", "b", "c"], values: [1, 2, 3], metric: "x" };
  writeFileSync(path("rdm", "rdm.json"), JSON.stringify(rdm));
});

test("evaluations of several folders, a made tool and a probe stand on one page", async () => {
  const folders = ["one", "two", "made", "rdm"].map((name) => path(name));
  const { code, out } = await recorded(["report", ...folders, "--out", path("all"), "--title", "Both & more"]);
  expect({ code, out }).toEqual({ code: 0, out: [`report: ${path("all", "report.html")}`] });
  const html = page("all");
  expect(html).toContain("Both &amp; more");
  for (const name of ["one", "two"]) expect(html).toContain(path(name, "creator")); // both are called creator
  expect(html).toContain("How many positive divisors does 29244 have?");
  expect(html).toContain(`rdm: ${path("rdm")}`);
});

test("the page of one folder goes into it, and says what a machine reads", async () => {
  rmSync(path("one", "report.html"));
  const { code, out } = await recorded(["report", path("one"), "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(out[0]!)).toEqual({
    ...{ type: "end", report: path("one", "report.html") },
    ...{ evaluations: 1, sections: 0 },
  });
  expect(page("one")).toContain("Trajectories: creator");
});

test.each([
  ["several folders without --out", [path("one"), path("two")], "several folders need --out"],
  ["a folder that is not there", [path("none")], "none cannot be read"],
  ["a folder without results", [path("empty")], "holds no results of tools eval, tools create or probe"],
  ["a study's folder", [path("study")], "study report <module> writes its page"],
  ["a folder that has its page", [path("tuned")], `wrote its page too: ${path("tuned", "report.html")}`],
  ["a trajectory that is none", [path("broken")], "trajectory.json is no trajectory"],
])("%s is wrong use, and writes nothing", async (_, folders, message) => {
  for (const name of ["empty", "study/plans", "tuned", "broken"]) mkdirSync(path(name), { recursive: true });
  writeFileSync(path("tuned", "report.html"), "a page");
  writeFileSync(path("broken", "trajectory.json"), '{"steps":[]}');
  const { code, errors } = await recorded(["report", ...folders]);
  expect(code).toBe(2);
  expect(errors.join()).toContain(message);
  expect(page("tuned")).toBe("a page");
});
