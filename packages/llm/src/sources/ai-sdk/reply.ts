import type { Json, JsonObject } from "@cambium/base";
import type { AssistantPart, FilePart, ProviderData } from "../../messages/message.ts";
import type { Finish, Reply, Usage } from "../../messages/request.ts";
import type { SdkPart } from "./model.ts";

/** What is left of a value in JSON. */
const toJson = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

const provider = (metadata: unknown): { provider?: ProviderData } =>
  metadata === undefined ? {} : { provider: toJson(metadata) as ProviderData };

/** V3 gives base64 or bytes; V4 gives those or a URL, with a tag. */
function dataOf(data: unknown): FilePart["data"] {
  if (typeof data === "string") return new Uint8Array(Buffer.from(data, "base64"));
  if (data instanceof Uint8Array) return data;
  const tagged = data as { readonly type: string; readonly data?: unknown; readonly url?: URL | string };
  return tagged.type === "url" ? new URL(tagged.url!) : dataOf(tagged.data);
}

/** The parts that one part of the SDK's content means. */
export function partFromSdk(part: SdkPart): AssistantPart[] {
  const extra = provider(part.providerMetadata);
  switch (part.type) {
    case "text": {
      const text: AssistantPart = { type: "text", text: part.text!, ...extra };
      if (part.citations === undefined || part.citations.length === 0) return [text];
      return [text, { type: "other", kind: "citations", value: toJson({ citations: part.citations }) }];
    }
    case "reasoning":
      return [{ type: "reasoning", text: part.text!, ...extra }];
    case "file":
      return [{ type: "file", mediaType: part.mediaType!, data: dataOf(part.data), ...extra }];
    case "reasoning-file":
      return [{ type: "file", mediaType: part.mediaType!, data: dataOf(part.data), reasoning: true, ...extra }];
    case "tool-call":
      if (part.providerExecuted === true) break; // the provider answers it, not the caller
      return [{ type: "tool-call", id: part.toolCallId!, name: part.toolName!, arguments: part.input ?? "", ...extra }];
  }
  return [{ type: "other", kind: part.type, value: toJson(part) }];
}

/** Fields of the end of a reply. */
export interface SdkEnd {
  readonly finishReason?: { readonly unified: string };
  readonly usage?: {
    readonly inputTokens: { readonly total?: number; readonly cacheRead?: number; readonly cacheWrite?: number };
    readonly outputTokens: { readonly total?: number; readonly reasoning?: number };
  };
  readonly providerMetadata?: unknown;
  readonly response?: { readonly id?: string; readonly modelId?: string };
  readonly warnings?: readonly unknown[];
}

function usageOf(usage: SdkEnd["usage"]): Usage | undefined {
  const { inputTokens, outputTokens } = usage ?? {};
  if (inputTokens?.total === undefined || outputTokens?.total === undefined) return undefined;
  const { reasoning } = outputTokens;
  const { cacheRead, cacheWrite } = inputTokens;
  return {
    inputTokens: inputTokens.total,
    outputTokens: outputTokens.total,
    ...(reasoning === undefined ? {} : { reasoningTokens: reasoning }),
    ...(cacheRead === undefined ? {} : { cacheReadTokens: cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWriteTokens: cacheWrite }),
  };
}

const FINISHES: ReadonlySet<string> = new Set<Finish>(["stop", "length", "tool-calls", "content-filter"]);

/** The reply of these parts, ended so. */
export function replyFromSdk(content: readonly AssistantPart[], end: SdkEnd): Reply {
  const reason = end.finishReason?.unified ?? "other";
  const usage = usageOf(end.usage);
  const { id, modelId } = end.response ?? {};
  return {
    content,
    finish: FINISHES.has(reason) ? (reason as Finish) : "other",
    ...(usage === undefined ? {} : { usage }),
    ...(modelId === undefined ? {} : { model: modelId }),
    ...(id === undefined ? {} : { id }),
    ...provider(end.providerMetadata),
    ...(end.warnings === undefined || end.warnings.length === 0
      ? {}
      : { warnings: toJson(end.warnings) as unknown as Json[] }),
  };
}
