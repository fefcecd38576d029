import { describe, expect, test } from "vitest";
import { fixtureJson } from "../fixtures.ts";
import { createTokenizer } from "../tokenizer.ts";
import type { ChatMessage, ChatOptions } from "./chat.ts";
import { strftime } from "./strftime.ts";

// Conversations as transformers writes them, from make_chat.py.

interface Case {
  readonly template: string;
  readonly messages: readonly ChatMessage[];
  readonly options: ChatOptions;
  readonly text?: string;
  readonly ids?: readonly number[];
  readonly mask?: readonly number[];
  readonly error?: string;
}

const { config, templates, cases } = fixtureJson<{
  readonly config: object;
  readonly templates: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
}>("chat/golden.json");

const json = fixtureJson("tokenizer-strings/smollm.json");
const chat_template = Object.entries(templates).map(([name, template]) => ({ name, template }));
const tokenizer = createTokenizer(json, { ...config, chat_template });
const date = new Date(2026, 2, 7, 9, 5, 2);
const good = cases.filter((each) => each.error === undefined);

describe.each(good.map((each, i) => ({ ...each, i })))("$i: $template with $options", (golden) => {
  const { template, messages, options } = golden;
  const chat = tokenizer.chat(messages, { ...options, template, date });

  test("text and ids are transformers'", () => {
    expect(chat.text).toBe(golden.text);
    expect(chat.ids).toEqual(golden.ids);
  });
});

test.each(good.filter(({ mask }) => mask !== undefined))(
  "the mask of {% generation %} blocks is transformers': $template",
  ({ template, messages, options, mask }) => {
    expect(tokenizer.chat(messages, { ...options, template, date }).assistant.map(Number)).toEqual(mask);
  },
);

test.each(cases.filter((each) => each.error !== undefined))(
  "$template refuses: $error",
  ({ template, messages, options, error }) => {
    expect(() => tokenizer.chat(messages, { ...options, template, date })).toThrow(
      expect.objectContaining({
        code: "CONFIG",
        message: `chat: the template refuses the conversation: ${error}`,
        details: { refusal: error },
      }),
    );
  },
);

const talk = [
  { role: "user", content: "The quick fox?" },
  { role: "assistant", content: "It jumps." },
  { role: "user", content: "And the dog?" },
  { role: "assistant", content: "Lazy." },
];

/** What the mask covers, turn by turn. */
function said(template: string, messages: readonly ChatMessage[] = talk): string[] {
  const { ids, assistant } = tokenizer.chat(messages, { template, date });
  const turns: number[][] = [];
  ids.forEach((id, i) => {
    if (!assistant[i]) return;
    if (!assistant[i - 1]) turns.push([]);
    turns.at(-1)!.push(id);
  });
  return turns.map((turn) => tokenizer.decode(turn, { skipSpecial: false }));
}

describe("without blocks, the assistant's turns are found by comparing begins of the conversation", () => {
  test("from behind the generation prompt to the token that ends the turn", () => {
    expect(said("chatml")).toEqual(["It jumps.<|im_end|>", "Lazy.<|im_end|>"]);
    expect(said("dated")).toEqual(["It jumps.<|im_end|>", "Lazy.<|im_end|>"]);
    expect(said("alternating")).toEqual([" It jumps.<|im_end|>", " Lazy.<|im_end|>"]);
  });

  test("two templates of one text have one mask", () => {
    const blocks = templates["chatml"]!.replace(
      "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}",
      "{{ '<|im_start|>' + message['role'] + '\\n' }}{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}",
    );
    expect(tokenizer.chat(talk, { template: blocks })).toEqual(tokenizer.chat(talk, { template: "chatml" }));
  });

  test.each([
    [
      "a turn that is written otherwise when more follows",
      "reasoning",
      cases.find((each) => each.template === "reasoning")!.messages,
      "otherwise when more follows",
    ],
    [
      "a turn that is not what the generation prompt begins",
      "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}?{% endif %}",
      talk,
      "otherwise than its generation prompt",
    ],
    ["a conversation that the assistant begins", "alternating", talk.slice(1), "refuses the conversation"],
  ])("%s is an error that says so", (_, template, messages, message) => {
    expect(() => tokenizer.chat(messages, { template, date }).assistant).toThrow(message);
  });
});

describe("a turn with train: false", () => {
  const body = "<|im_start|>{{ m['role'] }}\n";
  const marked = (inside: string): string =>
    `{% for m in messages %}${body}{% if m['role'] == 'assistant' %}${inside}{% else %}{{ m['content'] }}{% endif %}<|im_end|>\n{% endfor %}`;
  const once = marked("{% generation %}{{ m['content'] }}{% endgeneration %}");
  const twice = marked("{% generation %}{{ m['content'] }}{% endgeneration %}{% generation %}!{% endgeneration %}");
  const untrained = (index: number, train: unknown = false): ChatMessage[] =>
    talk.map((turn, i) => (i === index ? { ...turn, train } : turn));

  test("is left out of the mask, with blocks and without, and written all the same", () => {
    expect(said("chatml", untrained(1))).toEqual(["Lazy.<|im_end|>"]);
    expect(said("chatml", untrained(3))).toEqual(["It jumps.<|im_end|>"]);
    expect(said(once, untrained(1))).toEqual(["Lazy."]);
    expect(said(once, untrained(1, true))).toEqual(["It jumps.", "Lazy."]);
    const texts = [untrained(1), talk].map((messages) => tokenizer.chat(messages, { template: "chatml" }).text);
    expect(texts[0]).toBe(texts[1]);
  });

  test("is refused where it cannot be told which block is whose, or it says neither yes nor no", () => {
    expect(said(twice)).toEqual(["It jumps.!", "Lazy.!"]);
    expect(() => said(twice, untrained(1))).toThrow("marks 4 blocks in 2 turns");
    expect(() => said("chatml", untrained(1, "no"))).toThrow('train must be true or false, got "no"');
  });
});

describe("which template", () => {
  test("is the tokenizer's, the one for tools where there are tools, or the one that is named or given", () => {
    const own = createTokenizer(json, {
      ...config,
      chat_template: [
        { name: "default", template: "a" },
        { name: "tool_use", template: "b" },
      ],
    });
    expect(own.chat(talk).text).toBe("a");
    expect(own.chat(talk, { tools: [{}] }).text).toBe("b");
    expect(own.chat(talk, { template: "tool_use" }).text).toBe("b");
    expect(own.chat(talk, { template: "{{ eos_token }}" }).text).toBe("<|im_end|>");
    expect(createTokenizer(json, { ...config, chat_template: "c" }).chat(talk).text).toBe("c");
  });

  test("none is an error that says what to do", () => {
    expect(() => createTokenizer(json).chat(talk)).toThrow(
      "chat: the tokenizer has no chat template; pass one as `template`",
    );
    expect(() => tokenizer.chat(talk)).toThrow("chat: the tokenizer has the templates chatml, dated");
  });
});

describe("errors", () => {
  test.each([
    ["no messages", [], {}, "at least one message"],
    ["no role", [{ content: "x" } as never], {}, "message 0 must have a role"],
    ["a prompt and a continuation", talk, { addGenerationPrompt: true, continueFinal: true }, "pass one of them"],
    ["an unknown option", talk, { add_generation_prompt: true } as object, 'is "addGenerationPrompt" meant?'],
    ["a date that was not given", talk, { template: "dated" }, "pass it as `date`"],
    ["a date in an unknown form", talk, { template: "{{ strftime_now('%Q') }}", date }, '"%Q" is not known here'],
    ["a template that is no Jinja", talk, { template: "{% if %}" }, "the template cannot be read"],
    ["a filter that is not known", talk, { template: "{{ 'x' | rot13 }}" }, "the template fails"],
  ])("%s", (_, messages, options, message) => {
    expect(() => tokenizer.chat(messages, options)).toThrow(message);
  });

  test("a text that is continued has no mask", () => {
    expect(() => tokenizer.chat(talk, { template: "chatml", continueFinal: true }).assistant).toThrow("has no end");
  });
});

test("dates are written in English, whatever the machine's language", () => {
  expect(strftime(date, "%a %A %b %B %d %F %H %I %j %m %M %p %S %T %w %y %Y %% %-d %-I")).toBe(
    "Sat Saturday Mar March 07 2026-03-07 09 09 066 03 05 AM 02 09:05:02 6 26 2026 % 7 9",
  );
});
