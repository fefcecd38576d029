import { expect, test } from "vitest";
import { readSettings } from "./flags.ts";
import { partsOf } from "./parts.ts";
import { FULL, SMOKE } from "./plan.ts";

test("the command line says what to do, with what", () => {
  const { extent, ...rest } = readSettings(["run", "--smoke", "--only", "pairs,knowledge"])!;
  expect(extent.name).toBe("smoke");
  expect(rest).toEqual({ verb: "run", only: ["pairs", "knowledge"], workers: 1, out: "runs/connectivity-smoke" });
  expect(() => readSettings(["rnu"])).toThrow("is run meant?");
});

test("every claim is stated before anything is run, and finds the runs that it is about", () => {
  for (const extent of [FULL, SMOKE]) {
    const parts = partsOf(extent, "runs");
    expect(parts.map(({ name }) => name)).toEqual(["pairs", "knowledge", "ladder", "encoder"]);
    for (const { study } of parts) expect(study.claims.length).toBeGreaterThan(0);
  }
});
