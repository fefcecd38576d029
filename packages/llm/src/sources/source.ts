import type { Json } from "@cambium/base";
import type { Clock } from "../calls/clock.ts";
import type { Piece } from "../chat-model.ts";
import type { ModelRequest, Reply, TextRequest } from "../messages/request.ts";

/** What a source gets besides the request. */
export interface SourceContext {
  /** Aborted when the caller loses interest or the time is up: stop then. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** A fresh id, for tool calls that come without one. */
  createId(): string;
  /** Given when the caller wants the reply as it comes; the reply is returned whole all the same. */
  readonly onPiece?: (piece: Piece) => void;
}

/**
 * Where replies come from: `openai(…)`, an AI SDK model, `scripted(…)`, `recorded(…)`; write one for anything else, such
 * as a decoder that runs in this process. A source asks once and knows nothing of stores, budgets and retries.
 */
export interface Source {
  /** Who serves it; sources of one provider share a queue. */
  readonly provider: string;
  /** The provider's name of the model; the key of its price. */
  readonly model: string;
  /** What else tells its replies from others', such as the address. Part of the key of every call. No secrets. */
  readonly identity?: Json;
  /** The same where it takes time to work out, such as hashes of weights; asked before each call, in place of `identity`. */
  identify?(): Promise<Json>;
  /** Whether replies cost no money: scripts, recordings, your own models. @default false */
  readonly free?: boolean;
  /**
   * Upper bound on the tokens of the request.
   *
   * @default One for each UTF-8 byte of its JSON, 8192 for an image.
   */
  countTokens?(request: ModelRequest): number;
  /**
   * One reply to one request.
   *
   * @throws {CambiumError} The classes of `CallError` that tell what went wrong. `details.charged: false` says that the
   * provider refused before it worked, so that nothing is paid for; anything else counts as paid.
   */
  generate(request: ModelRequest, context: SourceContext): Promise<Reply>;
  /** One continuation of a text, where it continues texts too: for servers. */
  complete?(request: TextRequest, context: SourceContext): Promise<Reply>;
}
