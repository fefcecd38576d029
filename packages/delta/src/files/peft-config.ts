/** `adapter_config.json` as PEFT writes it, as far as it matters here, and what is refused with a reason. */
import { FormatError } from "@cambium/base";
import * as z from "zod";

/** Fields of every PEFT config. */
interface PeftCommon {
  readonly task_type?: string | null | undefined;
  readonly modules_to_save?: readonly string[] | null | undefined;
}

/** Where adapters on linear layers go. `null` stands for the model type's default. */
interface PeftLayers {
  readonly target_modules?: string | readonly string[] | null | undefined;
  readonly exclude_modules?: string | readonly string[] | null | undefined;
}

/** LoRA, of any scaling, without the variants that compute something else. */
export interface PeftLora extends PeftCommon, PeftLayers {
  readonly peft_type: "LORA";
  readonly r: number;
  readonly lora_alpha: number;
  readonly lora_dropout: number;
  readonly use_rslora: boolean;
  readonly rank_pattern: Readonly<Record<string, number>>;
  readonly alpha_pattern: Readonly<Record<string, number>>;
  readonly layers_to_transform?: number | readonly number[] | null | undefined;
  readonly layers_pattern?: string | readonly string[] | null | undefined;
}

/** (IA)³. */
export interface PeftIa3 extends PeftCommon, PeftLayers {
  readonly peft_type: "IA3";
  readonly feedforward_modules?: string | readonly string[] | null | undefined;
}

/** Prompt tuning and prefix tuning. */
export interface PeftPrompt extends PeftCommon {
  readonly peft_type: "PROMPT_TUNING" | "PREFIX_TUNING";
  readonly num_virtual_tokens: number;
}

/** The configs that can be read. */
export type PeftConfig = PeftLora | PeftIa3 | PeftPrompt;

const names = z.array(z.string()).readonly();
const common = { task_type: z.string().nullish(), modules_to_save: names.nullish() };
const layers = {
  target_modules: z.union([z.string(), names]).nullish(),
  exclude_modules: z.union([z.string(), names]).nullish(),
};
const size = z.int().positive();
const patterns = z
  .record(z.string(), z.number().positive())
  .nullish()
  .transform((value) => value ?? {});

const schema = z.discriminatedUnion("peft_type", [
  z.looseObject({
    peft_type: z.literal("LORA"),
    ...common,
    ...layers,
    r: size.default(8),
    lora_alpha: z.number().positive().default(8),
    lora_dropout: z.number().min(0).lt(1).default(0),
    use_rslora: z.boolean().default(false),
    rank_pattern: patterns,
    alpha_pattern: patterns,
    layers_to_transform: z.union([z.int(), z.array(z.int()).readonly()]).nullish(),
    layers_pattern: z.union([z.string(), names]).nullish(),
  }),
  z.looseObject({
    peft_type: z.literal("IA3"),
    ...common,
    ...layers,
    feedforward_modules: z.union([z.string(), names]).nullish(),
  }),
  z.looseObject({ peft_type: z.enum(["PROMPT_TUNING", "PREFIX_TUNING"]), ...common, num_virtual_tokens: size }),
]);

/** Settings of LoRA under which the stored tensors mean something else, and why they are refused. */
const refusals: readonly { key: string; refuses: (value: unknown) => boolean; reason: string }[] = [
  {
    key: "init_lora_weights",
    refuses: (value) => typeof value === "string" && /^(pissa|olora|corda|lora_ga|loftq)/i.test(value),
    reason:
      "such an adapter only fits the base weights that its start took a part out of; convert it in Python first, with save_pretrained's path_initial_model_for_weight_conversion",
  },
  { key: "use_dora", refuses: Boolean, reason: "DoRA scales the sum of weight and update, which is not read yet" },
  { key: "bias", refuses: (value) => value !== "none", reason: "trained biases in LoRA files are not read yet" },
  { key: "lora_bias", refuses: Boolean, reason: "a bias on B is not read yet" },
  { key: "use_qalora", refuses: Boolean, reason: "QALoRA pools its input" },
  { key: "use_bdlora", refuses: Boolean, reason: "its matrices are block diagonals" },
  { key: "layer_replication", refuses: isGiven, reason: "it changes the number of layers" },
  { key: "target_parameters", refuses: isGiven, reason: "updates of bare parameters are not read yet" },
  { key: "trainable_token_indices", refuses: isGiven, reason: "trained tokens are not read yet" },
  { key: "alora_invocation_tokens", refuses: isGiven, reason: "it acts on a part of the text only" },
  { key: "arrow_config", refuses: isGiven, reason: "it routes between adapters" },
  { key: "kasa_config", refuses: isGiven, reason: "it changes the base weights" },
  { key: "monteclora_config", refuses: isGiven, reason: "it samples its update" },
];

function isGiven(value: unknown): boolean {
  return value !== null && !(typeof value === "object" && Object.keys(value).length === 0);
}

/**
 * A PEFT config, checked. Keys that are not known are ignored, as PEFT asks of readers.
 *
 * @throws {FormatError} For another library's config, a method or a variant that is not read, and values out of range.
 */
export function parsePeftConfig(json: unknown, location: string): PeftConfig {
  const fail = (problem: string): FormatError =>
    new FormatError({ message: `loadAdapter: adapter_config.json in ${location} ${problem}`, location });
  const given = (typeof json === "object" && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  const type = given["peft_type"];
  if (type === undefined)
    throw fail("has no \"peft_type\", so it is not PEFT's; other libraries' adapters are not read yet");
  const known = ["LORA", "IA3", "PROMPT_TUNING", "PREFIX_TUNING"];
  if (!known.includes(type as string))
    throw fail(`has the peft_type ${JSON.stringify(type)}; ${known.join(", ")} are read`);

  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `"${issue.path.join(".")}": ${issue.message}`);
    throw fail(`holds values that cannot be meant: ${issues.join("; ")}`);
  }
  if (type === "LORA") {
    const refused = refusals.filter(({ key, refuses }) => given[key] !== undefined && refuses(given[key]));
    const list = refused.map(({ key, reason }) => `"${key}" ${JSON.stringify(given[key])} (${reason})`);
    if (list.length > 0) throw fail(`asks for ${list.join("; ")}`);
  }
  return parsed.data as PeftConfig;
}
