/**
 * For tests of delta methods: the laws that every method keeps, as a vitest suite.
 *
 * @module
 */
export {
  type DeltaCase,
  type DeltaLaw,
  type DescribeDeltaMethodOptions,
  describeDeltaMethod,
} from "./describe-delta-method.ts";
