/** Prompt tuning and prefix tuning in PEFT's files. */
import type { Site } from "@cambium/core";
import { hasTaskModel, type LanguageModel } from "@cambium/models";
import { tidy } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { hostOf } from "../host.ts";
import { type Types, typeTable } from "../methods/ignored-types.ts";
import { prefixRows, promptRows } from "../methods/networks.ts";
import type { PTuningConfig, PTuningOptions } from "../methods/p-tuning.ts";
import type { PrefixConfig, PrefixOptions } from "../methods/prefix.ts";
import type { PromptConfig, PromptOptions } from "../methods/prompt.ts";
import type { Inexpressible, PeftFormat, PeftKeys, PeftSource } from "./peft-format.ts";

const commonFields = z.looseObject({ num_virtual_tokens: z.int().positive(), task_type: z.string().nullish() });

/** Keys of prompts have no wrapper. */
const keys: PeftKeys = { write: (name) => name };

/** What PEFT makes of each method on a model of two stacks. */
const twoStacks = {
  P_TUNING: "PEFT keeps twice the rows of a prompt for an encoder with a decoder, and uses the first half",
  PROMPT_TUNING: "PEFT keeps twice the rows of a prompt for an encoder with a decoder, and uses the first half",
  PREFIX_TUNING:
    "PEFT lays the prefix of an encoder with a decoder out by the encoder's layers, and uses a part of it in the decoder alone",
} as const;

type PromptType = keyof typeof twoStacks;

const droppedTypes =
  'PEFT ignores types on a model without a head, and this delta reads them; make it with { types: "ignored" } for PEFT';

const hasTwoStacks = (base: LanguageModel): boolean => base.sites().some(({ stack }) => stack !== undefined);

/** The settings of both methods. In front of a body without a head, PEFT drops the types. */
function readCommon(source: PeftSource, type: PromptType): { readonly length: number; readonly types: Types } {
  const { num_virtual_tokens: length, task_type: task } = source.fields(commonFields);
  if (hasTwoStacks(source.base))
    throw source.fail(`has the "peft_type" "${type}": ${twoStacks[type]}; such files are not read yet`);
  const hasTypes = typeTable(hostOf(source.base)) !== undefined;
  return { length, types: hasTypes && task === "FEATURE_EXTRACTION" ? "ignored" : "read" };
}

/** Prompt tuning. */
export const promptFormat: PeftFormat<PromptOptions, PromptConfig> = {
  type: "PROMPT_TUNING",
  isPrompt: true,
  keys,
  read: (source) => ({ problems: [], options: { ...readCommon(source, "PROMPT_TUNING"), init: "uniform" } }),
  write({ config }, base) {
    const shape = shapeFields(base, config, "PROMPT_TUNING");
    if ("reason" in shape) return shape;
    return {
      fields: {
        ...shape.fields,
        prompt_tuning_init: "RANDOM",
        prompt_tuning_init_text: null,
        tokenizer_name_or_path: null,
      },
    };
  },
};

/** Prefix tuning without the network that makes prefixes while training. */
export const prefixFormat: PeftFormat<PrefixOptions, PrefixConfig> = {
  type: "PREFIX_TUNING",
  isPrompt: true,
  keys,
  read: (source) => ({ problems: [], options: readCommon(source, "PREFIX_TUNING") }),
  write(delta, base) {
    const { config } = delta;
    if (config.gate) return { reason: "PEFT has no prefix with a gate" };
    if (config.positions === "kept") return { reason: "PEFT moves the positions of the words behind a prefix" };
    const shape = shapeFields(base, config, "PREFIX_TUNING");
    if ("reason" in shape) return shape;
    const attentions = sitesOf(base, "attention");
    const { keyHeads, width } = attentions[0]!;
    if (attentions.some((site) => site.keyHeads !== keyHeads || site.width !== width))
      return { reason: "PEFT wants keys of one width in all layers" };
    return {
      fields: {
        ...shape.fields,
        token_dim: keyHeads! * width,
        num_attention_heads: keyHeads,
        encoder_hidden_size: shape.fields.token_dim,
        prefix_projection: false,
      },
      ...(config.network !== undefined && {
        more: new Map([["prompt_embeddings", tidy(() => prefixRows(delta.parameters).clone())]]),
        isInstead: true,
      }),
    };
  },
};

/** P-tuning. Its files hold what the network made. */
export const pTuningFormat: PeftFormat<PTuningOptions, PTuningConfig> = {
  type: "P_TUNING",
  isPrompt: true,
  keys,
  read: (source) => ({ problems: [], options: { ...readCommon(source, "P_TUNING"), network: "none" } }),
  write(delta, base) {
    const { config } = delta;
    const shape = shapeFields(base, config, "P_TUNING");
    if ("reason" in shape) return shape;
    return {
      fields: {
        ...shape.fields,
        encoder_reparameterization_type: config.network === "lstm" ? "LSTM" : "MLP",
        encoder_hidden_size: config.hidden,
        encoder_num_layers: config.layers,
        encoder_dropout: 0,
      },
      ...(config.network !== "none" && {
        more: new Map([["prompt_embeddings", tidy(() => promptRows(delta.parameters).clone())]]),
        isInstead: true,
      }),
    };
  },
};

const sitesOf = (base: LanguageModel, kind: Site["kind"]): readonly Site[] =>
  base.sites().filter((site) => site.kind === kind);

/** The sizes of the model that PEFT wants to know. */
function shapeFields(
  base: LanguageModel,
  { length, types }: { readonly length: number; readonly types: Types },
  type: PromptType,
): { readonly fields: Readonly<Record<string, number>> & { readonly token_dim: number } } | Inexpressible {
  if (hasTwoStacks(base)) return { reason: twoStacks[type] };
  const ignores = !hasTaskModel(base.head);
  if (typeTable(hostOf(base)) !== undefined && ignores !== (types === "ignored"))
    return { reason: ignores ? droppedTypes : "PEFT reads types where the model has a head" };
  return {
    fields: {
      num_virtual_tokens: length,
      token_dim: sitesOf(base, "embed")[0]!.width,
      num_attention_heads: sitesOf(base, "pattern")[0]!.width,
      num_layers: sitesOf(base, "attention").length,
      num_transformer_submodules: 1,
    },
  };
}
