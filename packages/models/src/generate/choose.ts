import { CancelledError, ConfigError, checkOptions } from "@cambium/base";
import type { ChatOptions } from "../chat/chat.ts";
import type { RunnableModel } from "../runnable.ts";
import { needToken } from "../special-tokens.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { openDecoder } from "./open-decoder.ts";
import { behindPrefix, keptPrefix, type Prefix } from "./prefix.ts";
import { type Prompt, promptIds } from "./prompts.ts";
import { readFront } from "./run.ts";
import { bestOf, logSumExp } from "./scores.ts";

/** Settings of `choose`. */
export interface ChooseOptions {
  /** Whether a label is to be the whole of what follows: the end of the text behind it counts too. @default false */
  readonly ended?: boolean;
  /** How a conversation is written. @default with what begins an answer at its end */
  readonly chat?: ChatOptions;
  /** A begin of the prompt that `readPrefix` has read; the prompt is given whole. */
  readonly prefix?: Prefix;
  /** Which delta of a mixed model (`perRow`) judges, −1 for none. @default none */
  readonly delta?: number;
  readonly signal?: AbortSignal;
}

/** What a model thinks of a label. */
export interface Choice {
  readonly label: string;
  readonly ids: readonly number[];
  /** Of all its tokens behind the prompt, in nats. */
  readonly logProbability: number;
  /** The same over the number of tokens: long labels are not worse for being long. */
  readonly meanLogProbability: number;
  /** Share of its probability among all labels: a softmax of `logProbability`. */
  readonly share: number;
  /** A softmax of `meanLogProbability`. */
  readonly meanShare: number;
}

/**
 * How likely each of some labels is as what follows a prompt, in the order of the labels. The prompt is read once.
 *
 * @param prompt - As `generate` takes it.
 * @param labels - Texts, each with the blank in front that the prompt leaves to it.
 * @returns Log-probabilities of labels, whole and by token, and their shares among the labels.
 * @throws {ConfigError} For a model that cannot generate, an empty prompt, no labels, two of the same tokens or one without any, and
 *   an option that does not exist.
 * @throws {StateError} When scores are not finite.
 * @throws {CancelledError} When the signal is aborted.
 * @example
 * const choices = await choose(model, tokenizer, "The capital of Poland is", [" Kraków", " Warsaw"]);
 * const [best] = choices.toSorted((a, b) => b.share - a.share);
 */
export async function choose(
  model: RunnableModel,
  tokenizer: Tokenizer,
  prompt: Prompt,
  labels: readonly string[],
  options: ChooseOptions = {},
): Promise<Choice[]> {
  checkOptions("choose", options, ["ended", "chat", "prefix", "delta", "signal"]);
  const { ended = false, chat, prefix, delta, signal } = options;
  const decoder = openDecoder("choose", model);
  const { ids } = promptIds("choose", model, tokenizer, prompt, { vocab: decoder.vocab, chat });
  const read = labelIds(tokenizer, labels, ended, decoder.vocab);
  const rows = [prefix === undefined ? ids : behindPrefix("choose", prefix, ids, "the prompt")];
  const kept = prefix === undefined ? undefined : keptPrefix("choose", model, prefix);
  const deltas = delta === undefined ? undefined : [delta];
  const { sequences, scores: first } = await readFront(decoder, { rows, prefix: kept, deltas, signal });
  const sums = labels.map(() => 0);
  try {
    const { vocab } = decoder;
    let scores = first;
    let open = [...labels.keys()];
    for (let step = 0; ; step++) {
      if (signal?.aborted === true) throw new CancelledError({ message: "choose: aborted", cause: signal.reason });
      for (const [at, label] of open.entries()) {
        const own = step === 0 ? scores : scores.subarray(at * vocab, (at + 1) * vocab); // all stand behind one prompt at first
        const { score: best } = bestOf("choose", own, step);
        sums[label]! += own[read[label]![step]!]! - logSumExp(own, best);
      }
      const longer = open.flatMap((label, at) => (read[label]!.length > step + 1 ? [{ label, at }] : []));
      if (longer.length === 0) break;
      sequences.select(longer.map(({ at }) => (step === 0 ? 0 : at)));
      open = longer.map(({ label }) => label);
      scores = await sequences.read(open.map((label) => read[label]![step]!));
    }
  } finally {
    sequences.dispose();
  }
  const means = sums.map((sum, i) => sum / read[i]!.length);
  const [shares, meanShares] = [softmax(sums), softmax(means)];
  return labels.map((label, i) => ({
    label,
    ids: read[i]!,
    logProbability: sums[i]!,
    meanLogProbability: means[i]!,
    share: shares[i]!,
    meanShare: meanShares[i]!,
  }));
}

function softmax(values: readonly number[]): number[] {
  const best = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - best));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

function labelIds(tokenizer: Tokenizer, labels: readonly string[], ended: boolean, vocab: number): number[][] {
  if (!Array.isArray(labels) || labels.length === 0)
    throw new ConfigError({ message: "choose: at least one label is needed" });
  const end = ended ? [needToken(tokenizer, "eos", "choose: ended")] : [];
  const seen = new Map<string, string>();
  return labels.map((label, index) => {
    const ids = typeof label === "string" ? tokenizer.pieces(label) : [];
    if (ids.length === 0) {
      throw new ConfigError({
        message: `choose: label ${index} must be a text of at least one token, got ${JSON.stringify(label)}`,
        index,
      });
    }
    const strange = [...ids, ...end].find((id) => id >= vocab);
    if (strange !== undefined) {
      throw new ConfigError({
        message: `choose: label ${index} has the id ${strange}, and the model ids from 0 to ${vocab - 1}; is the tokenizer another model's?`,
        index,
      });
    }
    const other = seen.get(ids.join());
    if (other !== undefined) {
      throw new ConfigError({
        message: `choose: the labels ${JSON.stringify(other)} and ${JSON.stringify(label)} have the same tokens`,
        index,
      });
    }
    seen.set(ids.join(), label);
    return [...ids, ...end];
  });
}
