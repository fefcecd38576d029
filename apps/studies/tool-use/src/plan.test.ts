import { expect, test } from "vitest";
import { FULL, isUnseen } from "./plan.ts";

test("after three seeds each kit was left out of training once", () => {
  for (const kit of FULL.kits)
    expect(
      FULL.seeds.filter((seed) => isUnseen(FULL.kits, kit, seed)),
      kit,
    ).toHaveLength(1);
  for (const seed of FULL.seeds) expect(FULL.kits.filter((kit) => isUnseen(FULL.kits, kit, seed))).toHaveLength(6);
});
