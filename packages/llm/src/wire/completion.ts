/** OpenAI's older `/completions`: a text that is continued. */
import { ConfigError, type JsonObject } from "@cambium/base";
import * as z from "zod";
import { textOf } from "../messages/message.ts";
import type { Reply, TextRequest } from "../messages/request.ts";
import { WIRE } from "./names.ts";
import { REASONS, usageToWire, type WireEnvelope } from "./reply-to-wire.ts";

const schema = z.looseObject({
  model: z.string(),
  prompt: z.union([
    z.string(),
    z.array(z.string()).length(1, "one text is continued: ask once for each"),
    z.array(z.int().nonnegative()).min(1),
  ]),
  n: z.literal(1, "only one choice is given: leave it out, or ask several times").nullish(),
  best_of: z.literal(1, "only one choice is made").nullish(),
  echo: z.literal(false, "the prompt is not repeated").nullish(),
  suffix: z.literal("", "texts are continued at their end only").nullish(),
  logprobs: z.int().min(0).max(20).nullish(),
  max_tokens: z.int().positive().nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  top_k: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  seed: z.number().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
});

/** A `/completions` request, read. */
export interface WireTextRequest {
  readonly model: string;
  readonly request: TextRequest;
  readonly isStream: boolean;
  readonly includesUsage: boolean;
}

/** Tokens of a text when nothing is said, as the format has it. */
const MAX_TOKENS = 16;

/**
 * The body of a `/completions` request in this library's form.
 *
 * @throws {ConfigError} When it is none; names what is wrong.
 */
export function textRequestFromWire(body: unknown): WireTextRequest {
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new ConfigError({ message: problems.join("; ") });
  }
  const { model, prompt, n: _n, best_of: _b, echo: _e, suffix: _s, stream, stream_options, ...wire } = parsed.data;
  const { max_tokens, temperature, top_p, top_k, presence_penalty, frequency_penalty, stop, seed, ...rest } = wire;
  const { logprobs, ...others } = rest;
  const extra = { ...others, ...(typeof logprobs === "number" && { logprobs: true, top_logprobs: logprobs }) };
  const [first] = Array.isArray(prompt) ? prompt : [];
  const known = {
    temperature,
    topP: top_p,
    topK: top_k,
    presencePenalty: presence_penalty,
    frequencyPenalty: frequency_penalty,
    stop: typeof stop === "string" ? [stop] : stop,
    seed,
  };
  const request = {
    prompt: typeof first === "string" ? first : (prompt as string | readonly number[]),
    maxTokens: max_tokens ?? MAX_TOKENS,
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== null)),
    ...(Object.keys(extra).length > 0 && { provider: { [WIRE]: extra as JsonObject } }),
  } as TextRequest;
  return { model, request, isStream: stream === true, includesUsage: stream_options?.include_usage === true };
}

interface ChatLogProbabilities {
  readonly content: readonly {
    readonly token: string;
    readonly logprob: number;
    readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[];
  }[];
}

/** Log-probabilities as this format has them, of those that chats have. */
function olderLogProbabilities(provider: Reply["provider"]): JsonObject | null {
  const logprobs = provider?.[WIRE]?.["logprobs"] as unknown as ChatLogProbabilities | undefined;
  if (logprobs === undefined) return null;
  const { content } = logprobs;
  return {
    tokens: content.map(({ token }) => token),
    token_logprobs: content.map(({ logprob }) => logprob),
    top_logprobs: content.map(({ top_logprobs: top }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [token, logprob])),
    ),
  };
}

const choice = (text: string, reason: string | null, provider: Reply["provider"]): JsonObject[] => [
  { index: 0, text, logprobs: olderLogProbabilities(provider), finish_reason: reason },
];

/** The body of a `/completions` response. */
export function textReplyToWire({ content, finish, usage, provider }: Reply, envelope: WireEnvelope): JsonObject {
  return {
    ...envelope,
    object: "text_completion",
    choices: choice(textOf(content), REASONS[finish], provider),
    ...(usage === undefined ? {} : { usage: usageToWire(usage) }),
  };
}

/** The chunks of a streamed one. */
export function createTextChunks(envelope: WireEnvelope) {
  const chunk = (choices: JsonObject[]): JsonObject => ({ ...envelope, object: "text_completion", choices });
  return {
    piece: (text: string, provider: Reply["provider"]): JsonObject => chunk(choice(text, null, provider)),
    end({ finish, usage }: Reply, includesUsage: boolean): JsonObject[] {
      const last = chunk(choice("", REASONS[finish], undefined));
      return includesUsage && usage !== undefined ? [last, { ...chunk([]), usage: usageToWire(usage) }] : [last];
    },
  };
}
