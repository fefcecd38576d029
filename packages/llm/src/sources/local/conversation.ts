/** Requests as conversations of a chat template, with the tools where the model finds them. */
import type { ChatMessage, ChatOptions, Tokenizer } from "@cambium/models";
import type { ModelRequest, ToolDeclaration } from "../../messages/request.ts";
import { chatMessages } from "./messages.ts";
import type { LocalOptions } from "./options.ts";
import { declarationOf, withTools } from "./tool-text.ts";

/** A conversation, as the tokenizer's `chat` takes it. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** Declarations, where the template writes them. */
  readonly tools?: readonly object[];
}

/** How conversations are written. */
export type WritingOptions = Pick<LocalOptions, "chat" | "declarations">;

/** Tools that the model may call in a request. */
export const toolsOf = ({
  tools = [],
  toolChoice,
}: Pick<ModelRequest, "tools" | "toolChoice">): readonly ToolDeclaration[] => (toolChoice === "none" ? [] : tools);

/** Writes requests as conversations of a tokenizer's template. */
export function conversationWriter(
  tokenizer: Tokenizer,
  { chat = {}, declarations = "json" }: WritingOptions,
): (request: Pick<ModelRequest, "messages" | "tools" | "toolChoice">) => Conversation {
  /** Whether the chat template writes tools. */
  let takes: boolean | undefined;
  function takesTools(): boolean {
    takes ??= (() => {
      const tools = [declarationOf({ name: "a_tool", parameters: { type: "object" } })];
      const options: ChatOptions = { ...chat, tools };
      const { text } = tokenizer.chat([{ role: "user", content: "?" }], options);
      return text.includes("a_tool") && text.includes("<tool_call>");
    })();
    return takes;
  }

  return (request) => {
    const tools: readonly ToolDeclaration[] = toolsOf(request);
    const hasCalls = request.messages.some(
      ({ role, content }) =>
        role === "tool" || (typeof content !== "string" && content.some(({ type }) => type === "tool-call")),
    );
    const isTheirs = (tools.length > 0 || hasCalls) && takesTools();
    const messages = chatMessages(request.messages, isTheirs);
    if (tools.length === 0) return { messages };
    return isTheirs
      ? { messages, tools: tools.map(declarationOf) }
      : { messages: withTools(messages, tools, declarations) };
  };
}
