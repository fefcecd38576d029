import { setMaxListeners } from "node:events";
import { CambiumError, parseConfig } from "@cambium/base";
import * as z from "zod";
import type { CallOptions, CallResult, ChatModel, StreamEvent } from "../chat-model.ts";
import type { CallError } from "../errors.ts";
import type { ModelRequest } from "../messages/request.ts";
import type { Source } from "../sources/source.ts";
import type { Price } from "./budget.ts";
import type { Call } from "./caller.ts";
import { EventQueue } from "./event-queue.ts";
import type { Gate } from "./gate.ts";

/** Most tokens of a reply when the caller does not say. */
const MAX_TOKENS = 4096;

const fraction = z.number().min(0).max(1);
const part = z.looseObject({ type: z.enum(["text", "reasoning", "file", "tool-call", "tool-result", "other"]) });
const schema = z.strictObject({
  messages: z
    .array(
      z.looseObject({
        role: z.enum(["system", "user", "assistant", "tool"]),
        content: z.union([z.string(), z.array(part)]),
      }),
    )
    .min(1),
  tools: z.array(z.looseObject({ name: z.string().min(1), parameters: z.looseObject({}) })).optional(),
  toolChoice: z
    .union([z.literal("auto"), z.literal("none"), z.literal("required"), z.strictObject({ tool: z.string() })])
    .optional(),
  format: z.strictObject({ schema: z.looseObject({}).optional(), name: z.string().optional() }).optional(),
  maxTokens: z.int().positive().optional(),
  temperature: z.number().nonnegative().optional(),
  topP: fraction.optional(),
  topK: z.int().positive().optional(),
  presencePenalty: z.number().optional(),
  frequencyPenalty: z.number().optional(),
  stop: z.array(z.string()).optional(),
  seed: z.int().optional(),
  provider: z.record(z.string(), z.looseObject({})).optional(),
  sample: z.int().nonnegative().optional(),
  stage: z.string().optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

/** What a chat model is made of. */
export interface ChatContext {
  readonly source: Source;
  readonly price: Price | undefined;
  readonly gate: Gate;
  run(call: Call): Promise<CallResult>;
}

/** Fills in what is not said, and leaves out what says nothing: no tools and an empty list are one request. */
function toRequest({
  signal: _,
  tools = [],
  stop = [],
  maxTokens = MAX_TOKENS,
  ...rest
}: CallOptions): Call["request"] {
  const request: ModelRequest = rest;
  return {
    ...request,
    maxTokens,
    ...(tools.length > 0 ? { tools } : {}),
    ...(stop.length > 0 ? { stop } : {}),
  };
}

/** A source as a chat model. */
export function createChat({ source, price, gate, run }: ChatContext): ChatModel {
  function callOf(options: CallOptions): Call {
    parseConfig("call", schema, options);
    const signal = options.signal ?? new AbortController().signal;
    setMaxListeners(0, signal); // any number of calls may share a signal
    return { source, price, gate, request: toRequest(options), signal };
  }

  const call = async (options: CallOptions): Promise<CallResult> => run(callOf(options));

  return {
    provider: source.provider,
    model: source.model,
    call,

    async outcome(options) {
      try {
        return { ok: true, result: await call(options) };
      } catch (error) {
        if (!(error instanceof CambiumError)) throw error;
        return { ok: false, error: error as CallError };
      }
    },

    async *stream(options) {
      const stop = new AbortController();
      const relay = (): void => stop.abort(options.signal?.reason);
      if (options.signal?.aborted === true) relay();
      options.signal?.addEventListener("abort", relay, { once: true });
      const events = new EventQueue<StreamEvent>();
      const work = run({
        ...callOf(options),
        signal: stop.signal,
        onPiece: (piece) => events.push(piece),
        onRetry: (error, waitMs) => events.push({ type: "retry", error, waitMs }),
      }).then(
        (result) => events.end({ type: "end", result }),
        (error) => events.fail(error),
      );
      try {
        yield* events;
      } finally {
        options.signal?.removeEventListener("abort", relay);
        stop.abort();
        await work;
      }
    },
  };
}
