/**
 * What the tests of every package share: the contract suite of delta methods, and matchers.
 *
 * @module
 */
export {
  type DeltaCase,
  type DeltaFactory,
  type DeltaLaw,
  type DeltaLibrary,
  type DeltaSubject,
  type DescribeDeltaMethodOptions,
  describeDeltaMethod,
  type TunedSubject,
} from "./describe-delta-method.ts";
