/**
 * What the tests of every package share: contract suites, finite differences and tiny seeded encoders.
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
export { checkDerivatives, type DerivativeCheck } from "./finite-differences.ts";
export { disposeFields, type TinyModelOptions, tinyBatch, tinyModel, tinySizes } from "./tiny.ts";
