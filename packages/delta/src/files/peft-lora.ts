/** LoRA in PEFT's files. */
import type { Role } from "@cambium/core";
import { type LanguageModel, type LayerRanges, replicationOf } from "@cambium/models";
import * as z from "zod";
import type { Delta } from "../delta.ts";
import { defaultRoles, hostOf } from "../host.ts";
import type { LoraConfig, LoraOptions } from "../methods/lora.ts";
import { hasResidual, wholeFactors } from "../methods/lora-starts.ts";
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
});

/** Settings of LoRA under which the stored tensors mean something else. */
const ownRefusals: readonly Refusal[] = [
  {
    key: "init_lora_weights",
    refuses: (value) => typeof value === "string" && /^(pissa|olora|corda|lora_ga|loftq)/i.test(value),
    reason:
      "such an adapter only fits the base weights that its start took a part out of; convert it in Python first, with save_pretrained's path_initial_model_for_weight_conversion",
  },
  { key: "bias", refuses: (value) => value !== "none", reason: "trained biases in LoRA files are not read yet" },
  { key: "lora_bias", refuses: Boolean, reason: "a bias on B is not read yet" },
  { key: "use_qalora", refuses: Boolean, reason: "QALoRA pools its input" },
  { key: "use_bdlora", refuses: Boolean, reason: "its matrices are block diagonals" },
  { key: "target_parameters", refuses: isGiven, reason: "updates of bare parameters are not read yet" },
  { key: "trainable_token_indices", refuses: isGiven, reason: "trained tokens are not read yet" },
  { key: "alora_invocation_tokens", refuses: isGiven, reason: "it acts on a part of the text only" },
  { key: "arrow_config", refuses: isGiven, reason: "it routes between adapters" },
  { key: "kasa_config", refuses: isGiven, reason: "it changes the base weights" },
  { key: "monteclora_config", refuses: isGiven, reason: "it samples its update" },
];

/** Those of methods like it. */
export const loraRefusals: readonly Refusal[] = [
  ...ownRefusals,
  { key: "layer_replication", refuses: isGiven, reason: "it changes the number of layers" },
];

/** The roles of LoRA where a file does not say them. */
export function usualRoles({ base }: PeftSource, ...kinds: readonly string[]): readonly Role[] {
  return defaultRoles(hostOf(base), [...kinds, "lora"], ["attn.q", "attn.v"]);
}

/** LoRA's key without the name of an adapter in its middle. */
export function plainLoraKey(key: string): string {
  return key.replace(/\.(lora_[AB])\.[^.]+\.weight$/, ".$1.weight");
}

/** LoRA of any scaling, without the variants that compute something else. */
export const loraFormat: PeftFormat<LoraOptions, LoraConfig> = {
  type: "LORA",
  read: (source) =>
    readLora(source, [
      { key: "use_dora", refuses: Boolean, reason: "DoRA scales the sum of weight and update: another method" },
    ]),
  write: writeLora,
  keys: { read: plainLoraKey },
};

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

/** What a config of LoRA's type means. */
export function readLora(source: PeftSource, refusals: readonly Refusal[] = []): PeftReading<LoraOptions> {
  const config = source.fields(fields);
  source.refuse([...refusals, ...ownRefusals]);
  checkReplication(source, config.layer_replication);
  const layers = source.layers(usualRoles(source));
  if (layers.byName.size === 0) return { problems: layers.problems };
  return {
    problems: layers.problems,
    options: {
      targets: layers.isTarget,
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
      bias: "none",
      init_lora_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
    },
    ...(isDoubled && { more: wholeFactors(delta), isInstead: true }),
  };
}
