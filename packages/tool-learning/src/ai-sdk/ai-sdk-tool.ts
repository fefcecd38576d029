/** Tools of the AI SDK, versions 6 and 7, as far as they are read and written here: no import of it is needed. */
import type { Json, JsonObject } from "@cambium/base";

/** Marks schemas of the AI SDK, in every copy of it. */
export const AI_SDK_SCHEMA: symbol = Symbol.for("vercel.ai.schema");

/** A schema of the AI SDK. */
export interface AiSdkSchema {
  readonly jsonSchema: JsonObject | PromiseLike<JsonObject>;
  readonly validate?: ((value: unknown) => AiSdkChecked | PromiseLike<AiSdkChecked>) | undefined;
}

/** What a schema says of a value. */
export type AiSdkChecked =
  | { readonly success: true; readonly value: unknown }
  | { readonly success: false; readonly error: Error };

/** What a result is to the model. */
export type AiSdkOutput =
  | { readonly type: "text" | "error-text"; readonly value: string }
  | { readonly type: "json" | "error-json"; readonly value: Json }
  | { readonly type: "execution-denied"; readonly reason?: string }
  | { readonly type: "content"; readonly value: readonly unknown[] };

/** What the AI SDK tells a tool besides its input. */
export interface AiSdkCallOptions {
  readonly toolCallId: string;
  readonly messages?: readonly unknown[];
  readonly abortSignal?: AbortSignal | undefined;
}

/** A tool of the AI SDK. */
export interface AiSdkTool {
  readonly description?: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: schemas of several libraries and versions, told apart at run time
  readonly inputSchema?: any;
  readonly type?: string | undefined;
  /** Runs a call. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly execute?: ((input: any, options: any) => any) | undefined;
  /** What a model reads of a result. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly toModelOutput?: ((options: any) => any) | undefined;
}
