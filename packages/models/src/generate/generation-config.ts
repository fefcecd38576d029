/** What a model's folder says of how its texts are generated: `generation_config.json`, which the tokenizer brings along. */
import { ConfigError, FormatError } from "@cambium/base";
import type { ModelConfig } from "../architecture.ts";
import type { Tokenizer } from "../tokenizer.ts";

/** What of the file is taken where a call says nothing. */
export interface GenerationDefaults {
  readonly maxTokens?: number;
  /** Rows of a whole sequence, prompt included. */
  readonly maxLength?: number;
  readonly repetitionPenalty?: number;
  readonly noRepeatNgram?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly lengthPenalty?: number;
  readonly earlyStopping?: boolean | "never";
  /** Ids that end a text. */
  readonly stopIds: readonly number[];
}

const numbers = {
  max_new_tokens: "maxTokens",
  max_length: "maxLength",
  repetition_penalty: "repetitionPenalty",
  no_repeat_ngram_size: "noRepeatNgram",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  length_penalty: "lengthPenalty",
} as const;

/** Keys that change what is generated and that nothing here follows, with the values at which they do nothing. */
const unread: Readonly<Record<string, readonly unknown[]>> = {
  bad_words_ids: [],
  begin_suppress_tokens: [],
  constraints: [],
  diversity_penalty: [0],
  encoder_no_repeat_ngram_size: [0],
  encoder_repetition_penalty: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  exponential_decay_length_penalty: [],
  force_words_ids: [],
  forced_bos_token_id: [],
  forced_decoder_ids: [],
  forced_eos_token_id: [],
  guidance_scale: [1],
  max_time: [],
  min_length: [0],
  min_new_tokens: [0],
  num_beam_groups: [1],
  penalty_alpha: [0],
  remove_invalid_values: [false],
  renormalize_logits: [false],
  sequence_bias: [],
  stop_strings: [],
  suppress_tokens: [],
  token_healing: [false],
  top_h: [],
  typical_p: [1],
  watermarking_config: [],
};

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (Array.isArray(value) && value.length === 0);

/** Ids that a config names as the end of a text: a number, or a list. */
function endsOf(where: string, { eos_token_id: ends }: { readonly eos_token_id?: unknown }): readonly number[] {
  if (isEmpty(ends)) return [];
  const ids = [ends].flat();
  if (ids.every((id) => Number.isSafeInteger(id) && (id as number) >= 0)) return ids as number[];
  throw new FormatError({
    message: `${where}: eos_token_id must be an id or a list of ids, got ${JSON.stringify(ends)}`,
  });
}

const readOnce = new WeakMap<Tokenizer, Readonly<Record<string, unknown>>>();

function fileOf(tokenizer: Tokenizer): Readonly<Record<string, unknown>> {
  const known = readOnce.get(tokenizer);
  if (known !== undefined) return known;
  const bytes = tokenizer.files.get("generation_config.json");
  let parsed: unknown = {};
  try {
    if (bytes !== undefined) parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new FormatError({ message: "generation_config.json is no JSON", cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new FormatError({ message: "generation_config.json must hold an object" });
  }
  const file = parsed as Readonly<Record<string, unknown>>;
  readOnce.set(tokenizer, file);
  return file;
}

/**
 * The defaults of a model and its tokenizer. A text ends at the ends that any of `generation_config.json`, the model's config and the
 * tokenizer name. How it is searched for (greedily, by sampling at which temperature, with how many beams) is the caller's choice
 * alone; `do_sample`, `temperature` and `num_beams` of the file are suggestions to him.
 *
 * @param isRead - Whether the file counts, but for its ends.
 * @throws {ConfigError} When the file has a key that changes what is generated and that is not followed here; it is named.
 * @throws {FormatError} When the file is no JSON, or a value is none.
 */
export function generationDefaults(
  caller: string,
  config: ModelConfig,
  tokenizer: Tokenizer,
  isRead: boolean,
): GenerationDefaults {
  const file = fileOf(tokenizer);
  const { eos } = tokenizer.special;
  const stopIds = [
    ...new Set([
      ...endsOf("generation_config.json", file),
      ...endsOf("config.json", config as { readonly eos_token_id?: unknown }),
      ...(eos === undefined ? [] : [eos]),
    ]),
  ];
  if (!isRead) return { stopIds };
  for (const [key, idle] of Object.entries(unread)) {
    const value = file[key];
    if (isEmpty(value) || idle.includes(value)) continue;
    throw new ConfigError({
      message: `${caller}: generation_config.json asks for ${key} ${JSON.stringify(value)}, which is not supported; pass fileDefaults: false to do without what the file says`,
      key,
    });
  }
  const found: Record<string, unknown> = {};
  for (const [key, name] of Object.entries(numbers)) {
    const value = file[key];
    if (isEmpty(value)) continue;
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new FormatError({
        message: `generation_config.json: ${key} must be a number, got ${JSON.stringify(value)}`,
        key,
      });
    }
    found[name] = value;
  }
  if (found["topK"] === 0) delete found["topK"]; // there it means none
  const early = file["early_stopping"];
  if (!isEmpty(early)) found["earlyStopping"] = early;
  return { ...(found as Omit<GenerationDefaults, "stopIds">), stopIds };
}
