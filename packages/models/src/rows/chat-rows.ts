/** Conversations as rows of a language model, of which the assistant's turns are learnt. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { ChatMessage, ChatOptions } from "../chat/chat.ts";
import { IGNORED } from "../heads/losses.ts";
import type { EncodedRow, Encoding } from "./encoding.ts";

/** A conversation. What the assistant says in it is learnt, but for turns with `train: false`. */
export interface ChatRow {
  readonly messages: readonly ChatMessage[];
  /** Tools that the model may call, as JSON schemas. @default none */
  readonly tools?: readonly object[];
}

/** What all conversations are written with. */
export type ChatSettings = Pick<ChatOptions, "template" | "variables" | "date">;

/** Whether a row is a conversation. */
export const isChatRow = (row: unknown): row is ChatRow => typeof row === "object" && row !== null && "messages" in row;

/** Throws for settings that do not exist. */
export function checkChatSettings(settings: ChatSettings | undefined): void {
  if (settings !== undefined) checkOptions("collate: chat", settings, ["template", "variables", "date"]);
}

/** Names of the tools that are called in a row. */
function callsIn({ messages }: ChatRow): readonly string[] {
  const calls = messages.flatMap(({ tool_calls: made }) => (Array.isArray(made) ? (made as readonly unknown[]) : []));
  return calls.flatMap((call) => {
    const { function: called, name } = (call ?? {}) as {
      readonly function?: { readonly name?: unknown };
      name?: unknown;
    };
    const known = called?.name ?? name;
    return typeof known === "string" ? [known] : [];
  });
}

/**
 * A conversation as its template writes it, with labels where the assistant speaks.
 *
 * @throws {ConfigError} Under another head than a causal language model's, beside other keys, where nothing of the assistant's is kept, and
 *   where the template leaves calls of tools out.
 */
export function encodeChat(row: ChatRow, index: number, encoding: Encoding, settings: ChatSettings = {}): EncodedRow {
  const { head, tokenizer, maxLength, truncation, onCut } = encoding;
  const fail = (problem: string): ConfigError =>
    new ConfigError({ message: `collate: row ${index} ${problem}`, index });
  if (head?.kind !== "causal-lm")
    throw fail(
      `is a conversation, which a causal-lm head learns, and this model has ${head === undefined ? "no head" : `a ${head.kind} head`}`,
    );
  const other = Object.keys(row).find((key) => key !== "messages" && key !== "tools");
  if (other !== undefined) throw fail(`is a conversation, which has messages and tools, and no "${other}"`);
  if (!Array.isArray(row.messages)) throw fail(`needs a list of messages, got ${JSON.stringify(row.messages)}`);
  const { text, ids, assistant } = tokenizer.chat(row.messages, {
    ...settings,
    ...(row.tools !== undefined && { tools: row.tools }),
  });
  const lost = callsIn(row).find((name) => !text.includes(name));
  if (lost !== undefined)
    throw fail(
      `calls the tool "${lost}", and the chat template writes no calls; write them into the text, as chatRow of @cambium/llm does`,
    );
  const kept = Math.min(ids.length, maxLength);
  const from = truncation === "end" ? 0 : ids.length - kept;
  if (kept < ids.length) onCut(ids.length - kept);
  const labels = ids.map((id, i) => (assistant[i] === true ? id : IGNORED)).slice(from, from + kept);
  if (labels.every((label) => label === IGNORED))
    throw fail(
      `has nothing of the assistant's in the ${kept} tokens that are kept; raise maxLength, or leave the row out`,
    );
  return { ids: ids.slice(from, from + kept), types: labels.map(() => 0), labels };
}
