/**
 * From deltas to a PEFT folder, where PEFT has words for them.
 *
 * `describePeft` tells the one method from what is trained whole beside it, refuses with a reason what PEFT would read
 * differently, and writes configs with the fields that every version of PEFT knows.
 */
import type { Parameters } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import type { Tuned } from "../attach.ts";
import type { Delta } from "../delta.ts";
import type { Ia3Config } from "../methods/ia3.ts";
import type { LoraConfig } from "../methods/lora.ts";
import type { PrefixConfig } from "../methods/prefix.ts";
import type { PromptConfig } from "../methods/prompt.ts";
import type { WholeConfig } from "../methods/whole.ts";
import { findTargets, valueFor } from "../targets.ts";
import { isBackbone } from "./peft-names.ts";

/** A PEFT folder's content. */
export interface PeftFolder {
  /** `adapter_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** `adapter_model.safetensors`. */
  readonly tensors: Parameters;
}

/** Why PEFT has no words for something. */
export interface Inexpressible {
  readonly reason: string;
}

/** The method of a PEFT folder, the head, and the pooler where it is trained. */
interface Parts {
  readonly main: Delta;
  readonly saved: readonly Delta[];
}

/**
 * The PEFT folder that says the same as these deltas, or why there is none.
 *
 * @param baseName - Where Python finds the base.
 */
export function describePeft(tuned: Tuned<LanguageModel>, baseName: string): PeftFolder | Inexpressible {
  const parts = divide(tuned.deltas);
  if ("reason" in parts) return parts;
  const { base } = tuned;
  const isPrompt = parts.main.kind === "prompt" || parts.main.kind === "prefix";
  const trainsHead = parts.saved.some((part) => part.kind === "head");
  if (base.head?.kind === "masked-lm" && trainsHead)
    return { reason: "PEFT keeps a masked-LM head with its tied matrix" };
  if (isPrompt && base.head !== undefined && !trainsHead) {
    return { reason: "PEFT wants a head in the file when prompts stand before a task model" };
  }
  const modules = [
    ...new Set(parts.saved.flatMap((part) => [...part.parameters.keys()].map((name) => name.split(".")[0]!))),
  ];
  const method = describeMethod(base, parts.main);
  const clash = method.target_modules !== undefined && targetsInside(base, parts.main, modules);
  if (clash) return { reason: `PEFT leaves out layers inside "${clash}", which is trained whole` };
  return {
    config: sortKeys({
      auto_mapping: null,
      base_model_name_or_path: baseName,
      inference_mode: true,
      modules_to_save: modules.length === 0 ? null : modules,
      revision: null,
      task_type: taskType(base, trainsHead),
      ...method,
    }),
    tensors: new Map([
      ...[...parts.main.parameters].map(([name, tensor]) => [isPrompt ? name : moduleKey(base, name), tensor] as const),
      ...parts.saved.flatMap((part) =>
        [...part.parameters].map(
          ([name, tensor]) =>
            [isPrompt ? `base_model.${prefixed(base, name)}` : moduleKey(base, name), tensor] as const,
        ),
      ),
    ]),
  };
}

/** Tells the one method from what is trained whole beside it. */
function divide(deltas: readonly Delta[]): Parts | Inexpressible {
  const isPooler = ({ kind, config }: Delta): boolean =>
    kind === "whole" && (config as WholeConfig).modules?.join() === "pooler";
  const saved = deltas.filter((delta) => delta.kind === "head" || isPooler(delta));
  const [main, ...others] = deltas.filter((delta) => !saved.includes(delta));
  if (main === undefined) return { reason: "PEFT has no file for a head alone" };
  if (others.length > 0) return { reason: "PEFT keeps one method in a folder" };
  if (!["lora", "ia3", "prompt", "prefix"].includes(main.kind)) return { reason: `PEFT has no method "${main.kind}"` };
  if (new Set(saved.map(({ kind }) => kind)).size < saved.length) return { reason: "PEFT keeps one copy of a module" };
  return { main, saved };
}

const prefixed = (base: LanguageModel, name: string): string =>
  base.head !== undefined && isBackbone(name) ? `${base.prefix}.${name}` : name;

const moduleKey = (base: LanguageModel, name: string): string => `base_model.model.${prefixed(base, name)}`;

/** A head that is not in the file must not be asked for: PEFT would want its tensors. */
function taskType({ head }: LanguageModel, trainsHead: boolean): string | null {
  if (head === undefined) return "FEATURE_EXTRACTION";
  if (!trainsHead || head.kind === "masked-lm") return null;
  return head.kind === "token-classification" ? "TOKEN_CLS" : "SEQ_CLS";
}

/** The first of `modules` that has a targeted layer in it. */
function targetsInside(base: LanguageModel, main: Delta, modules: readonly string[]): string | undefined {
  const { targets } = main.config as LoraConfig | Ia3Config;
  const paths = findTargets("saveAdapter", base, { targets }).map(({ site }) => site.path);
  return modules.find((module) => paths.some((path) => path.startsWith(`${module}.`)));
}

/** Only fields that every version of PEFT knows; later ones fill in the rest. */
function describeMethod(base: LanguageModel, { kind, config }: Delta): Readonly<Record<string, unknown>> {
  switch (kind) {
    case "lora":
      return describeLora(base, config as LoraConfig);
    case "ia3":
      return {
        peft_type: "IA3",
        target_modules: (config as Ia3Config).targets,
        feedforward_modules: (config as Ia3Config).feedForward,
        fan_in_fan_out: false,
        init_ia3_weights: true,
      };
    case "prompt":
      return {
        peft_type: "PROMPT_TUNING",
        ...promptShape(base, config as PromptConfig),
        prompt_tuning_init: "RANDOM",
        prompt_tuning_init_text: null,
        tokenizer_name_or_path: null,
      };
    default:
      return {
        peft_type: "PREFIX_TUNING",
        ...promptShape(base, config as PrefixConfig),
        encoder_hidden_size: base.config.hidden_size,
        prefix_projection: false,
      };
  }
}

/** Ranks and alphas of single layers stand under their paths, whatever patterns they came from. */
function describeLora(base: LanguageModel, config: LoraConfig): Readonly<Record<string, unknown>> {
  const paths = findTargets("saveAdapter", base, { targets: config.targets }).map(({ site }) => site.path);
  const deviations = (patterns: Readonly<Record<string, number>>, usual: number): Record<string, number> =>
    Object.fromEntries(
      paths.map((path) => [path, valueFor(patterns, path) ?? usual] as const).filter(([, value]) => value !== usual),
    );
  return {
    peft_type: "LORA",
    target_modules: config.targets,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    use_rslora: config.rsLora,
    rank_pattern: deviations(config.rankPattern, config.rank),
    alpha_pattern: deviations(config.alphaPattern, config.alpha),
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
  };
}

function promptShape(
  { config }: LanguageModel,
  { length }: PromptConfig | PrefixConfig,
): Readonly<Record<string, number>> {
  return {
    num_virtual_tokens: length,
    token_dim: config.hidden_size,
    num_attention_heads: config.num_attention_heads,
    num_layers: config.num_hidden_layers,
    num_transformer_submodules: 1,
  };
}

/** PEFT writes its keys in this order. */
function sortKeys(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
}
