import { parseConfig } from "@cambium/base";
import * as z from "zod";
import { checkUnread, type KeyAliases, readAliases } from "./config-keys.ts";

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
  /**
   * Other words for some of `keys`, as transformers reads them: `{ hidden_size: "n_embd" }`. The config has the key itself.
   *
   * @default none
   */
  readonly aliases?: KeyAliases;
}

/**
 * A config checked against an architecture's keys, defaults filled in. What a user typed may have no further keys. A file may:
 * those that transformers does not know are kept, and so are those that change nothing; one that says how to compute, and
 * that the architecture does not read, is an error.
 *
 * @throws {ConfigError} For values out of range, absent sizes, variants that are not supported, keys that disagree, keys of
 *   other architectures that change what is computed, and keys that a user typed and that do not exist; the nearest is named.
 */
export function parseModelConfig<Shape extends z.ZodRawShape>(
  caller: string,
  value: unknown,
  from: "user" | "file",
  { keys, otherKeys = [], aliases = {} }: ConfigKeys<Shape>,
): z.output<z.ZodObject<Shape, z.core.$strict>> {
  // Python's None, and TypeScript's undefined, mean that the default holds, unless the key has a meaning for None.
  const isSilent = (key: string, item: unknown): boolean =>
    item === undefined || (item === null && key in keys && !z.safeParse(keys[key]!, null).success);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return parseConfig(caller, z.strictObject(keys), value); // which says what it is instead
  }
  const said = Object.fromEntries(Object.entries(value).filter(([key, item]) => !isSilent(key, item)));
  const given = readAliases(caller, said, aliases);
  const inert = [...inertKeys, ...otherKeys].filter((key) => !(key in keys));
  const schema =
    from === "file"
      ? z.looseObject(keys)
      : z.strictObject({ ...keys, ...Object.fromEntries(inert.map((key) => [key, z.unknown().exactOptional()])) });
  const parsed = parseConfig(caller, schema as unknown as z.ZodObject<Shape, z.core.$strict>, given);
  checkUnread(caller, given, parsed, Object.keys(keys), otherKeys);
  return parsed;
}
