import { canonicalJson, type JsonObject } from "@cambium/base";
import { type AssistantMessage, type Message, type ToolResultPart, textOf } from "../messages/message.ts";
import type { ModelRequest, ReplyFormat } from "../messages/request.ts";
import { fileToWire } from "./files.ts";
import { MESSAGE_FIELDS, WIRE } from "./names.ts";

/** In what endpoints differ. */
export interface WireDialect {
  /** Field that bounds the reply. */
  readonly maxTokensField: "max_tokens" | "max_completion_tokens";
  /** Field in which earlier reasoning is sent back; not sent without it. */
  readonly reasoningField: string | undefined;
}

function assistantToWire({ content, provider }: AssistantMessage, { reasoningField }: WireDialect): JsonObject {
  const parts = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  const calls = parts.flatMap((part) =>
    part.type === "tool-call"
      ? [
          {
            ...part.provider?.[WIRE],
            id: part.id,
            type: "function",
            function: { name: part.name, arguments: part.arguments },
          },
        ]
      : [],
  );
  const text = textOf(parts);
  const reasoning = parts.map((part) => (part.type === "reasoning" ? part.text : "")).join("");
  const fields = parts.flatMap((part) => (part.type === "other" && part.kind === MESSAGE_FIELDS ? [part.value] : []));
  return {
    ...Object.assign({}, ...fields),
    ...provider?.[WIRE],
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
    ...(reasoningField !== undefined && reasoning !== "" ? { [reasoningField]: reasoning } : {}),
  };
}

function outputToWire(output: ToolResultPart["output"]): string | JsonObject[] {
  if (typeof output === "string") return output;
  if ("json" in output) return canonicalJson(output.json);
  return output.parts.map((part) => (part.type === "text" ? { type: "text", text: part.text } : fileToWire(part)));
}

function messageToWire(message: Message, dialect: WireDialect): JsonObject[] {
  const extra = message.provider?.[WIRE];
  switch (message.role) {
    case "system":
      return [{ ...extra, role: "system", content: message.content }];
    case "user": {
      if (typeof message.content === "string") return [{ ...extra, role: "user", content: message.content }];
      const content = message.content.map((part) => ({
        ...part.provider?.[WIRE],
        ...(part.type === "text" ? { type: "text", text: part.text } : fileToWire(part)),
      }));
      return [{ ...extra, role: "user", content }];
    }
    case "assistant":
      return [assistantToWire(message, dialect)];
    case "tool":
      return message.content.map(({ id, output, provider }) => ({
        ...provider?.[WIRE],
        role: "tool",
        tool_call_id: id,
        content: outputToWire(output),
      }));
  }
}

function formatToWire({ schema, name = "reply" }: ReplyFormat): JsonObject {
  if (schema === undefined) return { type: "json_object" };
  return { type: "json_schema", json_schema: { name, schema, strict: true } };
}

/** The body of a `/chat/completions` request. */
export function requestToWire(model: string, request: ModelRequest, dialect: WireDialect): JsonObject {
  const { messages, tools, toolChoice, format, maxTokens, temperature, topP, topK, stop, seed } = request;
  const { presencePenalty, frequencyPenalty } = request;
  return {
    model,
    messages: messages.flatMap((message) => messageToWire(message, dialect)),
    tools: tools?.map((tool) => ({ type: "function", function: { ...tool } as unknown as JsonObject })),
    tool_choice:
      typeof toolChoice === "object" ? { type: "function", function: { name: toolChoice.tool } } : toolChoice,
    response_format: format === undefined ? undefined : formatToWire(format),
    [dialect.maxTokensField]: maxTokens,
    temperature,
    top_p: topP,
    top_k: topK,
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
    stop,
    seed,
    ...request.provider?.[WIRE],
  };
}
