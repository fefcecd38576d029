/** Conversations as chat templates read them. */
import { ConfigError, canonicalJson, type JsonObject } from "@cambium/base";
import type { ChatMessage } from "@cambium/models";
import {
  type AssistantPart,
  type FilePart,
  type Message,
  parseArguments,
  type TextPart,
  type ToolCallPart,
  type ToolResultPart,
} from "../../messages/message.ts";
import { writeCall } from "./tool-text.ts";

type Part = AssistantPart | TextPart | FilePart;

/** The text of parts. A file is refused: leaving it out would answer another question. */
function textOfParts(content: string | readonly Part[], role: string): string {
  if (typeof content === "string") return content;
  const file = content.find((part) => part.type === "file");
  if (file?.type === "file") {
    throw new ConfigError({
      message: `local: the model reads text only, and a message of the ${role} has a ${file.mediaType}`,
    });
  }
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function outputText({ output }: ToolResultPart): string {
  if (typeof output === "string") return output;
  return "json" in output ? canonicalJson(output.json) : textOfParts(output.parts, "tool");
}

/** A call as templates read it: with its arguments as an object, where they are one. */
function callOf(call: ToolCallPart): JsonObject {
  const parsed = parseArguments(call);
  const given = parsed.ok ? parsed.value : call.arguments;
  return { id: call.id, type: "function", function: { name: call.name, arguments: given } };
}

function assistantMessage(content: string | readonly AssistantPart[], takesTools: boolean): ChatMessage {
  const parts = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  const text = textOfParts(parts, "assistant");
  const calls = parts.filter((part) => part.type === "tool-call");
  const reasoning = parts.map((part) => (part.type === "reasoning" ? part.text : "")).join("");
  const thoughts = reasoning === "" ? {} : { reasoning_content: reasoning };
  if (calls.length === 0) return { role: "assistant", content: text, ...thoughts };
  if (takesTools) return { role: "assistant", content: text, tool_calls: calls.map(callOf), ...thoughts };
  const written = calls.map(writeCall).join("\n");
  return { role: "assistant", content: text === "" ? written : `${text}\n${written}`, ...thoughts };
}

/**
 * Messages for a chat template.
 *
 * @param takesTools - Whether the template writes calls and their results; otherwise they stand in the text of turns, as
 *   `tool-text.ts` says.
 * @throws {ConfigError} For files.
 */
export function chatMessages(messages: readonly Message[], takesTools: boolean): ChatMessage[] {
  return messages.flatMap((message) => messageOf(message, takesTools));
}

function messageOf(message: Message, takesTools: boolean): ChatMessage[] {
  if (message.role === "system") return [{ role: "system", content: message.content }];
  if (message.role === "user") return [{ role: "user", content: textOfParts(message.content, "user") }];
  if (message.role === "assistant") return [assistantMessage(message.content, takesTools)];
  if (takesTools) {
    return message.content.map((result) => ({
      role: "tool",
      name: result.name,
      tool_call_id: result.id,
      content: outputText(result),
    }));
  }
  const results = message.content.map((result) => `<tool_response>\n${outputText(result)}\n</tool_response>`);
  return [{ role: "user", content: results.join("\n") }];
}
