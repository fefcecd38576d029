import { disposeParameters } from "@cambium/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FuzzBench, fuzzAdapters, openFuzzBench } from "./mutate.fixture.ts";

let bench: FuzzBench;
beforeAll(async () => {
  bench = await openFuzzBench();
});
afterAll(() => disposeParameters(bench.base.parameters));

// `pnpm fuzz:adapters` tries 10,000; these are the first of them.
test("altered adapters give typed errors that leave nothing behind, or load and run", async () => {
  const { outcomes, problems } = await fuzzAdapters(bench, 0, 160);
  expect(problems).toEqual([]);
  expect(outcomes["FORMAT"]).toBeGreaterThan(50);
  expect(outcomes["loaded"]).toBeGreaterThan(5);
});
