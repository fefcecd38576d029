/** `cambium inspect --job` measures in child processes. */
import { sapling } from "@cambium/saplings";
import { expect, test } from "vitest";
import { cambium } from "./cambium.ts";
import { freshFolder } from "./study-kit.ts";

test("the cost of a step is measured on models of fewer layers", async () => {
  const { location } = sapling("bert-4x256");
  const args = ["inspect", location, "--job", "lora", "--batch", "2", "--seq", "16", "--json"];
  const { code, lines, errors } = await cambium(freshFolder(), args);
  expect(errors).toBe("measuring a step on models of fewer layers\n");
  expect(code).toBe(0);
  const { job } = JSON.parse(lines[0]!);
  expect(job).toMatchObject({ method: "lora", batch: 2, seq: 16, head: { kind: "masked-lm" } });
  expect(job.stepMs).toBeGreaterThan(0);
  expect(job.peakBytes).toBeGreaterThan(4 * 5_413_696); // the weights alone
});
