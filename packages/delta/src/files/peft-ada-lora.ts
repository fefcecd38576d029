/** AdaLoRA in PEFT's files. */
import * as z from "zod";
import type { AdaLoraConfig, AdaLoraOptions } from "../methods/ada-lora.ts";
import type { PeftFormat } from "./peft-format.ts";
import { writeLayers } from "./peft-layers.ts";
import { loraRefusals, usualRoles } from "./peft-lora.ts";
import { unwrapKey } from "./peft-names.ts";

const steps = z.int().nonnegative();
const fields = z.looseObject({
  init_r: z.int().positive().default(12),
  target_r: z.int().positive().default(8),
  lora_alpha: z.number().positive().default(8),
  lora_dropout: z.number().min(0).lt(1).default(0),
  tinit: steps.default(0),
  tfinal: steps.default(0),
  deltaT: z.int().positive().default(1),
  beta1: z.number().default(0.85),
  beta2: z.number().default(0.85),
  orth_reg_weight: z.number().default(0.5),
  total_step: z.int().positive().nullish(),
  rank_pattern: z.record(z.string(), z.array(z.boolean())).nullish(),
});

/** Settings and keys of AdaLoRA. A file whose dropped parts are cut off says in `rank_pattern` what is left. */
export const adaLoraFormat: PeftFormat<AdaLoraOptions, AdaLoraConfig> = {
  type: "ADALORA",
  read(source) {
    const config = source.fields(fields);
    source.refuse(loraRefusals);
    const { byName, problems, isTarget } = source.layers(usualRoles(source, "adaLora"));
    if (byName.size === 0) return { problems };
    const pattern = Object.entries(config.rank_pattern ?? {}).map(([key, flags]) => {
      const name = unwrapKey(key).replace(/\.lora_E(\..+)?$/, "");
      return { name, path: byName.get(name), flags };
    });
    const unknown = pattern.filter(({ path }) => path === undefined);
    return {
      problems: [...problems, ...unknown.map(({ name }) => `rank_pattern names "${name}", which is no target`)],
      options: {
        targets: isTarget,
        initialRank: config.init_r,
        targetRank: config.target_r,
        alpha: config.lora_alpha,
        dropout: config.lora_dropout,
        regularisation: config.orth_reg_weight,
        warmUpSteps: config.tinit,
        finalSteps: config.tfinal,
        interval: config.deltaT,
        totalSteps: config.total_step ?? undefined,
        sensitivityDecay: config.beta1,
        uncertaintyDecay: config.beta2,
        kept: Object.fromEntries(pattern.flatMap(({ path, flags }) => (path === undefined ? [] : [[path, flags]]))),
      },
    };
  },
  write({ config }, base) {
    const layers = writeLayers(base, config);
    if ("reason" in layers) return layers;
    const pattern = Object.entries(config.kept).map(([path, flags]) => [`${base.fileName(path)}.lora_E`, flags]);
    return {
      fields: {
        ...layers.fields,
        init_r: config.initialRank,
        target_r: config.targetRank,
        lora_alpha: config.alpha,
        lora_dropout: config.dropout,
        tinit: config.warmUpSteps,
        tfinal: config.finalSteps,
        deltaT: config.interval,
        beta1: config.sensitivityDecay,
        beta2: config.uncertaintyDecay,
        orth_reg_weight: config.regularisation,
        // PEFT wants a number; it means something to those who train on.
        total_step: config.totalSteps ?? config.warmUpSteps + config.finalSteps + 1,
        rank_pattern: pattern.length === 0 ? null : Object.fromEntries(pattern),
        bias: "none",
        init_lora_weights: true,
        layers_pattern: null,
        layers_to_transform: null,
      },
    };
  },
  keys: {
    read: (key) => (key.includes(".ranknum") ? undefined : key.replace(/\.(lora_[ABE])\.[^.]+$/, ".$1")),
  },
};
