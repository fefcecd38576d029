import { ConfigError, checkOptions } from "@cambium/base";
import type { ChatOptions } from "../chat/chat.ts";
import type { RunnableModel } from "../runnable.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Sequences } from "./decoder.ts";
import { openDecoder } from "./open-decoder.ts";
import { type Prompt, promptIds } from "./prompts.ts";

/** The begin of prompts, read once. */
export interface Prefix {
  readonly ids: readonly number[];
  /** Lets go of what was read. */
  dispose(): void;
}

/** Settings of `readPrefix`. */
export interface ReadPrefixOptions {
  /** How a conversation is written. @default with nothing that begins an answer */
  readonly chat?: ChatOptions;
  /** Which delta of a mixed model (`perRow`) reads it. @default none */
  readonly delta?: number;
  readonly signal?: AbortSignal;
}

/** What is kept. */
interface Kept {
  readonly model: RunnableModel;
  readonly sequences: Sequences;
  /** Of what follows the prefix, `[1, vocab]`. */
  readonly scores: Float32Array;
}

const kept = new WeakMap<Prefix, Kept>();

/**
 * Reads the begin that several prompts share, such as a system prompt with its examples, so that `generate` and `choose` need not
 * read it again: they are given it as `prefix`, beside whole prompts that begin with its ids, and give what they give without.
 *
 * @param prompt - A text, messages, or ids. Of messages, whole turns.
 * @returns Call its `dispose` when it is no longer needed.
 * @throws {ConfigError} For an empty prompt, a model of two stacks (it reads its source as a whole) or without a head that
 *   generates, and an option that does not exist.
 * @example
 * const system = [{ role: "system", content: rules }];
 * const prefix = await readPrefix(model, tokenizer, system);
 * for await (const { text } of generate(model, tokenizer, [...system, question], { prefix })) console.log(text);
 */
export async function readPrefix(
  model: RunnableModel,
  tokenizer: Tokenizer,
  prompt: Prompt,
  options: ReadPrefixOptions = {},
): Promise<Prefix> {
  checkOptions("readPrefix", options, ["chat", "delta", "signal"]);
  const { chat, delta, signal } = options;
  const decoder = openDecoder("readPrefix", model);
  if (model.head?.kind === "sequence-to-sequence") {
    throw new ConfigError({
      message: "readPrefix: a model of two stacks reads its source as a whole, so that no begin of it can be kept",
    });
  }
  const isChat = Array.isArray(prompt) && typeof prompt[0] === "object";
  const { ids } = promptIds("readPrefix", model, tokenizer, prompt, {
    vocab: decoder.vocab,
    ...(isChat && { chat: { addGenerationPrompt: false, ...chat } }),
    ...(!isChat && { chat }),
    place: "the prefix",
  });
  const begun = await decoder.begin([ids], { signal, ...(delta !== undefined && { deltas: [delta] }) });
  const prefix: Prefix = {
    ids,
    dispose() {
      kept.delete(prefix);
      begun.sequences.dispose();
    },
  };
  kept.set(prefix, { model, ...begun });
  return prefix;
}

/**
 * What a prefix keeps.
 *
 * @throws {ConfigError} When it was disposed of, or is another model's.
 */
export function keptPrefix(caller: string, model: RunnableModel, prefix: Prefix): Kept {
  const found = kept.get(prefix);
  if (found === undefined)
    throw new ConfigError({ message: `${caller}: the prefix was disposed of, or is not from readPrefix` });
  if (found.model === model) return found;
  throw new ConfigError({ message: `${caller}: the prefix was read by another model` });
}

/**
 * The ids behind a prefix.
 *
 * @throws {ConfigError} When the prompt does not begin with it.
 */
export function behindPrefix(caller: string, { ids: front }: Prefix, ids: readonly number[], place: string): number[] {
  const differs = front.findIndex((id, i) => id !== ids[i]);
  if (differs === -1) return ids.slice(front.length);
  throw new ConfigError({
    message: `${caller}: ${place} does not begin with the prefix: token ${differs} is ${ids[differs] ?? "absent"}, and ${front[differs]} there; prompts are given whole`,
  });
}
