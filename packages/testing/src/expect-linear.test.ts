import { expect, test } from "vitest";
import { expectLinear } from "./expect-linear.ts";

/** So many steps that nothing can leave out. */
function spend(steps: number): number {
  let sum = 0;
  for (let i = 0; i < steps; i++) sum = (sum * 31 + i) | 0;
  return sum;
}

test("work in proportion to its input passes, and work that grows with its square fails", async () => {
  await expectLinear((length) => spend(1000 * length), 8000);
  await expect(expectLinear((length) => spend(length * length), 8000)).rejects.toThrow("for an eighth of it");
});
