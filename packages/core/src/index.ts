/**
 * The tensors' common ground: backends, the operations that tfjs-core lacks, sites and hooks, parameter trees, seeded
 * random numbers and safetensors.
 *
 * @module
 */
export type { BlockMatrix } from "@cambium/kernels";
export { type BackendChoice, type Runtime, useBackend } from "./backend.ts";
export { type BlockMemory, BlockRoom } from "./block-room.ts";
export { compile } from "./compile.ts";
export {
  type CompileDynamicOptions,
  compileDynamic,
  type DynamicFunction,
  type DynamicInput,
  type HostTensor,
} from "./compile-dynamic.ts";
export { type ValueAndGradients, valueAndGradients } from "./differentiate.ts";
export { editWeight, lookUp, type WeightEdit } from "./edited-weight.ts";
export { fingerprint } from "./fingerprint.ts";
export { gatherWeight, type WeightPart } from "./gather-weight.ts";
export { type Around, around, type Call, type Context, type Hook, nameHook, type OnWeight, onWeight } from "./hook.ts";
export { hostValues } from "./host-values.ts";
export { type AttendOptions, applyLinear, type FeedForward, MASKED } from "./layers.ts";
export {
  type AfterStep,
  FORWARD_KEYS,
  type ForwardOptions,
  type LossContext,
  type Model,
  type Objective,
  type Runnable,
} from "./model.ts";
export { gelu, silu } from "./ops/activation.ts";
export { type AdamStep, adamStep } from "./ops/adam.ts";
export { type AttentionOptions, scaledDotProductAttention } from "./ops/attention.ts";
export { type CrossEntropyOptions, crossEntropy, crossEntropyRows, linearCrossEntropy } from "./ops/cross-entropy.ts";
export { dropout, dropoutMask } from "./ops/dropout.ts";
export { layerNorm, rmsNorm } from "./ops/norm.ts";
export { rotateRows } from "./ops/rotate.ts";
export {
  axpyParameters,
  checkSameStructure,
  cloneParameters,
  cosineParameters,
  countParameters,
  disposeParameters,
  dotParameters,
  flattenParameters,
  mapParameters,
  normParameters,
  type Parameters,
  unflattenParameters,
  zerosLikeParameters,
  zipParameters,
} from "./parameters.ts";
export {
  type ChannelError,
  type LayerError,
  type MeasureQuantisationOptions,
  measureQuantisation,
  overBudget,
} from "./quantised-report.ts";
export {
  bitsOf,
  blockWeight,
  describeQuantised,
  floatUnderHooks,
  isQuantised,
  type QuantiseInBlocksOptions,
  quantisedNames,
  quantiseWeight,
  quantiseWeightInBlocks,
} from "./quantised-weight.ts";
export { type Random, random, randomOf } from "./random.ts";
export { remat, rematBlocks } from "./remat.ts";
export { openCheckpoint } from "./safetensors/checkpoint.ts";
export type { SafetensorsDtype, SafetensorsValues } from "./safetensors/dtype.ts";
export { decodeBfloat16, decodeHalf, encodeBfloat16, encodeHalf } from "./safetensors/float16.ts";
export type { SafetensorsEntry } from "./safetensors/header.ts";
export { loadSafetensors, openSafetensors, type Safetensors } from "./safetensors/read.ts";
export { type SaveSafetensorsOptions, saveSafetensors } from "./safetensors/save.ts";
export { createScope, type RowsBefore, type Scope, type ScopeCache, type ScopeOptions } from "./scope.ts";
export type { Flow, Kind, KnownRole, Role, Site, SitePart, SiteWeight } from "./site.ts";
export {
  oneStart,
  type Start,
  sizeOfShape,
  startTensor,
  startTensors,
  type TensorSpec,
  zeroStart,
} from "./tensor-spec.ts";
export { openTorchFile } from "./torch-file/open.ts";
