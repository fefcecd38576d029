/** Conversations as text and tokens, and which of them the model says. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { IsText } from "../tokenizer/added-tokens.ts";
import type { Encoded } from "../tokenizer/pipeline.ts";
import type { AddedToken } from "../tokenizer-json.ts";
import { type Block, type ChatTemplate, chatTemplate, type Variables } from "./template.ts";
import { controlTokens, type MarkText, mapTexts, typedText } from "./typed.ts";

/** A turn of a conversation. Templates may read more keys, such as `tool_calls` or `reasoning_content`. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [key: string]: unknown;
}

/** Settings of `chat`. */
export interface ChatOptions {
  /** Whether the text ends with what begins an answer of the model. @default false */
  readonly addGenerationPrompt?: boolean;
  /** Whether the last message is left open at its end, to be continued. @default false */
  readonly continueFinal?: boolean;
  /** Tools that the model may call, as JSON schemas. @default none */
  readonly tools?: readonly object[];
  /** A template, or the name of one of the tokenizer's. @default the tokenizer's own, that for tools where there are tools and it has one */
  readonly template?: string;
  /** More that the template reads, such as `enable_thinking`. @default none */
  readonly variables?: Variables;
  /** What a template that writes today's date writes; it is an error to leave it out then. */
  readonly date?: Date;
}

/** A conversation as a model reads it. */
export interface Chat {
  readonly text: string;
  /**
   * Ids of the text, worked out when they are read. Control tokens are those that the template writes: special ones, and others that
   * stand in its source. Where a message has the text of one it is text, in parts as other text; of what the assistant said that holds
   * for special ones, since it may say the others, such as `<think>`.
   *
   * @throws {ConfigError} When the template does more with such texts in messages than write them, so that they cannot be told apart.
   */
  readonly ids: number[];
  /**
   * Whether each token is the assistant's. Worked out when it is read: from the template's `{% generation %}` blocks, or, where it
   * has none, by comparing the conversation with its begins. Then a turn is what stands between the end of the generation prompt and
   * the end of the turn; what follows the eos token in it, such as a new line, is not the model's. Turns with `train: false` are left out.
   *
   * @throws {ConfigError} When it cannot be told exactly; the message says why.
   */
  readonly assistant: boolean[];
}

/** What of a tokenizer a chat needs. */
export interface Chatting {
  /** The tokenizer's templates by name; the usual one is "default". */
  readonly templates: ReadonlyMap<string, string>;
  /** Texts of special tokens, by the names that templates know them by. */
  readonly special: Readonly<Record<string, string>>;
  /** Tokens that stand beside the vocabulary. */
  readonly added: readonly AddedToken[];
  encode(text: string, isText?: IsText): Encoded;
}

const keys = ["addGenerationPrompt", "continueFinal", "tools", "template", "variables", "date"] as const;
const CONTINUED = "CONTINUE_FINAL_MESSAGE_TAG ";
const REASONING = ["reasoning_content", "thinking", "reasoning"] as const;

/** A message without empty keys, and with its reasoning under the names that templates read. */
function prepared(message: ChatMessage, index: number): ChatMessage {
  if (typeof message !== "object" || message === null || typeof message.role !== "string") {
    throw new ConfigError({
      message: `chat: message ${index} must have a role, got ${JSON.stringify(message)}`,
      index,
    });
  }
  const kept = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null && value !== undefined));
  const reasoning = REASONING.map((key) => kept[key]).find((value) => value !== undefined);
  return {
    ...(reasoning !== undefined && { thinking: reasoning }),
    ...kept,
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
  } as ChatMessage;
}

function sourceOf({ templates }: Chatting, { template, tools }: ChatOptions): string {
  if (template !== undefined) return templates.get(template) ?? template;
  const found = (tools === undefined ? undefined : templates.get("tool_use")) ?? templates.get("default");
  if (found !== undefined) return found;
  const names = [...templates.keys()];
  throw new ConfigError({
    message:
      names.length === 0
        ? "chat: the tokenizer has no chat template; pass one as `template`"
        : `chat: the tokenizer has the templates ${names.join(", ")} and none is the usual one; name one as \`template\``,
  });
}

const compiled = new Map<string, ChatTemplate>();

/** Templates that were read, the last few of them. */
function templateOf(source: string): ChatTemplate {
  let template = compiled.get(source);
  if (template === undefined) {
    template = chatTemplate(source);
    if (compiled.size >= 16) compiled.clear();
    compiled.set(source, template);
  }
  return template;
}

/** The last message with a mark at its end. */
function withMark(messages: readonly ChatMessage[]): ChatMessage[] {
  const last = messages.at(-1)!;
  const { content } = last;
  if (typeof content === "string") return [...messages.slice(0, -1), { ...last, content: content + CONTINUED }];
  const parts = Array.isArray(content) ? (content as readonly { readonly text?: unknown }[]) : [];
  const index = parts.findLastIndex((part) => typeof part?.text === "string");
  if (index === -1) {
    throw new ConfigError({ message: "chat: continueFinal needs a text in the last message, and it has none" });
  }
  const marked = parts.map((part, i) => (i === index ? { ...part, text: `${part.text as string}${CONTINUED}` } : part));
  return [...messages.slice(0, -1), { ...last, content: marked }];
}

/** The text before the mark. Where the template cut the message's end, its blanks go too. */
function beforeMark(text: string): string {
  const place = text.lastIndexOf(CONTINUED.trim());
  if (place === -1) {
    throw new ConfigError({
      message: "chat: the template does not write the end of the last message, so that it cannot be continued",
    });
  }
  const before = text.slice(0, place);
  return text.startsWith(CONTINUED, place) ? before : before.trimEnd();
}

/**
 * A conversation as text and tokens.
 *
 * @throws {ConfigError} When there is no template, it refuses the conversation, or an option does not exist.
 * @throws {FormatError} When the template cannot be read or run.
 */
export function chat(tokenizer: Chatting, messages: readonly ChatMessage[], options: ChatOptions): Chat {
  checkOptions("chat", options, keys);
  const { addGenerationPrompt = false, continueFinal = false, tools, variables = {}, date } = options;
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new ConfigError({ message: "chat: a conversation needs at least one message" });
  }
  if (addGenerationPrompt && continueFinal) {
    throw new ConfigError({
      message: "chat: continueFinal continues the last message, addGenerationPrompt begins another; pass one of them",
    });
  }
  const turns = messages.map(prepared);
  const source = sourceOf(tokenizer, options);
  const template = templateOf(source);
  const given = (part: readonly ChatMessage[], asks: boolean, known = tools): Variables => ({
    ...tokenizer.special,
    tools: known ?? null,
    documents: null,
    ...variables,
    messages: part,
    add_generation_prompt: asks,
  });
  const render = (part: readonly ChatMessage[], asks: boolean, known = tools): string =>
    template.render(given(part, asks, known), date);
  const write = (part: readonly ChatMessage[], known = tools): string =>
    continueFinal ? beforeMark(render(withMark(part), false, known)) : render(part, addGenerationPrompt, known);
  const text = write(turns);
  let encoded: Encoded | undefined;
  let assistant: boolean[] | undefined;

  function encode(): Encoded {
    const said: string[] = [];
    mapTexts([turns, tools], (each) => {
      said.push(each);
      return each;
    });
    const isText = typedText({
      tokens: controlTokens(tokenizer.added, source),
      text,
      said,
      render(mark: MarkText) {
        const marked = turns.map((turn) =>
          mapTexts(turn, (said) => mark(said, turn.role === "assistant" ? "assistant" : "others")),
        );
        return write(
          marked,
          mapTexts(tools, (said) => mark(said, "others")),
        );
      },
    });
    return tokenizer.encode(text, isText);
  }
  const encodedText = (): Encoded => {
    encoded ??= encode();
    return encoded;
  };

  function maskOf(): boolean[] {
    if (continueFinal)
      throw new ConfigError({ message: "chat: a message that is to be continued has no end, and so no mask" });
    const blocks = template.hasBlocks
      ? blocksOf(turns, template.renderBlocks(given(turns, addGenerationPrompt), date).blocks)
      : compareBegins(turns, text, render, tokenizer.special["eos_token"]);
    return covered(encodedText(), blocks);
  }
  return {
    text,
    get ids() {
      return encodedText().ids;
    },
    get assistant() {
      assistant ??= maskOf();
      return assistant;
    },
  };
}

/** A template's blocks, without those of turns that are left out. */
function blocksOf(turns: readonly ChatMessage[], blocks: readonly Block[]): readonly Block[] {
  const said = turns.filter(({ role }) => role === "assistant");
  if (said.every(isLearnt)) return blocks;
  if (blocks.length === said.length) return blocks.filter((_, i) => isLearnt(said[i]!));
  throw new ConfigError({
    message: `chat: a turn has train: false, and the template marks ${blocks.length} blocks in ${said.length} turns of the assistant, so that it cannot be told which is whose`,
  });
}

/** Whether a turn is learnt where the assistant's are. */
function isLearnt({ train = true }: ChatMessage, index = 0): boolean {
  if (typeof train === "boolean") return train;
  throw new ConfigError({ message: `chat: train must be true or false, got ${JSON.stringify(train)}`, index });
}

/** What the assistant says, as the difference of the texts before and behind each of its turns. */
function compareBegins(
  turns: readonly ChatMessage[],
  text: string,
  render: (part: readonly ChatMessage[], asks: boolean) => string,
  eos: string | undefined,
): Block[] {
  const inexact = (index: number, why: string): ConfigError =>
    new ConfigError({
      message: `chat: which tokens of message ${index} are the assistant's cannot be told exactly: ${why}; use a template with {% generation %} blocks`,
      index,
    });
  return turns.flatMap((turn, index) => {
    if (turn.role !== "assistant" || !isLearnt(turn, index)) return [];
    let before: string;
    let behind: string;
    try {
      before = render(turns.slice(0, index), true);
      behind = render(turns.slice(0, index + 1), false);
    } catch (cause) {
      throw inexact(index, `the template does not write the conversation up to there (${(cause as Error).message})`);
    }
    if (!behind.startsWith(before))
      throw inexact(index, "the template writes the turn otherwise than its generation prompt");
    if (!text.startsWith(behind)) throw inexact(index, "the template writes it otherwise when more follows");
    const end = eos === undefined || eos === "" ? -1 : behind.lastIndexOf(eos);
    return [{ from: before.length, to: end >= before.length ? end + eos!.length : behind.length }];
  });
}

/** Whether each token stands in a block, by its place. */
function covered({ ids, from, to }: Encoded, blocks: readonly Block[]): boolean[] {
  let next = 0;
  return ids.map((_, i) => {
    while (next < blocks.length && blocks[next]!.to <= from[i]!) next++;
    return next < blocks.length && to[i]! > blocks[next]!.from;
  });
}
