import { expect, test } from "vitest";
import { helpOf, readSettings } from "./flags.ts";
import { toy as program } from "./toy.fixture.ts";

test("the command line says what to do, with what", () => {
  const args = ["run", "--smoke", "--only", "first,second", "--workers", "2", "--minutes", "0.5", "--model", "small"];
  expect(readSettings(program, args)).toEqual({
    verb: "run",
    extent: { name: "smoke" },
    only: ["first", "second"],
    workers: 2,
    minutes: 0.5,
    retryFailed: false,
    acceptChanges: false,
    out: "runs/toy-smoke",
    own: { model: "small" },
  });
  expect(readSettings(program, ["report", "--page", "x.md"])).toEqual({
    verb: "report",
    extent: { name: "full" },
    workers: 1,
    retryFailed: false,
    acceptChanges: false,
    out: "runs/toy",
    page: "x.md",
    own: {},
  });
  expect(readSettings(program, ["compare", "--out", "here"])).toMatchObject({ verb: "compare", out: "here" });
  expect(readSettings(program, ["run", "--retry-failed"])).toMatchObject({ verb: "run", retryFailed: true });
  expect(readSettings(program, ["run", "--accept-changes"])).toMatchObject({ retryFailed: false, acceptChanges: true });
  expect(readSettings(program, ["--help"])).toBeUndefined();
});

test("the help names every verb and option, those of one study too", () => {
  const help = helpOf(program);
  for (const word of ["plan", "run", "status", "report", "compare", "--model <name>", "--minutes", "runs/toy"])
    expect(help).toContain(word);
});

test.each([
  [["rnu"], 'expected one of plan, run, status, report, compare, got "rnu", is run meant?; --help lists the options'],
  [[], 'expected one of plan, run, status, report, compare, got ""; --help lists the options'],
  [["run", "plan"], 'got "run plan"; --help lists the options'],
  [["run", "--worker", "2"], "Unknown option '--worker'; --help lists the options"],
  [["run", "--workers", "0"], '--workers: expected a whole number from 1, got "0"; --help lists the options'],
  [["run", "--workers", ""], '--workers: expected a whole number from 1, got ""'],
  [["run", "--minutes", "soon"], '--minutes: expected a number above 0, got "soon"'],
  [["status", "--retry-failed"], "--retry-failed is of run, and this is status"],
  [["plan", "--accept-changes"], "--accept-changes is of run, and this is plan"],
  [["status", "--minutes", "5"], "--minutes is of run, and this is status"],
])("wrong use is an error that says what was expected: %j", (args, message) => {
  expect(() => readSettings(program, args)).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(message) }),
  );
});
