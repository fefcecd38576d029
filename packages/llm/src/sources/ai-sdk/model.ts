/** A language model of the AI SDK: `LanguageModelV3` of `ai` 6 or `LanguageModelV4` of `ai` 7. */
export interface AiSdkModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  /** One reply, whole. */
  // biome-ignore lint/suspicious/noExplicitAny: two versions of one interface, told apart at run time
  doGenerate(options: any): PromiseLike<any>;
  /** One reply, in pieces. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  doStream(options: any): PromiseLike<any>;
}

/** The versions of the interface that are spoken here. */
export type Version = "v3" | "v4";

/** Kinds of provider-specific parts that may stand in a prompt; the others are only ever told. */
export const SENT_BACK: ReadonlySet<string> = new Set(["tool-call", "tool-result", "custom"]);

/** Fields that V3 and V4 share, as far as they are read here. */
export interface SdkPart {
  readonly type: string;
  readonly id?: string;
  readonly text?: string;
  readonly delta?: string;
  readonly mediaType?: string;
  readonly data?: unknown;
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly input?: string;
  readonly providerExecuted?: boolean;
  readonly citations?: readonly unknown[];
  readonly providerMetadata?: unknown;
}
