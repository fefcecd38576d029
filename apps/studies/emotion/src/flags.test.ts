import { expect, test } from "vitest";
import { readSettings } from "./flags.ts";
import { FULL, SMOKE } from "./plan.ts";

test("the command line says what to do, with what", () => {
  expect(readSettings(["run", "--smoke", "--only", "ablation-encoder"])).toEqual({
    verb: "run",
    extent: SMOKE,
    only: ["ablation-encoder"],
    workers: 1,
    out: "runs/emotion-smoke",
  });
  expect(readSettings(["report", "--page", "page.md"])).toEqual({
    verb: "report",
    extent: FULL,
    workers: 1,
    out: "runs/emotion",
    page: "page.md",
  });
  expect(readSettings(["run", "--encoder", "roberta"])).toMatchObject({
    extent: { ...FULL, encoder: "roberta" },
    out: "runs/emotion-roberta",
  });
  expect(readSettings(["replicate", "--reference", "copy"])).toMatchObject({ verb: "replicate", reference: "copy" });
  expect(readSettings(["--help"])).toBeUndefined();
});

test.each([
  [["rnu"], "is run meant?; --help lists the options"],
  [["run", "--worker", "2"], "Unknown option '--worker'"],
  [["run", "--encoder", "bert"], "expected minilm or roberta"],
  [["replicate"], "--reference and replicate belong together"],
  [["run", "--reference", "x"], "--reference and replicate belong together"],
  [["run", "--workers", "0"], "expected a whole number from 1"],
])("wrong use is an error that says what was expected: %j", (args, message) => {
  expect(() => readSettings(args)).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(message) }),
  );
});
