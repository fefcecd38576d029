import { sha256 } from "@cambium/base";
import type { AssistantMessage, Message, ModelRequest } from "@cambium/llm";

/** What a model has been told and has said on one path, and where the path stands. A value: branches share their beginning. */
export interface Conversation {
  readonly messages: readonly Message[];
  /** How many messages stand at the beginning and are never shortened. */
  readonly head: number;
  /** The last step on the path. */
  readonly tip: number | undefined;
  /** The latest calls with what came of them, for finding loops. */
  readonly recent: readonly string[];
  /** Answers that were refused. */
  readonly refused: number;
  /** Why no more calls are made on this path. */
  readonly over?: { readonly code: "LOOP_DETECTED" | "BUDGET_EXCEEDED"; readonly message: string };
}

/** A conversation that begins. */
export function conversationOf(messages: readonly Message[], tip?: number): Conversation {
  return { messages, head: messages.length, tip, recent: [], refused: 0 };
}

/** A conversation with more messages. */
export function extend(conversation: Conversation, messages: readonly Message[], tip?: number): Conversation {
  return { ...conversation, messages: [...conversation.messages, ...messages], tip: tip ?? conversation.tip };
}

const bytesAsHash = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? { sha256: sha256(value) } : value;

const written = new WeakMap<Message, { readonly hash: string; readonly length: number }>();

function measure(message: Message): { readonly hash: string; readonly length: number } {
  let known = written.get(message);
  if (known === undefined) {
    const json = JSON.stringify(message, bytesAsHash);
    known = { hash: sha256(json), length: json.length };
    written.set(message, known);
  }
  return known;
}

/** Characters of messages as JSON. */
export function lengthOf(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + measure(message).length, 0);
}

/** SHA-256 of all that is asked. */
export function requestHash({ messages, tools = [], toolChoice, format }: ModelRequest): string {
  const hashes = messages.map((message) => measure(message).hash);
  return sha256(JSON.stringify([hashes, tools, toolChoice ?? "auto", format ?? null]));
}

/** The message with other ids of its calls. */
export function renameCalls(message: AssistantMessage, ids: readonly string[]): AssistantMessage {
  if (typeof message.content === "string") return message;
  let at = 0;
  const content = message.content.map((part) => {
    if (part.type !== "tool-call") return part;
    const id = ids[at++]!;
    return id === part.id ? part : { ...part, id };
  });
  return { ...message, content };
}
