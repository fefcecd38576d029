/**
 * Every method of this package, under the names that are the kinds of their deltas. `loadAdapter` and `saveAdapter` know
 * methods by such a table.
 */

export { arbitrary } from "../arbitrary/arbitrary.ts";
export { type AdaLoraConfig, type AdaLoraOptions, adaLora } from "./ada-lora.ts";
export { type AdapterConfig, type AdapterOptions, adapter } from "./adapter.ts";
export { type BitFitConfig, type BitFitOptions, bitFit } from "./bit-fit.ts";
export { type DoraConfig, type DoraOptions, dora } from "./dora.ts";
export { type HeadOptions, head } from "./head.ts";
export { type Ia3Config, type Ia3Options, ia3 } from "./ia3.ts";
export { type LoHaConfig, type LoHaOptions, loHa } from "./lo-ha.ts";
export { type LoKrConfig, type LoKrOptions, loKr } from "./lo-kr.ts";
export { type LoraConfig, type LoraOptions, lora } from "./lora.ts";
export { type PrefixConfig, type PrefixOptions, prefix } from "./prefix.ts";
export { type PromptConfig, type PromptOptions, prompt } from "./prompt.ts";
export { type VeraConfig, type VeraOptions, vera } from "./vera.ts";
export { type WholeConfig, type WholeOptions, whole } from "./whole.ts";
