/** LoRA in PEFT's files. */
import type { Role } from "@cambium/core";
import { type LanguageModel, type LayerRanges, replicationOf } from "@cambium/models";
import * as z from "zod";
import type { Delta } from "../delta.ts";
import { defaultRoles, hostOf } from "../host.ts";
import type { LoraConfig, LoraOptions } from "../methods/lora.ts";
import { biasesOf } from "../methods/lora-biases.ts";
import { tablesAmong } from "../methods/lora-embeddings.ts";
import { hasResidual, wholeFactors } from "../methods/lora-starts.ts";
import { type GoesTo, nameTargets } from "../targets.ts";
import { isGiven } from "./peft-config.ts";
import type { PeftFormat, PeftReading, PeftSource, Refusal } from "./peft-format.ts";
import { writeLayers, writePattern } from "./peft-layers.ts";

/** Values by names of layers, or none. */
export const patternField: z.ZodType<Readonly<Record<string, number>>> = z
  .record(z.string(), z.number().positive())
  .nullish()
  .transform((value) => value ?? {});

const fields = z.looseObject({
  r: z.int().positive().default(8),
  lora_alpha: z.number().positive().default(8),
  lora_dropout: z.number().min(0).lt(1).default(0),
  use_rslora: z.boolean().default(false),
  rank_pattern: patternField,
  alpha_pattern: patternField,
  layer_replication: z.array(z.tuple([z.int(), z.int()])).nullish(),
  bias: z.enum(["none", "all", "lora_only"]).default("none"),
  lora_bias: z.boolean().default(false),
});

/** Settings of LoRA under which the stored tensors mean something else. */
const ownRefusals: readonly Refusal[] = [
  {
    key: "init_lora_weights",
    refuses: (value) => typeof value === "string" && /^(pissa|olora|corda|lora_ga|loftq)/i.test(value),
    reason:
      "such an adapter only fits the base weights that its start took a part out of; convert it in Python first, with save_pretrained's path_initial_model_for_weight_conversion",
  },
  { key: "use_qalora", refuses: Boolean, reason: "QALoRA pools its input" },
  { key: "use_bdlora", refuses: Boolean, reason: "its matrices are block diagonals" },
  { key: "target_parameters", refuses: isGiven, reason: "updates of bare parameters are not read yet" },
  { key: "trainable_token_indices", refuses: isGiven, reason: "trained tokens are not read yet" },
  { key: "alora_invocation_tokens", refuses: isGiven, reason: "it acts on a part of the text only" },
  { key: "arrow_config", refuses: isGiven, reason: "it routes between adapters" },
  { key: "kasa_config", refuses: isGiven, reason: "it changes the base weights" },
  { key: "monteclora_config", refuses: isGiven, reason: "it samples its update" },
];

/** Settings that of all methods of its kind LoRA alone has here. */
export const plainLoraOnly: readonly Refusal[] = [
  { key: "bias", refuses: (value) => value !== "none", reason: "trained biases beside this method are not read" },
  { key: "lora_bias", refuses: Boolean, reason: "a bias on B is LoRA's alone here" },
];

/** Those of methods like it. */
export const loraRefusals: readonly Refusal[] = [
  ...ownRefusals,
  ...plainLoraOnly,
  { key: "layer_replication", refuses: isGiven, reason: "it changes the number of layers" },
];

/** The roles of LoRA where a file does not say them. */
export function usualRoles({ base }: PeftSource, ...kinds: readonly string[]): readonly Role[] {
  return defaultRoles(hostOf(base), [...kinds, "lora"], ["attn.q", "attn.v"]);
}

/** LoRA's key without the name of an adapter in its middle. */
export function plainLoraKey(key: string): string {
  return key
    .replace(/\.(lora_[AB])\.[^.]+\.(weight|bias)$/, ".$1.$2")
    .replace(/\.(lora_embedding_[AB])\.[^.]+$/, ".$1");
}

/** LoRA of any scaling, without the variants that compute something else. */
export const loraFormat: PeftFormat<LoraOptions, LoraConfig> = {
  type: "LORA",
  read(source) {
    const { bias, lora_bias: loraBias } = source.fields(fields);
    const refusals = [
      { key: "use_dora", refuses: Boolean, reason: "DoRA scales the sum of weight and update: another method" },
    ];
    const { options, ...reading } = readLora(source, refusals, "layers and tables");
    if (options === undefined) return reading;
    const shape = hostOf(source.base);
    const targets = nameTargets("loadAdapter", shape, { targets: options.targets }, "layers and tables");
    if (source.json["ensure_weight_tying"] === true && tablesAmong(shape, { targets }).length > 0)
      throw source.fail(
        'has "ensure_weight_tying" beside a table of words, whose LoRA the head gets as well then; such files are not read',
      );
    // A model without biases trains none, whatever its file says.
    const has = biasesOf(shape, { targets, bias }).length > 0;
    const biases = has ? biasesOf(shape, { targets, bias }) : [];
    return {
      ...reading,
      options: { ...options, bias: has ? bias : "none", loraBias },
      async complete({ has: holds }) {
        const stored = biases.filter((name) =>
          [name, name.replace(/bias$/, "base_layer.bias")].some((key) => holds(source.theirName(key))),
        );
        if (bias === "lora_only" && biases.length > 0 && stored.length === 0)
          throw source.fail(
            'says "bias" "lora_only", and the weights hold no biases: PEFT before 0.21 trained them and did not save them, so that they are lost. Set "bias" to "none" in the file to read the rest',
          );
        return { ...options, bias: has ? bias : "none", loraBias };
      },
    };
  },
  write: writeLora,
  keys: {
    read: (key) => readBiasKey(plainLoraKey(key)),
    write(name, wrap, { parameters }) {
      const path = name.replace(/\.bias$/, "");
      const isOfTarget = path !== name && parameters.has(`${path}.lora_A.weight`);
      return wrap(isOfTarget ? `${path}.base_layer.bias` : name);
    },
  },
};

/** A bias's own name: PEFT writes those of layers that it wraps inside the wrapper, and the former ones of modules that it copied. */
function readBiasKey(key: string): string | undefined {
  return /\.(original_module|modules_to_save)\.bias$/.test(key)
    ? undefined
    : key.replace(/\.base_layer\.bias$/, ".bias");
}

/** Throws unless the base has the layers that the file was trained on. */
function checkReplication({ base, fail }: PeftSource, ranges: LayerRanges | null | undefined): void {
  const [theirs, ours] = [JSON.stringify(ranges ?? undefined), JSON.stringify(replicationOf(base))];
  if (theirs === ours) return;
  if (theirs === undefined)
    throw fail(`has no "layer_replication", and the model's layers are the ranges ${ours} of another's`);
  throw fail(
    `asks for "layer_replication" ${theirs} (a deeper model of the same weights); load it onto replicateLayers(base, ${theirs})`,
  );
}

/** What a config of LoRA's type means, without its biases. */
export function readLora(source: PeftSource, refusals: readonly Refusal[], goesTo?: GoesTo): PeftReading<LoraOptions> {
  const config = source.fields(fields);
  source.refuse([...refusals, ...ownRefusals]);
  checkReplication(source, config.layer_replication);
  const layers = source.layers(usualRoles(source), goesTo);
  if (layers.byName.size === 0) return { problems: layers.problems };
  return {
    problems: layers.problems,
    options: {
      targets: [...layers.byName.values()],
      rank: config.r,
      alpha: config.lora_alpha,
      dropout: config.lora_dropout,
      rsLora: config.use_rslora,
      rankPattern: layers.resolve(config.rank_pattern),
      alphaPattern: layers.resolve(config.alpha_pattern),
    },
  };
}

/** The fields of LoRA's type. A LoRA whose start is taken off becomes a plain one of twice the rank. */
export function writeLora(delta: Delta<LoraConfig>, base: LanguageModel): ReturnType<PeftFormat["write"]> {
  const { config } = delta;
  if (config.gate) return { reason: "PEFT has no LoRA with a gate" };
  const layers = writeLayers(base, config);
  if ("reason" in layers) return layers;
  const ranges = replicationOf(base);
  const isDoubled = hasResidual(config.init);
  const [ranks, alphas] = isDoubled ? [2, config.rsLora ? Math.SQRT2 : 2] : [1, 1];
  const times = (values: Readonly<Record<string, number>>, factor: number): Record<string, number> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, factor * value]));
  return {
    fields: {
      ...layers.fields,
      ...(ranges !== undefined && { layer_replication: ranges }),
      r: ranks * config.rank,
      lora_alpha: alphas * config.alpha,
      lora_dropout: config.dropout,
      use_rslora: config.rsLora,
      rank_pattern: times(writePattern(base, config, config.rankPattern, config.rank), ranks),
      alpha_pattern: times(writePattern(base, config, config.alphaPattern, config.alpha), alphas),
      bias: config.bias,
      ...(config.loraBias && { lora_bias: true }),
      init_lora_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
    },
    ...(isDoubled && { more: wholeFactors(delta), isInstead: true }),
  };
}
