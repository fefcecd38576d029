/** Conversations with calls of tools as rows that a model learns, written as `local` writes them. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { ChatRow, Tokenizer } from "@cambium/models";
import { parseArguments } from "../../messages/message.ts";
import { requestFromWire } from "../../wire/request-from-wire.ts";
import { conversationWriter, type WritingOptions } from "./conversation.ts";

/** A conversation in OpenAI's form, such as `trainingRow` of `@cambium/tool-learning` gives. */
export interface ConversationRow {
  readonly messages: readonly {
    readonly role: string;
    readonly content?: unknown;
    /** Whether this turn of the assistant is learnt. @default true */
    readonly train?: boolean;
  }[];
  /** Tools that may be called: `{ type: "function", function: { name, description, parameters } }`. @default none */
  readonly tools?: readonly object[];
}

type Turn = ConversationRow["messages"][number];

const wrong = (message: string, index?: number): ConfigError =>
  new ConfigError({ message: `chatRow: ${message}`, ...(index === undefined ? {} : { index }) });

/** Throws for a turn that must not be learnt: calls that are no JSON, or of tools that are not declared. */
function checkTurn({ train = true, ...message }: Turn, index: number, tools: ReadonlySet<string>): void {
  if (typeof train !== "boolean")
    throw wrong(`messages[${index}].train must be true or false, got ${JSON.stringify(train)}`, index);
  if (message.role !== "assistant" || !train) return;
  const { tool_calls: calls } = message as { readonly tool_calls?: unknown };
  for (const call of Array.isArray(calls) ? (calls as readonly WireCall[]) : []) {
    const { name = "", arguments: given = "" } = call?.function ?? {};
    if (typeof given === "string" && !parseArguments({ type: "tool-call", id: "", name, arguments: given }).ok)
      throw wrong(
        `messages[${index}] calls "${name}" with arguments that are no JSON object, which must not be learnt; leave the row out, or set train: false`,
        index,
      );
    if (tools.size > 0 && !tools.has(name))
      throw wrong(
        `messages[${index}] calls "${name}", which is not among the tools of the row; declare it (trainingRow does so with agent), or set train: false`,
        index,
      );
  }
}

interface WireCall {
  readonly function?: { readonly name?: string; readonly arguments?: unknown };
}

/**
 * A conversation as a row for `collate`, in the very tokens in which `local` with the same options asks the model: what is learnt is what is
 * asked for later. The assistant's turns are learnt, but for those with `train: false`.
 *
 * @param options - Those of `local`: `chat` and `declarations`. Pass `chat` to `collate` too.
 * @throws {ConfigError} When an option does not exist, the conversation cannot be read, or a turn that is learnt calls a tool that is not
 *   declared or with arguments that are no JSON object; names the place.
 * @example
 * const rows = trajectories.map((each) => chatRow(tokenizer, trainingRow(each, { agent })!));
 * const data = batches(rows, collate(model, tokenizer, { maxLength: 1024 }), { size: 4 });
 */
export function chatRow(tokenizer: Tokenizer, row: ConversationRow, options: WritingOptions = {}): ChatRow {
  checkOptions("chatRow", options, ["chat", "declarations"]);
  if (typeof row !== "object" || row === null || !Array.isArray(row.messages))
    throw wrong("a row needs a list of messages");
  const { messages, tools = [] } = row;
  const { request } = requestFromWire({ model: "local", messages, ...(tools.length === 0 ? {} : { tools }) });
  const declared = new Set(request.tools?.map(({ name }) => name));
  for (const [i, message] of messages.entries()) checkTurn(message, i, declared);
  const written = conversationWriter(tokenizer, options)(request);
  const said = messages.filter(({ role }) => role === "assistant");
  let turn = 0;
  const marked = written.messages.map((message) =>
    message.role === "assistant" && said[turn++]?.train === false ? { ...message, train: false } : message,
  );
  return { ...written, messages: marked };
}
