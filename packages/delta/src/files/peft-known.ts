/** Settings of PEFT's files that nobody here asks for: those that change nothing once there are weights, and those that are not known. */
import { nearest } from "@cambium/base";

/** Of PEFT 0.21: where things come from, how tensors started, and what only trains or only is where weights are laid out otherwise. */
const INERT: readonly string[] = [
  ...[
    "auto_mapping",
    "base_model_name_or_path",
    "inference_mode",
    "peft_type",
    "peft_version",
    "revision",
    "task_type",
  ],
  ...[
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "lora_ga_config",
    "loftq_config",
    "runtime_config",
    "velora_config",
  ],
  ...["init_ia3_weights", "init_lora_weights", "init_weights", "init_logits_std", "init_vector_bank_bound"],
  ...["prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_name_or_path", "tokenizer_kwargs"],
  ...[
    "encoder_dropout",
    "encoder_hidden_size",
    "encoder_num_layers",
    "encoder_reparameterization_type",
    "prefix_projection",
  ],
  ...["num_attention_heads", "num_layers", "num_transformer_submodules", "token_dim"],
  ...[
    "fan_in_fan_out",
    "megatron_config",
    "megatron_core",
    "qalora_group_size",
    "r",
    "mask_type",
    "random_seed",
    "eps",
  ],
  ...[
    "d_initial",
    "use_effective_conv2d",
    "save_projection",
    "projection_prng_key",
    "bias",
    "exclude_modules",
    "modules_to_save",
  ],
];

/** What is said of unknown settings. */
export interface Unknown {
  /** Those that switch something on. */
  readonly refused: readonly string[];
  /** Numbers and texts, which go with something that is not on. */
  readonly warnings: readonly string[];
}

/** Off: what a setting holds that asks for nothing. */
const isOff = (value: unknown): boolean =>
  value === null || value === false || value === "" || (typeof value === "object" && Object.keys(value).length === 0);

/**
 * Sorts out the settings that are not known.
 *
 * @param asked - Those that the method reads or refuses.
 * @param ignored - Those that the caller vouches for.
 */
export function findUnknown(
  json: Readonly<Record<string, unknown>>,
  asked: ReadonlySet<string>,
  ignored: readonly string[],
): Unknown {
  const known = [...asked, ...INERT];
  const isUnknown = (key: string): boolean => !known.includes(key) && !ignored.includes(key) && !isOff(json[key]);
  const unknown = Object.keys(json).filter(isUnknown);
  const isOn = (key: string): boolean => json[key] === true || typeof json[key] === "object";
  const show = (key: string): string => {
    const near = nearest(key, known);
    return `"${key}" ${JSON.stringify(json[key])}${near === undefined ? "" : ` (is "${near}" meant?)`}`;
  };
  return {
    refused: unknown.filter(isOn).map(show),
    warnings: unknown
      .filter((key) => !isOn(key))
      .map((key) => `adapter_config.json has ${show(key)}, which is not known here and was left out of account`),
  };
}
