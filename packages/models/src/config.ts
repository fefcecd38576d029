import { parseConfig } from "@cambium/base";
import * as z from "zod";

/** Keys of transformers' configs that change no forward pass: they are kept and written back. */
const inertKeys = [
  "_attn_implementation",
  "_name_or_path",
  "architectures",
  "bos_token_id",
  "chunk_size_feed_forward",
  "cross_attention_hidden_size",
  "decoder_start_token_id",
  "dtype",
  "eos_token_id",
  "finetuning_task",
  "gradient_checkpointing",
  "id2label",
  "is_encoder_decoder",
  "label2id",
  "output_attentions",
  "output_hidden_states",
  "output_past",
  "pad_token_id",
  "problem_type",
  "pruned_heads",
  "return_dict",
  "sep_token_id",
  "task_specific_params",
  "tokenizer_class",
  "torch_dtype",
  "torchscript",
  "transformers_version",
  "use_cache",
];

/** The keys of an architecture's configs. */
export interface ConfigKeys<Shape extends z.ZodRawShape> {
  /** Those that are read, with their defaults; for variants that would compute something else, `z.literal` of the one that is meant. */
  readonly keys: Shape;
  /** More that stand in such files and change nothing. @default none */
  readonly otherKeys?: readonly string[];
}

/**
 * A config checked against an architecture's keys, defaults filled in. A file may hold any further keys, which are kept; what
 * a user typed may not.
 *
 * @throws {ConfigError} For values out of range, absent sizes, variants that are not supported, and keys that a user typed and
 *   that do not exist; the nearest is named.
 */
export function parseModelConfig<Shape extends z.ZodRawShape>(
  caller: string,
  value: unknown,
  from: "user" | "file",
  { keys, otherKeys = [] }: ConfigKeys<Shape>,
): z.output<z.ZodObject<Shape, z.core.$strict>> {
  // Python's None, and TypeScript's undefined, mean that the default holds, unless the key has a meaning for None.
  const isSilent = (key: string, item: unknown): boolean =>
    item === undefined || (item === null && key in keys && !z.safeParse(keys[key]!, null).success);
  const given =
    typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).filter(([key, item]) => !isSilent(key, item)))
      : value;
  const inert = [...inertKeys, ...otherKeys].filter((key) => !(key in keys));
  const schema =
    from === "file"
      ? z.looseObject(keys)
      : z.strictObject({ ...keys, ...Object.fromEntries(inert.map((key) => [key, z.unknown().exactOptional()])) });
  return parseConfig(caller, schema as unknown as z.ZodObject<Shape, z.core.$strict>, given);
}
