/** What a caller asks for, checked and worked out before anything is read. */
import { ConfigError } from "@cambium/base";
import type { ChatOptions } from "../chat/chat.ts";
import { constraintOf, type Format } from "../format/format.ts";
import type { RunnableModel } from "../runnable.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Decoder } from "./decoder.ts";
import { generationDefaults } from "./generation-config.ts";
import { openDecoder } from "./open-decoder.ts";
import { behindPrefix, keptPrefix, type Prefix } from "./prefix.ts";
import { type Prompt, type PromptIds, promptIds } from "./prompts.ts";
import type { RowStart } from "./row.ts";
import type { Started } from "./run.ts";
import { DECODING_KEYS, type Decoding, type DecodingOptions, decodingOf } from "./settings.ts";

/** Settings that `generate` and `generateBatch` share. */
export interface SharedGenerateOptions extends DecodingOptions {
  /** How conversations are written. @default with what begins an answer at their end */
  readonly chat?: ChatOptions;
  /** A form that texts must have: tokens that no such text has next are ruled out. One that ends by "length" may lack its end. @default any */
  readonly format?: Format;
  /** A begin of the prompts that `readPrefix` has read; they are given whole. */
  readonly prefix?: Prefix;
  /** Aborting it ends what is not finished as "aborted", with what there is of it. */
  readonly signal?: AbortSignal;
}

export const SHARED_KEYS: readonly (keyof SharedGenerateOptions)[] = [
  ...DECODING_KEYS,
  "chat",
  "format",
  "prefix",
  "signal",
];

/** Texts that are to be generated. */
export interface Job {
  readonly decoder: Decoder;
  readonly decoding: Decoding;
  /** Ids of each prompt, behind the prefix. */
  readonly rows: readonly (readonly number[])[];
  readonly prefix: Started | undefined;
  /** What a text begins with, once it is known at which position. */
  start(index: number, length: number): RowStart;
}

/**
 * A job from prompts and options, whose names were checked.
 *
 * @throws {ConfigError} For all that is wrong with them.
 */
export function prepare(
  caller: string,
  model: RunnableModel,
  tokenizer: Tokenizer,
  prompts: readonly Prompt[],
  { chat, format, prefix, signal: _, fileDefaults = true, ...options }: SharedGenerateOptions,
): Job {
  checkStops(caller, format, options.stop);
  const decoder = openDecoder(caller, model);
  const defaults = generationDefaults(caller, model.config, tokenizer, fileDefaults);
  const decoding = decodingOf(caller, options, defaults);
  const placeOf = (index: number): string => (prompts.length === 1 ? "the prompt" : `prompt ${index}`);
  const size = decoder.vocab;
  const whole = prompts.map((prompt, index) =>
    promptIds(caller, model, tokenizer, prompt, { vocab: size, chat, place: placeOf(index) }),
  );
  const constraints = whole.map(({ continues }) =>
    format === undefined ? undefined : constraintOf(caller, format, { tokenizer, size, continues }),
  );
  const kept = prefix === undefined ? undefined : keptPrefix(caller, model, prefix);
  const most = model.architecture.maximumLength(model.config);
  return {
    decoder,
    decoding,
    rows: whole.map(({ ids }, index) =>
      prefix === undefined ? ids : behindPrefix(caller, prefix, ids, placeOf(index)),
    ),
    prefix: kept,
    start(index, length) {
      const prompt = whole[index]!;
      return {
        caller,
        tokenizer,
        decoding,
        ids: contextOf(model, prompt),
        usage: { prompt: prompt.ids.length, cached: prefix?.ids.length ?? 0 },
        random: decoding.random?.at(index),
        room: Math.max(1, Math.min(most - length + 1, decoding.maxLength - prompt.ids.length)),
        continues: prompt.continues,
        constraint: constraints[index],
      };
    },
  };
}

/** Throws for stop strings beside a form: what ends at one would not have it. */
export function checkStops(caller: string, format: unknown, stop: string | readonly string[] | undefined): void {
  if (format === undefined || stop === undefined || stop.length === 0) return;
  throw new ConfigError({
    message: `${caller}: stop does not go with format: a text that ends at a stop string would lack its end; leave one of them out`,
    param: "stop",
  });
}

/** What penalties see before what is generated: the prompt, or of a model of two stacks what its targets begin with. */
function contextOf(model: RunnableModel, { ids }: PromptIds): readonly number[] {
  if (model.head?.kind !== "sequence-to-sequence") return ids;
  return [(model.config as unknown as { readonly decoder_start_token_id: number }).decoder_start_token_id];
}
