import type { Json } from "@cambium/base";
import type { AssistantPart } from "../messages/message.ts";
import type { Finish, ModelRequest, Usage } from "../messages/request.ts";
import type { SourceContext } from "./source.ts";

/** A reply written by hand. */
export interface WrittenReply {
  readonly text?: string;
  readonly reasoning?: string;
  /** A text in `arguments` is taken as it is, however malformed; any other value is written as JSON. */
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: Json; readonly id?: string }[];
  /** Parts after those above. */
  readonly parts?: readonly AssistantPart[];
  /** @default "tool-calls" when there are some, else "stop" */
  readonly finish?: Finish;
  /** @default One token for every four characters, rounded up. */
  readonly usage?: Usage;
  /** Lengths in characters of the pieces in which a stream shows the text. @default whole words */
  readonly pieces?: readonly number[];
  /** Time until the reply. Milliseconds. @default 0 */
  readonly delayMs?: number;
  /** Fails instead. */
  readonly error?: WrittenError;
}

/** A provider's failure, written by hand. */
export interface WrittenError {
  /** The HTTP status that a provider would have answered with. */
  readonly status: number;
  readonly message?: string;
  /** The wait that a 429 or 503 asks for. Milliseconds. */
  readonly retryAfterMs?: number;
}

/** A program that answers in a model's place: a text, or a reply written by hand. */
export type Policy = (
  request: ModelRequest,
  context: SourceContext,
) => string | WrittenReply | Promise<string | WrittenReply>;
