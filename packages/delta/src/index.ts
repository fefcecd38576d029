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
export { type AdapterConfig, type AdapterOptions, adapter } from "./methods/adapter.ts";
export { type BitFitConfig, type BitFitOptions, bitFit } from "./methods/bit-fit.ts";
export { type HeadedModel, head } from "./methods/head.ts";
export { type Ia3Config, type Ia3Options, ia3 } from "./methods/ia3.ts";
export { type LoraConfig, type LoraOptions, lora } from "./methods/lora.ts";
export { type PrefixConfig, type PrefixOptions, prefix } from "./methods/prefix.ts";
export { type PromptConfig, type PromptOptions, prompt } from "./methods/prompt.ts";
export { type WholeConfig, type WholeOptions, whole } from "./methods/whole.ts";
export type { Target, TargetOptions, Targets } from "./targets.ts";
