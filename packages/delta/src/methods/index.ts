/**
 * Every method of this package, under the names that are the kinds of their deltas. `loadAdapter` and `saveAdapter` know
 * methods by such a table.
 */

export { arbitrary } from "../arbitrary/arbitrary.ts";
export { type AdaLoraConfig, type AdaLoraOptions, adaLora } from "./ada-lora.ts";
export { type AdapterConfig, type AdapterOptions, adapter } from "./adapter.ts";
export { type AdapterFusionConfig, type AdapterFusionOptions, adapterFusion } from "./adapter-fusion.ts";
export { type BitFitConfig, type BitFitOptions, bitFit } from "./bit-fit.ts";
export { type BoftConfig, type BoftOptions, boft } from "./boft.ts";
export { type C3aConfig, type C3aOptions, c3a } from "./c3a.ts";
export { type DoraConfig, type DoraOptions, dora } from "./dora.ts";
export { type FourierFtConfig, type FourierFtOptions, fourierFt } from "./fourier-ft.ts";
export { type HeadOptions, head } from "./head.ts";
export { type HraConfig, type HraOptions, hra } from "./hra.ts";
export { type Ia3Config, type Ia3Options, ia3 } from "./ia3.ts";
export { type LoHaConfig, type LoHaOptions, loHa } from "./lo-ha.ts";
export { type LoKrConfig, type LoKrOptions, loKr } from "./lo-kr.ts";
export { type LoraConfig, type LoraOptions, lora } from "./lora.ts";
export type { BiasChoice } from "./lora-biases.ts";
export type { LoraInit } from "./lora-starts.ts";
export { type MissConfig, type MissOptions, miss } from "./miss.ts";
export { type NormsConfig, type NormsOptions, norms } from "./norms.ts";
export { type OftConfig, type OftOptions, oft } from "./oft.ts";
export { type PTuningConfig, type PTuningOptions, pTuning } from "./p-tuning.ts";
export { type PrefixConfig, type PrefixOptions, prefix } from "./prefix.ts";
export { type PromptConfig, type PromptOptions, prompt } from "./prompt.ts";
export { type RandLoraConfig, type RandLoraOptions, randLora } from "./rand-lora.ts";
export { type RoadConfig, type RoadOptions, road } from "./road.ts";
export { type TokensConfig, type TokensOptions, tokens } from "./tokens.ts";
export { type VbLoraConfig, type VbLoraOptions, vbLora } from "./vb-lora.ts";
export { type VeraConfig, type VeraOptions, vera } from "./vera.ts";
export { type WholeConfig, type WholeOptions, whole } from "./whole.ts";
