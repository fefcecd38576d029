/**
 * Chat templates: programs in Jinja that write a conversation as one text. `@huggingface/jinja` runs them; what transformers adds to
 * Jinja is here: dates, refusals, and blocks of what the model says.
 */
import { ConfigError, FormatError } from "@cambium/base";
import { parse, Template, tokenize } from "@huggingface/jinja";
import { strftime } from "./strftime.ts";

/** What a template can read. */
export type Variables = Readonly<Record<string, unknown>>;

/** A template, ready to run. */
export interface ChatTemplate {
  /** Its text, for a conversation. `date` is what `strftime_now` writes. */
  render(variables: Variables, date: Date | undefined): string;
  /** Whether it marks what the model says in `{% generation %}` blocks. */
  readonly hasBlocks: boolean;
  /** The same text as `render`, and where the blocks of what the model says are. */
  renderBlocks(
    variables: Variables,
    date: Date | undefined,
  ): { readonly text: string; readonly blocks: readonly Block[] };
}

/** A stretch of a text, in UTF-16 units. */
export interface Block {
  readonly from: number;
  readonly to: number;
}

/** Names under which functions of ours stand in for the library's. */
const OURS: Readonly<Record<string, string>> = {
  raise_exception: "cambium_raise_exception",
  strftime_now: "cambium_strftime_now",
};

/** Characters that no text has: Unicode sets them apart for use inside of programs. */
const BEGIN = "\ufdd0";
const END = "\ufdd1";

const TAG = /\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}/g;

/** A word of a template, as the library has it. */
interface Token {
  readonly type: string;
  readonly value: string;
}

function compile(source: string): Template {
  try {
    const tokens: readonly Token[] = tokenize(source, { lstrip_blocks: true, trim_blocks: true });
    const own = tokens.map(({ type, value }) => ({
      type,
      value: type === "Identifier" && Object.hasOwn(OURS, value) ? OURS[value] : value,
    }));
    const template = new Template("");
    template.parsed = parse(own);
    return template;
  } catch (cause) {
    throw new FormatError({ message: `chat: the template cannot be read: ${(cause as Error).message}`, cause });
  }
}

function run(template: Template, variables: Variables, date: Date | undefined): string {
  const functions = {
    [OURS["raise_exception"]!]: (message: unknown) => {
      throw new ConfigError({
        message: `chat: the template refuses the conversation: ${String(message)}`,
        refusal: String(message),
      });
    },
    [OURS["strftime_now"]!]: (format: unknown) => {
      if (date !== undefined) return strftime(date, String(format));
      throw new ConfigError({ message: "chat: the template writes today's date; pass it as `date`" });
    },
  };
  try {
    return template.render({ ...variables, ...functions });
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code !== undefined) throw cause;
    throw new FormatError({ message: `chat: the template fails: ${(cause as Error).message}`, cause });
  }
}

/**
 * Reads a template.
 *
 * @throws {FormatError} When it is no Jinja, or has what the library does not know.
 */
export function chatTemplate(source: string): ChatTemplate {
  const plain = compile(source);
  const marked = source.replace(TAG, (_, left: string, end: string | undefined, right: string) => {
    const mark = end === undefined ? BEGIN : END;
    return `{%${left} if true %}{{ "${mark}" }}{% endif %}{% ${end ?? ""}generation ${right}%}`;
  });
  let withMarks: Template | undefined;
  return {
    render: (variables, date) => run(plain, variables, date),
    hasBlocks: marked !== source,
    renderBlocks(variables, date) {
      withMarks ??= compile(marked);
      const text = run(plain, variables, date);
      const blocks = /[\ufdd0\ufdd1]/.test(text) ? undefined : blocksOf(run(withMarks, variables, date), text);
      if (blocks !== undefined) return { text, blocks };
      throw new ConfigError({
        message:
          "chat: where the template's {% generation %} blocks stand in the text cannot be told, since it does more with them than write them",
      });
    },
  };
}

/** Where the marks stand, provided that the text is the same without them. */
function blocksOf(marked: string, text: string): Block[] | undefined {
  const blocks: Block[] = [];
  let from: number | undefined;
  let whole = "";
  for (const part of marked.split(/([\ufdd0\ufdd1])/)) {
    if (part === BEGIN) {
      if (from !== undefined) return undefined;
      from = whole.length;
    } else if (part === END) {
      if (from === undefined) return undefined;
      blocks.push({ from, to: whole.length });
      from = undefined;
    } else whole += part;
  }
  return from === undefined && whole === text ? blocks : undefined;
}
