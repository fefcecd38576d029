/** OpenAI's older `/completions`: a text that is continued. */
import type { JsonObject } from "@cambium/base";
import * as z from "zod";
import { textOf } from "../messages/message.ts";
import type { Reply, TextRequest } from "../messages/request.ts";
import { WIRE } from "./names.ts";
import { parseBody } from "./problems.ts";
import { REASONS, usageToWire, type WireEnvelope } from "./reply-to-wire.ts";
import { samplingFields, samplingOf } from "./sampling-fields.ts";

const one = "one text is continued: ask once for each";

const schema = z.looseObject({
  ...samplingFields,
  prompt: z.union(
    [
      z.string().min(1),
      z.array(z.string().min(1)).length(1),
      z.array(z.int().nonnegative()).min(1),
      z.array(z.array(z.int().nonnegative()).min(1)).length(1),
    ],
    `must be a text, or a list of ids of tokens; ${one}`,
  ),
  best_of: z.literal(1, "only one choice is made").nullish(),
  echo: z.literal(false, "the prompt is not repeated").nullish(),
  suffix: z.literal("", "texts are continued at their end only").nullish(),
  logprobs: z.int().min(0).max(20).nullish(),
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
  const wire = parseBody(schema, body);
  const { model, prompt, stream, stream_options, logprobs, min_p, repetition_penalty } = wire;
  const others = Object.entries(wire).filter(([key, value]) => !Object.hasOwn(schema.shape, key) && value !== null);
  const extra = {
    ...Object.fromEntries(others),
    ...(typeof min_p === "number" && { min_p }),
    ...(typeof repetition_penalty === "number" && { repetition_penalty }),
    ...(typeof logprobs === "number" && { logprobs: true, top_logprobs: logprobs }),
  };
  const [first] = Array.isArray(prompt) ? prompt : [];
  const request = {
    ...samplingOf({ ...wire, max_tokens: wire.max_tokens ?? MAX_TOKENS }),
    prompt: typeof first === "string" || Array.isArray(first) ? first : (prompt as string | readonly number[]),
    ...(Object.keys(extra).length > 0 && { provider: { [WIRE]: extra as JsonObject } }),
  } as TextRequest;
  return { model, request, isStream: stream === true, includesUsage: stream_options?.include_usage === true };
}

interface ChatLogProbabilities {
  readonly content: readonly {
    readonly token: string;
    readonly logprob: number;
    readonly bytes: readonly number[] | null;
    readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[];
  }[];
}

/**
 * Log-probabilities as this format has them, of those that chats have. Offsets count characters of the text from its start; tokens that
 * are parts of a character have the place where it will stand.
 */
function olderLogProbabilities(): (provider: Reply["provider"]) => JsonObject | null {
  const decoder = new TextDecoder();
  let offset = 0;
  return (provider) => {
    const logprobs = provider?.[WIRE]?.["logprobs"] as unknown as ChatLogProbabilities | undefined;
    if (logprobs === undefined) return null;
    const { content } = logprobs;
    return {
      tokens: content.map(({ token }) => token),
      token_logprobs: content.map(({ logprob }) => logprob),
      top_logprobs: content.map(({ top_logprobs: top }) =>
        Object.fromEntries(top.map(({ token, logprob }) => [token, logprob])),
      ),
      text_offset: content.map(({ token, bytes }) => {
        const before = offset;
        offset += bytes === null ? token.length : decoder.decode(Uint8Array.from(bytes), { stream: true }).length;
        return before;
      }),
    };
  };
}

const choice = (text: string, reason: string | null, logprobs: JsonObject | null): JsonObject[] => [
  { index: 0, text, logprobs, finish_reason: reason },
];

/** The body of a `/completions` response. */
export function textReplyToWire({ content, finish, usage, provider }: Reply, envelope: WireEnvelope): JsonObject {
  return {
    ...envelope,
    object: "text_completion",
    choices: choice(textOf(content), REASONS[finish], olderLogProbabilities()(provider)),
    ...(usage === undefined ? {} : { usage: usageToWire(usage) }),
  };
}

/** The chunks of a streamed one. */
export function createTextChunks(envelope: WireEnvelope) {
  const chunk = (choices: JsonObject[]): JsonObject => ({ ...envelope, object: "text_completion", choices });
  const logprobsOf = olderLogProbabilities();
  return {
    piece: (text: string, provider: Reply["provider"]): JsonObject => chunk(choice(text, null, logprobsOf(provider))),
    end({ finish, usage }: Reply, includesUsage: boolean): JsonObject[] {
      const last = chunk(choice("", REASONS[finish], null));
      return includesUsage && usage !== undefined ? [last, { ...chunk([]), usage: usageToWire(usage) }] : [last];
    },
  };
}
