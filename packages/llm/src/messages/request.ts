import type { Json, JsonObject } from "@cambium/base";
import type { AssistantPart, Message, ProviderData } from "./message.ts";

/** A tool as a model sees it. */
export interface ToolDeclaration {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments, an object. */
  readonly parameters: JsonObject;
  /** Whether the provider shall enforce the schema, where it can. */
  readonly strict?: boolean;
}

/** Whether and which tools the model may, must or must not call. */
export type ToolChoice = "auto" | "none" | "required" | { readonly tool: string };

/** How a reply is drawn. Absent settings are left to the provider. */
export interface Sampling {
  /** Most tokens of the reply, reasoning included. The upper bound that a budget reserves. @default 4096 */
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** Texts before which the reply ends. */
  readonly stop?: readonly string[];
  readonly seed?: number;
}

/** Asks for a JSON text instead of a free one. */
export interface ReplyFormat {
  /** JSON Schema of the reply; any JSON without it. */
  readonly schema?: JsonObject;
  readonly name?: string;
}

/** What is asked of a model: everything that decides the reply, and therefore everything that is in the key. */
export interface ModelRequest extends Sampling {
  readonly messages: readonly Message[];
  readonly tools?: readonly ToolDeclaration[];
  /** @default "auto" */
  readonly toolChoice?: ToolChoice;
  /** @default free text */
  readonly format?: ReplyFormat;
  /** Settings that only one provider knows, by provider name; sent as they are. */
  readonly provider?: ProviderData;
  /**
   * Numbers intended repeats of one request, so that each gets its own reply; the same number gets the stored one.
   *
   * @default 0
   */
  readonly sample?: number;
  /** The part of a program that asks, such as `creation`. For scripts and events: neither sent nor part of the key. */
  readonly stage?: string;
}

/** A text that is to be continued, where no conversation is meant. */
export interface TextRequest extends Sampling {
  /** The text, or ids of its tokens. */
  readonly prompt: string | readonly number[];
  /** Settings that only one provider knows, by provider name. */
  readonly provider?: ProviderData;
}

/** Why a reply ended. */
export type Finish = "stop" | "length" | "tool-calls" | "content-filter" | "other";

/** Tokens that a reply took. */
export interface Usage {
  readonly inputTokens: number;
  /** Reasoning included. */
  readonly outputTokens: number;
  /** Of the output. */
  readonly reasoningTokens?: number;
  /** Of the input: read from the provider's prompt cache. */
  readonly cacheReadTokens?: number;
  /** Of the input: written to the provider's prompt cache. */
  readonly cacheWriteTokens?: number;
}

/** What a model answered: the part of a call that is stored. */
export interface Reply {
  readonly content: readonly AssistantPart[];
  readonly finish: Finish;
  /** Absent when the provider does not tell; the budget then counts the upper bound. */
  readonly usage?: Usage;
  /** The model that answered, if the provider names it. */
  readonly model?: string;
  /** The provider's id of the reply. */
  readonly id?: string;
  /** Data about the whole reply, by provider name. */
  readonly provider?: ProviderData;
  /** What the provider warned of, such as a setting it ignores. */
  readonly warnings?: readonly Json[];
}
