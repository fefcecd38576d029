/**
 * What the tests of every package share: matchers, and a check of how time grows.
 *
 * @module
 */
export { expectLinear } from "./expect-linear.ts";
export { type Numbers, type Tolerance, toBeAllClose } from "./matchers.ts";
