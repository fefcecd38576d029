/**
 * Parameter-efficient tuning: small trainable parts (LoRA, adapters, (IA)³, BitFit, prefixes, prompts) grafted onto a
 * frozen model by hooks, merged into plain weights where that is possible, and stored as PEFT folders.
 *
 * @module
 */
export { type AnyModel, attach, detach, type InputOf, type OutputOf, type Tuned } from "./attach.ts";
export { type Delta, type Host, type Method, named, type Stack, stack } from "./delta.ts";
export { describeTargets, formatTargets, type TargetReport, type TargetRow } from "./describe.ts";
export { type LoadAdapterOptions, loadAdapter } from "./files/load-adapter.ts";
export { type SaveAdapterOptions, type SavedAdapter, saveAdapter } from "./files/save-adapter.ts";
export { merge } from "./merge.ts";
export * from "./methods/index.ts";
export type { Target, TargetOptions, Targets } from "./targets.ts";
