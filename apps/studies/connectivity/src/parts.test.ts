import { expect, test } from "vitest";
import { partsOf } from "./parts.ts";
import { FULL, SMOKE } from "./plan.ts";

test("every claim is stated before anything is run, and finds the runs that it is about", () => {
  for (const extent of [FULL, SMOKE]) {
    const parts = partsOf(extent, "runs");
    expect(parts.map(({ name }) => name)).toEqual(["pairs", "knowledge", "ladder", "encoder"]);
    for (const { study } of parts) expect(study.claims.length).toBeGreaterThan(0);
  }
});
