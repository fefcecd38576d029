/**
 * Parameter-efficient tuning: small trainable parts (LoRA, adapters, (IA)³, BitFit, prefixes, prompts) grafted onto a
 * frozen model by hooks, merged into plain weights where that is possible, and stored as PEFT folders.
 *
 * @module
 */
export {
  type SelectByOptions,
  selectBiases,
  selectByFisher,
  selectByGradient,
  selectByMagnitude,
  selectByScores,
  selectNorms,
} from "./arbitrary/by-score.ts";
export type { Manifest, ManifestPart } from "./arbitrary/manifest.ts";
export type {
  ArbitraryConfig,
  ArbitraryOptions,
  ArbitraryRecipe,
  ChosenConfig,
  Granularity,
  Pool,
  SelectionConstraints,
} from "./arbitrary/options.ts";
export { selectArbitrary } from "./arbitrary/selection.ts";
export {
  type AnyModel,
  attach,
  detach,
  type Grafted,
  type InputOf,
  type OutputOf,
  type Tuned,
  type TunedModel,
} from "./attach.ts";
export { type Combination, type CombineOptions, combine } from "./combine/combine.ts";
export { type PadLoraOptions, padLora } from "./combine/pad-lora.ts";
export type { SignRule } from "./combine/pruning.ts";
export { type LoraConversion, type ToLoraOptions, toLora } from "./combine/to-lora.ts";
export { type Delta, named, type Point, type Stack, stack } from "./delta.ts";
export { describeTargets, formatTargets, type TargetReport, type TargetRow } from "./describe.ts";
export { adapterHead } from "./files/adapter-head.ts";
export { type LoadAdapterOptions, loadAdapter } from "./files/load-adapter.ts";
export type {
  Inexpressible,
  PeftFormat,
  PeftKeys,
  PeftLayers,
  PeftReading,
  PeftSource,
  PeftTensors,
  PeftWriting,
  Refusal,
} from "./files/peft-format.ts";
export { type SaveAdapterOptions, type SavedAdapter, saveAdapter } from "./files/save-adapter.ts";
export { type SaveGgufAdapterOptions, saveGgufAdapter } from "./files/save-gguf-adapter.ts";
export { type Host, type HostLayout, type HostModel, type HostSource, hostOf, type UntrainedTensor } from "./host.ts";
export { activate, deactivate, remove, rename, swap } from "./lifecycle.ts";
export { merge, unmerge } from "./merge.ts";
export {
  type DeltaPoint,
  type DeltaStep,
  type DeltaTensor,
  type DeltaTensors,
  type Method,
  type MethodDefinition,
  method,
  type SeedlessMethod,
  seedlessMethod,
} from "./method.ts";
export * from "./methods/index.ts";
export { type PerRowConfig, perRow, rowsOf } from "./per-row.ts";
export { compareTrainables, type TrainableComparison } from "./plan/compare-trainables.ts";
export { suggestTraining, type TrainingHint, type UsualTraining, usualTraining } from "./plan/hints.ts";
export { formatPlan, type PlannedMethod, type PlanOptions, plan, plannedOptions } from "./plan/plan.ts";
export { targetPage } from "./plan/target-page.ts";
export { formatTree } from "./plan/tree.ts";
export { type ScaledConfig, scaled } from "./scaled.ts";
export { type DeltaStatus, describeStatus, formatStatus, type LayerStatus, type Status } from "./status.ts";
export type { GoesTo, LinearTarget, Target, TargetOptions, Targets } from "./targets.ts";
