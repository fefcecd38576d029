/** What is continued: a text, a conversation or ids, and what of it a kept prefix has read. */
import { ConfigError } from "@cambium/base";
import type { ChatMessage, ChatOptions } from "../chat/chat.ts";
import { twiceBegun } from "../rows/check-begin.ts";
import type { RunnableModel } from "../runnable.ts";
import type { Tokenizer } from "../tokenizer.ts";

/** What is continued: a text, the messages of a conversation, or ids. */
export type Prompt = string | readonly ChatMessage[] | readonly number[];

/** A prompt as the model reads it. */
export interface PromptIds {
  readonly ids: readonly number[];
  /** Whether what follows goes on from its text, so that a blank between them counts. */
  readonly continues: boolean;
}

const isChat = (prompt: unknown): prompt is readonly ChatMessage[] =>
  Array.isArray(prompt) && typeof prompt[0] === "object";

/**
 * Ids of a prompt. A conversation is written by the tokenizer's chat template, with what begins an answer at its end unless `chat` says
 * otherwise.
 *
 * @param place - Which prompt it is, for messages.
 * @param room - Most tokens of a text and its answer, where that is less than the model has positions for.
 * @throws {ConfigError} For an empty prompt, one that is none, a text that begins with what the tokenizer puts in front of it, ids that
 *   the model does not have, a prompt that is longer than the model has positions, and settings of chats for what is none.
 */
export function promptIds(
  caller: string,
  model: RunnableModel,
  tokenizer: Tokenizer,
  prompt: Prompt,
  {
    vocab,
    chat,
    place = "the prompt",
    room = Number.POSITIVE_INFINITY,
  }: {
    readonly vocab: number;
    readonly chat?: ChatOptions | undefined;
    readonly place?: string;
    readonly room?: number;
  },
): PromptIds {
  const isSource = model.head?.kind === "sequence-to-sequence";
  if (chat !== undefined && !isChat(prompt)) {
    throw new ConfigError({ message: `${caller}: chat is for conversations, and ${place} is none` });
  }
  const most = model.architecture.maximumLength(model.config);
  const longest = Math.min(most, room - 1);
  const tooLong = (tokens?: number): ConfigError =>
    new ConfigError({
      message: `${caller}: ${place} has ${tokens ?? `more than ${longest}`} tokens, ${longest < most ? `which leaves no room for an answer within ${room}` : `and the model positions for ${most}`}; shorten it`,
      maxLength: Math.min(most, room),
      tokens,
    });
  const found = read(caller, tokenizer, prompt, place, { chat, longest, tooLong });
  const { ids } = found;
  if (ids.length === 0) {
    const { bos } = tokenizer.special;
    throw new ConfigError({
      message: `${caller}: ${place} is empty; a model continues at least one token${bos === undefined ? "" : `, such as [${bos}], the one that begins texts`}`,
    });
  }
  const bos = typeof prompt === "string" ? twiceBegun(tokenizer, ids) : undefined;
  if (bos !== undefined) {
    throw new ConfigError({
      message: `${caller}: ${place} would begin with ${JSON.stringify(tokenizer.decode([bos], { skipSpecial: false }))} twice, since the tokenizer puts it in front of a text that has it already; take it off the text, or give a conversation as messages`,
    });
  }
  const strange = ids.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocab);
  if (strange !== undefined) {
    throw new ConfigError({
      message: `${caller}: ${place} has the id ${strange}, and the model ids from 0 to ${vocab - 1}; is the tokenizer another model's?`,
    });
  }
  if (ids.length > longest) throw tooLong(ids.length);
  return { ids, continues: found.continues && !isSource };
}

/** Tokens by which a text's begin may be cut otherwise than the text. */
const MARGIN = 64;

/** Whether a text has clearly more tokens: so much of it is read that nobody waits for a text that is refused. */
function isLonger(tokenizer: Tokenizer, text: string, longest: number): boolean {
  for (let length = 4 * longest + 1024; length < text.length; length *= 2) {
    if (tokenizer.pieces(text.slice(0, length)).length > longest + MARGIN) return true;
  }
  return false;
}

/** What reading of a prompt needs to know. */
interface Reading {
  readonly chat: ChatOptions | undefined;
  /** Most tokens. */
  readonly longest: number;
  tooLong(tokens?: number): ConfigError;
}

function read(
  caller: string,
  tokenizer: Tokenizer,
  prompt: Prompt,
  place: string,
  { chat, longest, tooLong }: Reading,
): PromptIds {
  if (typeof prompt === "string") {
    if (isLonger(tokenizer, prompt, longest)) throw tooLong();
    return { ids: prompt === "" ? [] : tokenizer.encode(prompt).ids, continues: true };
  }
  if (isChat(prompt)) {
    const options = { addGenerationPrompt: chat?.continueFinal !== true, ...chat };
    const written = tokenizer.chat(prompt, options);
    if (isLonger(tokenizer, written.text, longest)) throw tooLong();
    return { ids: written.ids, continues: options.continueFinal === true };
  }
  if (Array.isArray(prompt) || ArrayBuffer.isView(prompt)) {
    return { ids: Array.from(prompt as readonly number[]), continues: true };
  }
  throw new ConfigError({
    message: `${caller}: ${place} must be a text, a list of messages or a list of ids, got ${prompt === null ? "null" : typeof prompt}`,
  });
}
