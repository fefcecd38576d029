/** Conversations with calls of tools as rows that a model learns, written as `local` writes them. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { ChatRow, Tokenizer } from "@cambium/models";
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

/**
 * A conversation as a row for `collate`, in the very tokens in which `local` with the same options asks the model: what is learnt is what is
 * asked for later. The assistant's turns are learnt, but for those with `train: false`.
 *
 * @param options - Those of `local`: `chat` and `declarations`. Pass `chat` to `collate` too.
 * @throws {ConfigError} When an option does not exist, or the conversation cannot be read; names the place.
 * @example
 * const rows = trajectories.map((each) => chatRow(tokenizer, trainingRow(each, { agent })!));
 * const data = batches(rows, collate(model, tokenizer, { maxLength: 1024 }), { size: 4 });
 */
export function chatRow(tokenizer: Tokenizer, row: ConversationRow, options: WritingOptions = {}): ChatRow {
  checkOptions("chatRow", options, ["chat", "declarations"]);
  const { messages, tools = [] } = row;
  const { request } = requestFromWire({ model: "local", messages, ...(tools.length === 0 ? {} : { tools }) });
  const odd = messages.findIndex(({ train }) => train !== undefined && typeof train !== "boolean");
  if (odd >= 0)
    throw new ConfigError({
      message: `chatRow: messages[${odd}].train must be true or false, got ${JSON.stringify(messages[odd]!.train)}`,
      index: odd,
    });
  const written = conversationWriter(tokenizer, options)(request);
  const said = messages.filter(({ role }) => role === "assistant");
  let turn = 0;
  const marked = written.messages.map((message) =>
    message.role === "assistant" && said[turn++]?.train === false ? { ...message, train: false } : message,
  );
  return { ...written, messages: marked };
}
