/**
 * For tests of architectures and of what is written on models: the laws of an architecture as a vitest suite, tiny seeded
 * models and batches, and finite differences.
 *
 * @module
 */
export {
  type ArchitectureLaw,
  type DescribeArchitectureOptions,
  describeArchitecture,
} from "./describe-architecture.ts";
export { type Closeness, expectClose } from "./expect-close.ts";
export { checkDerivatives, type DerivativeCheck } from "./finite-differences.ts";
export { disposeFields, type TinyModelOptions, tinyBatch, tinyHeads, tinyModel } from "./tiny.ts";
export { type TinyChatOptions, tinyChat } from "./tiny-chat.ts";
