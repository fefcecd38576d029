import type { CallError } from "./errors.ts";
import type { AssistantMessage, FilePart, ProviderData, ToolCallPart } from "./messages/message.ts";
import type { ModelRequest, Reply, Usage } from "./messages/request.ts";

/** A request, and how to stop waiting for it. */
export interface CallOptions extends ModelRequest {
  /** Aborting it ends the call with a `CancelledError`. */
  readonly signal?: AbortSignal;
}

/** The reply to a call. */
export interface CallResult {
  /** The text parts, joined. */
  readonly text: string;
  /** The reasoning parts, joined. */
  readonly reasoning: string;
  /** Tool calls in order; their results go into a `tool` message after `message`. */
  readonly toolCalls: readonly ToolCallPart[];
  readonly files: readonly FilePart[];
  /** The whole reply, ready to be put into the next call's `messages`. */
  readonly message: AssistantMessage;
  readonly finish: Reply["finish"];
  /** Tokens the reply took when it was made; upper bounds where the provider did not tell. */
  readonly usage: Usage;
  /** Whether `usage` came from the provider. */
  readonly usageKnown: boolean;
  /** US dollars paid for it now: 0 when it was stored; `undefined` when the model has no price. */
  readonly usd: number | undefined;
  /** Whether the reply was in the store. */
  readonly cached: boolean;
  /** SHA-256 of the request, under which the reply is stored. Hexadecimal. */
  readonly key: string;
  /** Requests that were sent, retries included; 0 when the reply was stored. */
  readonly attempts: number;
  /** Time the reply took when it was made. Milliseconds. */
  readonly durationMs: number;
  /** The reply as it is stored. */
  readonly reply: Reply;
}

/** The end of a call: a result, or one of the errors that `CallError` lists. */
export type CallOutcome =
  | { readonly ok: true; readonly result: CallResult }
  | { readonly ok: false; readonly error: CallError };

/** A piece of a reply on its way. */
export type Piece =
  /** `provider` is what it says of this piece alone, such as log-probabilities; the text may be empty then. */
  | { readonly type: "text"; readonly text: string; readonly provider?: ProviderData }
  | { readonly type: "reasoning"; readonly text: string }
  /** A tool call, whole. */
  | { readonly type: "tool-call"; readonly call: ToolCallPart };

/** What happens during a streamed call. */
export type StreamEvent =
  | Piece
  /** The attempt failed and another follows: what was shown of this reply is void. */
  | { readonly type: "retry"; readonly error: CallError; readonly waitMs: number }
  | { readonly type: "end"; readonly result: CallResult };

/** A model to talk to. Everything that needs a model takes this interface. */
export interface ChatModel {
  /** Who serves it. */
  readonly provider: string;
  /** The provider's name of the model. */
  readonly model: string;
  /**
   * Asks and waits for the whole reply.
   *
   * @throws {CallError} One of its classes, told apart by `code`.
   */
  call(options: CallOptions): Promise<CallResult>;
  /** Like `call`, but a failure is a value. Only errors that are no `CallError` (bugs) are thrown. */
  outcome(options: CallOptions): Promise<CallOutcome>;
  /**
   * Asks and yields the reply piece by piece, at last `{ type: "end", result }`. A stored reply comes in whole parts.
   * Leaving the loop early cancels the call.
   *
   * @throws {CallError} As `call` does.
   */
  stream(options: CallOptions): AsyncGenerator<StreamEvent, void, undefined>;
}
