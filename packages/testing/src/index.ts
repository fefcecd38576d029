/**
 * What the tests of every package share: matchers.
 *
 * @module
 */
export { type Numbers, type Tolerance, toBeAllClose } from "./matchers.ts";
