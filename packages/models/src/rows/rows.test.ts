import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { asArchitecture } from "../architecture.ts";
import { architectures } from "../architectures/index.ts";
import { type Collate, type CollateOptions, collate } from "../collate.ts";
import { type Family, fixture, heads } from "../fixtures.ts";
import type { HeadConfig } from "../head-config.ts";
import type { Row } from "../row.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer.ts";
import type { ChatRow } from "./chat-rows.ts";

const tokenizers = {} as Record<Family, Tokenizer>;
beforeAll(async () => {
  for (const family of ["bert", "roberta"] as const) tokenizers[family] = await loadTokenizer(fixture(family));
});

/** Rows of a model with a family's architecture, or another's, under the family's tokenizer. */
function made(
  family: Family,
  head: HeadConfig | undefined,
  options: Partial<CollateOptions> = {},
  type: string = family,
): Collate {
  const architecture = architectures.find(({ types }) => types.includes(type))!;
  const config = { ...architecture.tiny(0), vocab_size: 61, max_position_embeddings: 64, n_positions: 64 };
  const parsed = architecture.parse(
    "test",
    type.startsWith("gpt") ? without(config, "max_position_embeddings") : without(config, "n_positions"),
    "user",
  );
  const model = {
    architecture: asArchitecture(architecture as never),
    config: parsed,
    ...(head !== undefined && { head }),
  };
  return collate(model, tokenizers[family], { maxLength: 40, ...options });
}

const without = (config: object, key: string): object =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name !== key));

function batchOf(toBatch: Collate, rows: readonly (Row | ChatRow)[]): Record<string, number[][]> {
  return tidy(() => {
    const batch = toBatch(rows);
    return Object.fromEntries(Object.entries(batch).map(([key, tensor]) => [key, (tensor as Tensor).arraySync()]));
  }) as never;
}

const asks: HeadConfig = { kind: "question-answering" };
const context = "the cat sat on the red mat and the dog ate a hat";
const at = (piece: string, text = context) => ({ from: text.indexOf(piece), to: text.indexOf(piece) + piece.length });
const question = (piece: string): Row => ({ text: "the hat", pair: context, answer: { text: piece, ...at(piece) } });

describe.each<Family>(["bert", "roberta"])("answers under %s", (family) => {
  test("become the first and the last token of what stands there", () => {
    for (const piece of ["the cat", "red mat", "dog", "a hat", context]) {
      const { ids, labels } = batchOf(made(family, asks), [question(piece)]);
      const [first, last] = labels![0]!;
      expect(tokenizers[family].decode(ids![0]!.slice(first, last! + 1)).trim()).toBe(piece);
    }
  });

  test("and none is the classification token", () => {
    const { labels } = batchOf(made(family, asks), [{ text: "the hat", pair: context, answer: null }]);
    expect(labels).toEqual([[0, 0]]);
  });

  test("that a window does not hold whole are none in it, and stand in another", () => {
    const toBatch = made(family, asks, { maxLength: 16, stride: 4 });
    const { ids, labels, mask } = batchOf(toBatch, [question("dog"), { ...question("dog"), answer: null }]);
    const { windows } = toBatch.report();
    expect(toBatch.report()).toEqual({ rows: 2, windows: ids!.length, cutRows: 0, cutTokens: 0 });
    expect(windows).toBeGreaterThan(3);
    const found = labels!.flatMap(([first, last], i) =>
      first === 0 ? [] : [tokenizers[family].decode(ids![i]!.slice(first, last! + 1)).trim()],
    );
    expect(new Set(found)).toEqual(new Set(["dog"]));
    expect(
      labels!
        .slice(windows / 2)
        .flat()
        .every((label) => label === 0),
    ).toBe(true);
    expect(mask!.flat().every((real) => real === 0 || real === 1)).toBe(true);
  });

  test("that are cut off are an error, not none", () => {
    expect(() => batchOf(made(family, asks, { maxLength: 16 }), [question("a hat")])).toThrow(
      "collate: row 0's answer lies behind the 16 tokens that are kept; pass stride for windows over long texts",
    );
  });
});

test("the question is never cut, and what the context loses is counted", () => {
  const toBatch = made("bert", asks, { maxLength: 12 });
  const { ids } = batchOf(toBatch, [{ text: "the hat", pair: context }]);
  expect(ids![0]!.slice(0, 4)).toEqual(tokenizers.bert.encode("the hat").ids);
  const whole = tokenizers.bert.encode("the hat", context).ids.length;
  expect(toBatch.report()).toEqual({ rows: 1, windows: 1, cutRows: 1, cutTokens: whole - 12 });
});

test.each<[string, Row, string]>([
  ["no context", { text: "the hat" }, "needs a question as text, and as pair the text that it is about, got undefined"],
  [
    "another text",
    { ...question("dog"), answer: { ...at("dog"), text: "cat" } },
    `answer is "cat", and from 35 to 38 stands "dog"`,
  ],
  [
    "a place behind the text",
    { ...question("dog"), answer: { from: 3, to: 90 } },
    "needs from and to, places in its text of 48 characters",
  ],
  ["a blank", { ...question("dog"), answer: { from: 3, to: 4 } }, "with something but blanks between them"],
  ["no place", { ...question("dog"), answer: { text: "dog" } as never }, "needs from and to"],
])("%s is an error that names the row", (_, row, message) => {
  expect(() => batchOf(made("bert", asks), [row])).toThrow(message);
});

const tags = heads["token-classification"];

describe.each<Family>(["bert", "roberta"])("spans under %s", (family) => {
  test("label every token in them, the first as a beginning, and what is outside as O", () => {
    const spans = [
      { ...at("dog"), label: "LOC" },
      { ...at("red mat"), label: "PER" },
    ];
    const { ids, labels } = batchOf(made(family, tags), [{ text: context, spans }]);
    const words = labels![0]!.map((label, i) => [tokenizers[family].decode([ids![0]![i]!]).trim(), label] as const);
    const inside = words.filter(([, label]) => label > 0);
    expect(inside.map(([word]) => word).join("")).toBe("redmatdog");
    expect(inside[0]![1]).toBe(1); // B-PER
    expect(inside.filter(([, label]) => label === 1)).toHaveLength(1);
    expect(inside.filter(([, label]) => label === 3)).toHaveLength(1); // B-LOC
    expect(inside.filter(([, label]) => label === 2).length).toBeGreaterThan(0); // I-PER
    expect(words[0]![1]).toBe(-100);
    expect(words.filter(([, label]) => label === 0).length).toBeGreaterThan(10);
  });

  test("go on in the next window as they would in one", () => {
    const spans = [{ ...at("the red mat and the dog"), label: "PER" }];
    const whole = batchOf(made(family, tags), [{ text: context, spans }]).labels![0]!.filter((label) => label !== -100);
    const { labels } = batchOf(made(family, tags, { maxLength: 9, stride: 0 }), [{ text: context, spans }]);
    expect(labels!.flatMap((row) => row.filter((label) => label !== -100))).toEqual(whole);
  });

  test("of words go on in the next window too", () => {
    const target = context.split(" ").map((_, i) => tags.labels[i % 5]!);
    const { labels } = batchOf(made(family, tags, { maxLength: 7, stride: 0 }), [{ text: context, target }]);
    expect(labels!.flatMap((row) => row.filter((label) => label !== -100))).toEqual(target.map((_, i) => i % 5));
  });
});

test.each<[string, Partial<Row>, string]>([
  [
    "an unknown label",
    { spans: [{ ...at("dog"), label: "PRE" }] },
    'a span with the label "PRE", the head has O, PER, LOC; was PER meant',
  ],
  [
    "overlapping spans",
    {
      spans: [
        { from: 0, to: 7, label: "PER" },
        { from: 4, to: 9, label: "LOC" },
      ],
    },
    "has spans that overlap at 4",
  ],
  ["half a token", { spans: [{ from: 0, to: 6, label: "PER" }] }, 'that ends within a token, "cat"'],
  ["both forms", { spans: [], target: [] }, "has a target and spans"],
  ["a pair", { spans: [], pair: "a" }, "has a pair, and labels of tokens are of one text"],
  ["an empty span", { spans: [{ from: 3, to: 3, label: "PER" }] }, "row 0's span 0 needs from and to"],
])("%s of a row is an error", (_, row, message) => {
  expect(() => batchOf(made("bert", tags), [{ text: context, ...row }])).toThrow(message);
});

test("spans need a label for what is outside", () => {
  const head: HeadConfig = { kind: "token-classification", labels: ["PER", "LOC"] };
  expect(() => batchOf(made("bert", head), [{ text: context, spans: [] }])).toThrow('the head has no label "O"');
});

test("windows of a language model share words, which are learnt once", () => {
  const toBatch = made("roberta", { kind: "causal-lm" }, { maxLength: 12, stride: 4, padTo: [12] }, "gpt2");
  const { ids, labels } = batchOf(toBatch, [{ text: context }]);
  const whole = tokenizers.roberta.encode(context).ids.slice(1, -1);
  const learnt = labels!.flatMap((row) => row.filter((label) => label > 4));
  expect(learnt).toEqual(whole);
  expect(ids![1]!.slice(1, 5)).toEqual(ids![0]!.slice(7, 11)); // four words of the first window
  expect(labels![1]!.slice(1, 5)).toEqual([-100, -100, -100, -100]);
});

test("hidden words of a long text are in the windows that have their masks", () => {
  const row = { text: context.replace("dog", "[MASK]").replace("cat", "[MASK]"), target: context };
  const whole = batchOf(made("bert", heads["masked-lm"]), [row]);
  const parts = batchOf(made("bert", heads["masked-lm"], { maxLength: 9, stride: 0 }), [row]);
  const words = (labels: unknown): number[] => (labels as number[]).filter((label) => label !== -100);
  expect(words(parts.labels)).toEqual(words(whole.labels));
});

test("a label of a long text is that of each of its windows", () => {
  const head = heads["sequence-classification"];
  const toBatch = made("bert", head, { maxLength: 8, stride: 2 });
  const { ids, labels } = batchOf(toBatch, [
    { text: context, label: "spam" },
    { text: "a dog", label: "ham" },
  ]);
  expect(labels).toEqual([...new Array<number>(ids!.length - 1).fill(1), 0]);
});

describe("padding at the start", () => {
  const rows = [{ text: "the cat sat on the mat" }, { text: "a dog" }];

  test("moves ids, mask and labels", () => {
    const labelled = rows.map((row) => ({ ...row, spans: [] }));
    const end = batchOf(made("roberta", tags), labelled);
    const start = batchOf(made("roberta", tags, { padding: "start" }), labelled);
    for (const key of ["ids", "mask", "labels"]) {
      for (const [i, row] of end[key]!.entries()) {
        const count = end["mask"]![i]!.filter((real) => real === 1).length;
        expect(start[key]![i]!.slice(row.length - count)).toEqual(row.slice(0, count));
        expect(start[key]![i]!.slice(0, row.length - count)).toEqual(row.slice(count));
      }
    }
  });

  test("moves answers and hidden words", () => {
    const { ids, labels } = batchOf(made("roberta", asks, { padding: "start", padTo: [40] }), [question("dog")]);
    const [first, last] = labels![0]!;
    expect(tokenizers.roberta.decode(ids![0]!.slice(first, last! + 1)).trim()).toBe("dog");
    // Two letters that are no token together.
    const target = [..."dhcs"]
      .flatMap((a) => [..."dmrs"].map((b) => a + b))
      .find((two) => tokenizers.roberta.pieces(two).length === 2)!;
    const row = { text: `${target[0]}<mask>`, target };
    const hidden = batchOf(made("roberta", heads["masked-lm"], { padding: "start", padTo: [40] }), [row]);
    const [place] = hidden["positions"] as unknown as number[];
    expect(hidden["ids"]![0]![place!]).toBe(tokenizers.roberta.special.mask);
  });

  test.each<[string, Family, HeadConfig | undefined, string]>([
    ["a model that counts padding", "bert", undefined, "a bert counts its positions from the first column on"],
    ["a head on the first token", "roberta", heads.regression, "the regression head reads the first column"],
  ])("is refused for %s", (_, family, head, message) => {
    expect(() => made(family, head, { padding: "start" })).toThrow(
      `collate: ${message}, padding or not: pad at the "end"`,
    );
  });

  test("is allowed where the head reads other rows", () => {
    made("roberta", { kind: "regression", pool: "mean" }, { padding: "start" });
    made("roberta", { kind: "regression" }, { padding: "start" }, "gpt2");
  });
});

test.each([
  [{ stride: -1 }, undefined, "stride must be a whole number from 0, got -1"],
  [{ stride: 2 }, { kind: "sequence-to-sequence" }, 'stride is not for a head of kind "sequence-to-sequence"'],
  [{ padding: "left" }, undefined, 'padding must be "start" or "end", got "left"'],
])("%j is refused", (options, head, message) => {
  expect(() => made("bert", head as HeadConfig, options as never)).toThrow(`collate: ${message}`);
});

describe("conversations", () => {
  const template =
    "{% for message in messages %}<s>{{ message.role }} {% if message.role == 'assistant' %}{% generation %}{{ message.content }}</s>{% endgeneration %}{% else %}{{ message.content }}</s>{% endif %}{% endfor %}";
  const messages = [
    { role: "user", content: "the cat" },
    { role: "assistant", content: "a dog" },
    { role: "user", content: "chat" },
    { role: "assistant", content: "the end" },
  ];
  const learner: HeadConfig = { kind: "causal-lm" };
  const toBatch = (options: Partial<CollateOptions> = {}) =>
    made("roberta", learner, { maxLength: 60, chat: { template }, ...options }, "gpt2");

  test("are learnt where the assistant speaks", () => {
    const { ids, labels } = batchOf(toBatch(), [{ messages }]);
    const learnt = labels![0]!.filter((label) => label !== -100);
    expect(tokenizers.roberta.decode(learnt, { skipSpecial: false })).toBe("a dog</s> the end</s>");
    expect(ids![0]!.slice(0, 40)).toEqual(tokenizers.roberta.chat(messages, { template }).ids.slice(0, 40));
  });

  test("lose an end that does not fit, which is counted", () => {
    const whole = tokenizers.roberta.chat(messages, { template }).ids.length;
    const short = toBatch({ maxLength: whole - 4, truncation: "start" });
    batchOf(short, [{ messages }]);
    expect(short.report()).toEqual({ rows: 1, windows: 1, cutRows: 1, cutTokens: 4 });
  });

  test.each<[string, object, string]>([
    ["nothing of the assistant's", { messages: messages.slice(0, 1) }, "has nothing of the assistant's in the"],
    ["a key of other rows", { messages, target: "a" }, 'has messages and tools, and no "target"'],
    ["no list", { messages: "a" }, 'needs a list of messages, got "a"'],
  ])("with %s are an error", (_, row, message) => {
    expect(() => batchOf(toBatch(), [row as never])).toThrow(
      `collate: row 0 ${message.replace(/^has messages/, "is a conversation, which has messages")}`,
    );
  });

  test("are for language models", () => {
    expect(() => batchOf(made("bert", heads.regression), [{ messages } as never])).toThrow(
      "row 0 is a conversation, which a causal-lm head learns, and this model has a regression head",
    );
    expect(() => toBatch({ chat: { templat: "a" } as never })).toThrow('unknown option "templat"');
  });
});
