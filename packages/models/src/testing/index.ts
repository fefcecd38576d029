/**
 * For tests of architectures and of what is written on models: the laws of an architecture as a vitest suite, tiny seeded
 * models and batches, and finite differences.
 *
 * @module
 */
export { checkDerivatives, type DerivativeCheck } from "./finite-differences.ts";
export { disposeFields, type TinyModelOptions, tinyBatch, tinyHeads, tinyModel } from "./tiny.ts";
