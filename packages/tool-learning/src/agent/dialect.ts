/**
 * Calls of tools in plain text, for models that have no way of their own: tools are described in the system message, calls
 * are JSON in a fenced block, results come as a message of the user. Conversations are kept in the native form throughout.
 */

import type { RequestedCall } from "@cambium/evaluation";
import type { AssistantPart, Message, ToolDeclaration, ToolResultPart } from "@cambium/llm";
import { textOf } from "@cambium/llm";
import { fenced } from "../solving/prompt.ts";
import { type AgentWords, describeTools } from "./words.ts";

function resultText({ name, output, isError }: ToolResultPart): string {
  const text =
    typeof output === "string" ? output : "parts" in output ? textOf(output.parts) : JSON.stringify(output.json);
  return `${isError === true ? "Failure" : "Result"} of ${name}:\n${text}`;
}

function callText(part: AssistantPart): string {
  if (part.type === "text") return part.text;
  if (part.type !== "tool-call") return "";
  let given: unknown = part.arguments;
  try {
    given = JSON.parse(part.arguments);
  } catch {
    // what the model wrote is shown as it is
  }
  return fenced("json", JSON.stringify({ tool: part.name, arguments: given }));
}

/** Messages with calls and results as text. */
export function toText(
  messages: readonly Message[],
  tools: readonly ToolDeclaration[],
  words: AgentWords,
): readonly Message[] {
  const guide = tools.length === 0 ? "" : `\n\n${words.callByText}\n\nTools:\n${describeTools(tools)}`;
  let isGuided = false;
  const told = messages.map((message): Message => {
    if (message.role === "system" && !isGuided) {
      isGuided = true;
      return { role: "system", content: message.content + guide };
    }
    if (message.role === "tool") return { role: "user", content: message.content.map(resultText).join("\n\n") };
    if (message.role !== "assistant" || typeof message.content === "string") return message;
    return { role: "assistant", content: message.content.map(callText).filter(Boolean).join("\n\n") };
  });
  return isGuided || guide === "" ? told : [{ role: "system", content: guide.trim() }, ...told];
}

const FENCE = /```[a-z]*\s*\n([\s\S]*?)\n?\s*```/g;

interface WrittenCall {
  readonly tool?: unknown;
  readonly name?: unknown;
  readonly arguments?: unknown;
  readonly parameters?: unknown;
}

function callsOf(text: string): readonly WrittenCall[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const list = (Array.isArray(value) ? value : [value]) as readonly WrittenCall[];
  const areCalls = list.every(
    (item) =>
      typeof item === "object" &&
      item !== null &&
      typeof (item.tool ?? item.name) === "string" &&
      (item.arguments ?? item.parameters) !== undefined,
  );
  return areCalls ? list : [];
}

/** The calls in a reply that is plain text: fenced blocks of JSON, or a reply that is JSON as a whole. */
export function callsInText(text: string, prefix: string): readonly RequestedCall[] {
  const blocks = [...text.matchAll(FENCE)].map(([, inside]) => inside!);
  const written = (blocks.length > 0 ? blocks : [text.trim()]).flatMap(callsOf);
  return written.map((call, i) => {
    const given = call.arguments ?? call.parameters;
    return {
      id: `${prefix}-${i}`,
      name: String(call.tool ?? call.name),
      arguments: typeof given === "string" ? given : JSON.stringify(given),
    };
  });
}
