import { expect, test } from "vitest";
import { readSettings } from "./flags.ts";
import { FULL, isUnseen, SMOKE } from "./plan.ts";

test("the command line says what is done, on how much", () => {
  expect(readSettings(["run", "--minutes", "5"])).toEqual({
    verb: "run",
    extent: FULL,
    minutes: 5,
    out: "runs/tool-use",
  });
  expect(readSettings(["report", "--smoke", "--page", "x.md"])).toMatchObject({ extent: SMOKE, page: "x.md" });
  expect(readSettings(["--help"])).toBeUndefined();
});

test.each([
  [["rnu"], "is run meant?"],
  [["run", "twice"], 'got "run twice"'],
  [["run", "--minutes", "soon"], "above 0"],
  [["status", "--minutes", "5"], "--minutes is of run"],
  [["run", "--smok"], "--smok"],
])("%j cannot be meant", (args, said) => {
  expect(() => readSettings(args)).toThrow(said);
});

test("after three seeds each kit was left out of training once", () => {
  for (const kit of FULL.kits)
    expect(
      FULL.seeds.filter((seed) => isUnseen(FULL.kits, kit, seed)),
      kit,
    ).toHaveLength(1);
  for (const seed of FULL.seeds) expect(FULL.kits.filter((kit) => isUnseen(FULL.kits, kit, seed))).toHaveLength(6);
});
