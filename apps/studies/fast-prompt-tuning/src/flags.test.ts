import { expect, test } from "vitest";
import { readSettings } from "./flags.ts";

test("the command line says what to do, with what", () => {
  const { extent, ...rest } = readSettings(["run", "--smoke", "--only", "combination,encoder", "--workers", "2"])!;
  expect(extent.name).toBe("smoke");
  expect(rest).toEqual({
    verb: "run",
    only: ["combination", "encoder"],
    workers: 2,
    out: "runs/fast-prompt-tuning-smoke",
  });
  expect(readSettings(["--help"])).toBeUndefined();
});

test.each([
  [["rnu"], 'expected one of plan, run, status, report, got "rnu", is run meant?; --help lists the options'],
  [[], 'expected one of plan, run, status, report, got ""; --help lists the options'],
  [["run", "plan"], 'got "run plan"; --help lists the options'],
  [["run", "--worker", "2"], "Unknown option '--worker'; --help lists the options"],
  [["run", "--workers", "0"], '--workers: expected a whole number from 1, got "0"; --help lists the options'],
])("wrong use is an error that says what was expected: %j", (args, message) => {
  expect(() => readSettings(args)).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(message) }),
  );
});
