import { ConfigError, checkOptions, StateError } from "@cambium/base";
import type { RunnableModel } from "../runnable.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { prepare, SHARED_KEYS, type SharedGenerateOptions } from "./job.ts";
import type { Prompt } from "./prompts.ts";
import { createRow, type Generated, type TextPiece } from "./row.ts";
import { continueRows, type Front, type RowEvent } from "./run.ts";
import { searchRows } from "./search.ts";

/** Settings of `generate`. */
export interface GenerateOptions extends SharedGenerateOptions {
  /** Which delta of a mixed model (`perRow`) writes it, −1 for none. @default none */
  readonly delta?: number;
}

/** Settings of `generateBatch`. */
export interface GenerateBatchOptions extends SharedGenerateOptions {
  /** Which delta of a mixed model (`perRow`) writes each text, −1 for none. @default none */
  readonly deltas?: readonly number[];
}

/** What happens while a text is generated. */
export type GenerateEvent =
  | ({ readonly type: "piece" } & TextPiece)
  /** The text has ended. `text` is empty: all of it came in pieces. */
  | { readonly type: "end"; readonly text: ""; readonly generated: Generated };

/** What happens while several texts are generated. `index` is the place of a text's prompt. */
export type GenerateBatchEvent =
  | RowEvent
  /** All have: in the order of the prompts. */
  | { readonly type: "end"; readonly generated: readonly Generated[] };

/**
 * Continues a text, answers a conversation, or writes what a model of two stacks makes of a source: piece by piece.
 *
 * Without further options it takes the likeliest token each time. A `temperature` draws. Scores pass through transformers' processors
 * in their order: penalties, what `format` rules out, temperature, `topK`, `topP`, `minP`. Pieces join to the whole text: there is
 * never half a character in one, nor a part of a stop string. Ids are those of transformers' `generate`.
 *
 * @param model - With a causal-lm or sequence-to-sequence head, with deltas or without.
 * @param prompt - A text, messages (written by the tokenizer's chat template), or ids.
 * @returns Events: pieces, then `end` with the whole, which is also what the generator returns. Leaving the loop stops it.
 * @throws {ConfigError} For a model that cannot generate, an empty prompt or one longer than the model has positions, values out of
 *   range or that do not go together, an option that does not exist, and a key of generation_config.json that is not supported.
 * @throws {StateError} When scores are not finite; names the step.
 * @example
 * for await (const piece of generate(model, tokenizer, "Once upon", { maxTokens: 64 })) process.stdout.write(piece.text);
 * const { generated } = await result(generate(model, tokenizer, [{ role: "user", content: "Hello" }]));
 */
export async function* generate(
  model: RunnableModel,
  tokenizer: Tokenizer,
  prompt: Prompt,
  options: GenerateOptions = {},
): AsyncGenerator<GenerateEvent, Generated, undefined> {
  checkOptions("generate", options, [...SHARED_KEYS, "delta"]);
  const { delta, ...rest } = options;
  const deltas = delta === undefined ? undefined : [delta];
  for await (const event of run("generate", model, tokenizer, [prompt], rest, deltas)) {
    if (event.type === "end") {
      const [generated] = event.generated as readonly [Generated];
      yield { type: "end", text: "", generated };
      return generated;
    }
    if (event.type === "row") continue;
    const { index: _, ...piece } = event;
    yield piece;
  }
  throw new StateError({ message: "internal: a run without an end" });
}

/**
 * As `generate`, for several prompts of mixed lengths at a time: one pass of the model for all, which texts leave as they end.
 *
 * Each text is what `generate` makes of its prompt alone, but for rounding; drawn ones come from `random.at(index)`.
 *
 * @returns Events: pieces, `row` with each text as it ends, and `end` with all of them in the order of the prompts.
 * @throws {ConfigError} As `generate`, naming the prompt; and for no prompts.
 * @throws {StateError} As `generate`.
 * @example
 * const { generated } = await result(generateBatch(model, tokenizer, ["A cat", "Two dogs that"], { maxTokens: 16 }));
 */
export async function* generateBatch(
  model: RunnableModel,
  tokenizer: Tokenizer,
  prompts: readonly Prompt[],
  options: GenerateBatchOptions = {},
): AsyncGenerator<GenerateBatchEvent, readonly Generated[], undefined> {
  checkOptions("generateBatch", options, [...SHARED_KEYS, "deltas"]);
  const { deltas, ...rest } = options;
  if (!Array.isArray(prompts) || prompts.length === 0 || typeof prompts[0] === "number") {
    throw new ConfigError({ message: "generateBatch: a list of at least one prompt is needed" });
  }
  if (deltas !== undefined && deltas.length !== prompts.length) {
    throw new ConfigError({
      message: `generateBatch: deltas must name one for each of ${prompts.length} prompts, got ${deltas.length}`,
    });
  }
  return yield* run("generateBatch", model, tokenizer, prompts, rest, deltas);
}

/** Both of them. */
async function* run(
  caller: string,
  model: RunnableModel,
  tokenizer: Tokenizer,
  prompts: readonly Prompt[],
  options: SharedGenerateOptions,
  deltas: readonly number[] | undefined,
): AsyncGenerator<GenerateBatchEvent, readonly Generated[], undefined> {
  const { decoder, decoding, rows, prefix, start } = prepare(caller, model, tokenizer, prompts, options);
  const front: Front = { rows, prefix, deltas, signal: options.signal };
  const ended: Generated[] = new Array(prompts.length);
  const events =
    decoding.beams > 1
      ? searchRows(decoder, front, start)
      : continueRows(decoder, front, (lengths) => lengths.map((length, index) => createRow(start(index, length))));
  for await (const event of events) {
    if (event.type === "row") ended[event.index] = event.generated;
    yield event;
  }
  yield { type: "end", generated: ended };
  return ended;
}
