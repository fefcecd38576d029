/**
 * For tests of delta methods: the laws that every method keeps, as a vitest suite.
 *
 * @module
 */
export {
  type DeltaCase,
  type DescribeDeltaMethodOptions,
  describeDeltaMethod,
} from "./describe-delta-method.ts";
export type { DeltaLaw } from "./laws.ts";
