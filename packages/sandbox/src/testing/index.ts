/**
 * The laws of a sandbox as a vitest suite, for your own adapters: `describeSandbox` runs every law, `describeHostile` runs
 * hostile programs of many seeds.
 *
 * @module
 */
export { describeHostile } from "./describe-hostile.ts";
export { type DescribeSandboxOptions, type Deviation, describeSandbox } from "./describe-sandbox.ts";
export { hasPython } from "./has-python.ts";
export type { Expectation } from "./law.ts";
export { fails, returns } from "./law.ts";
