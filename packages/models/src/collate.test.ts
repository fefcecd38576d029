import { disposeParameters, random } from "@cambium/core";
import { dispose, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { asArchitecture } from "./architecture.ts";
import { bert, roberta } from "./architectures/index.ts";
import { type CollateOptions, collate } from "./collate.ts";
import { createModel } from "./create.ts";
import { type Family, fixture, fixtureJson, heads } from "./fixtures.ts";
import type { HeadConfig } from "./head-config.ts";
import { predictor } from "./predictor.ts";
import type { Row } from "./row.ts";
import type { CollateModel } from "./rows/assembler.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "./tokenizer.ts";

const sizes = { hidden_size: 4, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 6 };

function modelOf(family: Family, head?: HeadConfig, vocabulary = 61): CollateModel {
  const types = family === "bert" ? 2 : 1;
  const config = {
    model_type: family,
    ...sizes,
    vocab_size: vocabulary,
    max_position_embeddings: 42,
    type_vocab_size: types,
  };
  const architecture = asArchitecture(family === "bert" ? bert : roberta);
  return { architecture, config: architecture.parse("test", config, "user"), ...(head === undefined ? {} : { head }) };
}

const tokenizers = {} as Record<Family, Tokenizer>;
beforeAll(async () => {
  for (const family of ["bert", "roberta"] as const) tokenizers[family] = await loadTokenizer(fixture(family));
});

/** The batch of rows as arrays. */
function batchOf(
  family: Family,
  head: HeadConfig | undefined,
  rows: readonly Row[],
  options: Partial<CollateOptions> = {},
): Record<string, unknown> {
  return tidy(() => {
    const batch = collate(modelOf(family, head), tokenizers[family], { maxLength: 40, ...options })(rows);
    return Object.fromEntries(Object.entries(batch).map(([key, tensor]) => [key, (tensor as Tensor).arraySync()]));
  });
}

const cat = { text: "the cat sat on the mat" }; // 9 tokens
const dog = { text: "a dog", pair: "the cat" }; // 7 tokens

test.each([
  [3, 4],
  [9, 12],
  [29, 32],
  [33, 40],
])("%i tokens are filled up to %i: by an eighth of a power of two at most, or by three tokens", (count, expected) => {
  const ids = batchOf("bert", undefined, [{ text: "cat ".repeat(count - 2) }], { maxLength: 42 })["ids"] as number[][];
  expect(ids[0]).toHaveLength(expected);
});

test("a row's length is that of the batch that it needs", () => {
  const toBatch = collate(modelOf("bert"), tokenizers.bert, { maxLength: 8 });
  expect([cat, dog].map(toBatch.lengthOf)).toEqual([8, 7]);
  expect(toBatch.report().rows).toBe(0);
  const windows = collate(modelOf("bert"), tokenizers.bert, { maxLength: 5, stride: 0 });
  expect(windows.lengthOf(cat)).toBe(5);
  expect(() => toBatch.lengthOf({} as never)).toThrow("row 0 needs a text");
});

test("rows are padded to one length, which few batches have unless said otherwise", () => {
  const shapeOf = (options?: Partial<CollateOptions>): number[] =>
    (batchOf("bert", undefined, [cat, dog], options)["ids"] as number[][]).map((row) => row.length);
  expect(shapeOf()).toEqual([12, 12]);
  expect(shapeOf({ padTo: [4, 10, 12] })).toEqual([10, 10]);
  expect(shapeOf({ padTo: [4] })).toEqual([40, 40]); // no listed length is enough
  expect(shapeOf({ maxLength: 12 })).toEqual([12, 12]);
  expect(shapeOf({ maxLength: 5 })).toEqual([5, 5]);
});

test("a text without tokens is an error that names its row, alone and among others", () => {
  const { encode } = tokenizers.bert;
  const bare: Tokenizer = {
    ...tokenizers.bert,
    encode: (text, ...rest) =>
      text === "" ? { ids: [], types: [], offsets: [], words: [], sequences: [] } : encode(text, ...rest),
  };
  const toBatch = collate(modelOf("bert"), bare, { maxLength: 40 });
  expect(() => toBatch([{ text: "" }])).toThrow("collate: row 0 has no token");
  expect(() => toBatch([cat, { text: "" }])).toThrow("collate: row 1 has no token");
});

test("ids, mask and types of a batch are those of its rows, then padding", () => {
  expect(batchOf("bert", undefined, [cat, dog], { padTo: [10] })).toEqual({
    ids: [
      [2, 31, 32, 17, 30, 42, 31, 40, 3, 0],
      [2, 5, 36, 3, 31, 32, 3, 0, 0, 0],
    ],
    mask: [
      [1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
      [1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    ],
    types: [
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 1, 1, 1, 0, 0, 0],
    ],
  });
});

test("a model of one segment gets no types, and its own padding", () => {
  const batch = batchOf("roberta", undefined, [cat, dog], { padTo: [10] });
  expect(Object.keys(batch)).toEqual(["ids", "mask"]);
  expect((batch["ids"] as number[][])[1]!.slice(-2)).toEqual([1, 1]);
});

test("labels of sequences may be names or indices", () => {
  const rows = [
    { ...cat, label: "phishing" },
    { ...dog, label: 1 },
  ];
  expect(batchOf("bert", heads["sequence-classification"], rows)["labels"]).toEqual([2, 1]);
});

test("labels of regression are floats", () => {
  const rows = [
    { ...cat, label: 0.5 },
    { ...dog, label: -2 },
  ];
  expect(batchOf("bert", heads.regression, rows)["labels"]).toEqual([0.5, -2]);
});

const several: HeadConfig = { kind: "sequence-classification", labels: ["urgent", "polite", "odd"], multiLabel: true };
const named: HeadConfig = { kind: "regression", outputs: ["height", "weight"] };

test("several labels of a sequence become ones and zeros, an empty list none", () => {
  const rows = [
    { ...cat, label: ["odd", "urgent"] },
    { ...dog, label: [] },
    { ...cat, label: [1] },
  ];
  expect(batchOf("bert", several, rows)["labels"]).toEqual([
    [1, 0, 1],
    [0, 0, 0],
    [0, 1, 0],
  ]);
});

test("several outputs are a list, or numbers by name in any order", () => {
  const rows = [
    { ...cat, label: [0.5, 2] },
    { ...dog, label: { weight: 3, height: -1 } },
  ];
  expect(batchOf("bert", named, rows)["labels"]).toEqual([
    [0.5, 2],
    [-1, 3],
  ]);
});

test.each<[string, HeadConfig, Row["label"], string]>([
  [
    "one label for several",
    several,
    "odd",
    'row 0 needs a list of labels, which may be empty, because the head gives several; got "odd"',
  ],
  [
    "a mistyped one of several",
    several,
    ["od"],
    'row 0 has the label "od", the head has urgent, polite, odd; was odd meant',
  ],
  ["several labels for one", heads["sequence-classification"], ["ham"], 'row 0 has the label ["ham"]'],
  [
    "one number for two",
    named,
    3,
    "row 0 needs a list of 2 numbers as label, or numbers by name (height, weight); got 3",
  ],
  [
    "three numbers for two",
    { kind: "regression", outputs: 2 },
    [1, 2, 3],
    "needs a list of 2 numbers as label; got [1,2,3]",
  ],
  ["a number without its name", named, { height: 1 }, "finite in float32 as label, got undefined"],
  ["a number of another name", named, { height: 1, weight: 2, age: 3 }, "needs a list of 2 numbers"],
  ["two numbers for one", heads.regression, [1, 2], "finite in float32 as label, got [1,2]"],
])("%s is an error that names the row", (_, head, label, message) => {
  expect(() => batchOf("bert", head, [{ ...cat, label: label! }])).toThrow(message);
});

test.each<Family>(["bert", "roberta"])("%s's first token of each word carries the word's label", (family) => {
  const row = { text: "the  dog hid\tcats", target: ["O", "B-PER", "O", "B-LOC"] };
  const batch = batchOf(family, heads["token-classification"], [row], { padTo: [40] });
  expect((batch["ids"] as number[][])[0]).toEqual(
    (batchOf(family, undefined, [{ text: "the dog hid cats" }], { padTo: [40] })["ids"] as number[][])[0],
  );
  const labels = (batch["labels"] as number[][])[0]!;
  expect(labels.filter((label) => label !== -100)).toEqual([0, 1, 0, 3]);
  expect([labels[0], labels[1], labels[2]]).toEqual([-100, 0, 1]);
});

test("words that do not fit are cut with their labels", () => {
  const row = { text: "the dog the cat", target: ["O", "B-PER", "O", "B-LOC"] };
  const batch = batchOf("bert", heads["token-classification"], [row], { maxLength: 4 });
  expect(batch["ids"]).toEqual([[2, 31, 36, 3]]);
  expect(batch["labels"]).toEqual([[-100, 0, 1, -100]]);
});

test("masked words become flat positions and labels, filled up to a multiple of 8", () => {
  const rows = [
    { text: "the [MASK] sat on the [MASK]", target: "the cat sat on the mat" },
    { text: "a [MASK]", target: "a dog" },
  ];
  const batch = batchOf("bert", heads["masked-lm"], rows, { padTo: [10] });
  expect(batch["positions"]).toEqual([2, 7, 12, 0, 0, 0, 0, 0]);
  expect(batch["labels"]).toEqual([32, 40, 36, -100, -100, -100, -100, -100]);
});

test("long rows are counted, and lose the end that was asked for", () => {
  const long = { text: "the cat sat on the mat and the dog", pair: "a dog" };
  const make = (options: Partial<CollateOptions>) =>
    collate(modelOf("bert"), tokenizers.bert, { maxLength: 8, padTo: [8], ...options });
  tidy(() => {
    const toBatch = make({});
    toBatch([cat, { text: "a dog" }]);
    toBatch([long]);
    const tokens = tokenizers.bert.encode(long.text, long.pair).ids.length;
    expect(toBatch.report()).toEqual({ rows: 3, windows: 3, cutRows: 2, cutTokens: 1 + tokens - 8 });
    const start = make({ truncation: "start" });
    expect(start([cat]).ids.arraySync()).toEqual([[2, 32, 17, 30, 42, 31, 40, 3]]);
    expect(toBatch([cat]).ids.arraySync()).toEqual([[2, 31, 32, 17, 30, 42, 31, 3]]);
    expect(start.describe()).not.toEqual(toBatch.describe());
  });
});

test("each kind of target is cut at the end that was asked for, and counted", () => {
  const words = { text: "the dog the cat", target: ["O", "B-PER", "O", "B-LOC"] };
  const hidden = { text: "the cat sat on the [MASK]", target: "the cat sat on the mat" };
  tidy(() => {
    const toWords = collate(modelOf("bert", heads["token-classification"]), tokenizers.bert, {
      maxLength: 4,
      truncation: "start",
    });
    const batch = toWords([words]);
    expect(batch.ids.arraySync()).toEqual([[2, 31, 32, 3]]);
    expect(batch.labels!.arraySync()).toEqual([[-100, 0, 3, -100]]);
    expect(toWords.report()).toEqual({ rows: 1, windows: 1, cutRows: 1, cutTokens: 2 });
    const toHidden = collate(modelOf("bert", heads["masked-lm"]), tokenizers.bert, {
      maxLength: 5,
      truncation: "start",
    });
    expect((toHidden([hidden]).labels!.arraySync() as number[])[0]).toBe(40);
    expect(toHidden.report().cutRows).toBe(1);
  });
});

describe("a tokenizer without a pad token", () => {
  const gpt2 = (config: object = {}) =>
    createTokenizer(fixtureJson("tokenizers/gpt2.json"), { tokenizer_class: "GPT2Tokenizer", ...config });
  const endOfText = { eos_token: "<|endoftext|>" };
  const model = modelOf("bert", undefined, 264);
  const ids = (tokenizer: Tokenizer, options: object = {}): unknown =>
    tidy(() =>
      collate(model, tokenizer, { maxLength: 8, padTo: [4], ...options })([{ text: "the cat" }]).ids.arraySync(),
    );

  test("pads with its eos token, or with padId", () => {
    expect(ids(gpt2(endOfText))).toEqual([[259, 262, 263, 263]]);
    expect(ids(gpt2(endOfText), { padId: 5 })).toEqual([[259, 262, 5, 5]]);
    expect(ids(gpt2({ bos_token: null }), { padId: 5 })).toEqual([[259, 262, 5, 5]]);
  });

  test("and without eos says what is needed", () => {
    expect(() => ids(gpt2({ bos_token: null }))).toThrow(
      'collate without padId needs a pad token, and the tokenizer has none; name it as "pad_token"',
    );
    expect(() => ids(gpt2(endOfText), { padId: 264 })).toThrow(
      "padId must be an id of the model's vocabulary, from 0 to 263",
    );
  });

  test.each([[heads["masked-lm"], { text: "the cat", target: "the cat" }, "row 0 needs a mask token"]])(
    "%j says which token a row needs",
    (head, row, message) => {
      const toBatch = collate(modelOf("bert", head, 264), gpt2(endOfText), { maxLength: 8 });
      expect(() => toBatch([row])).toThrow(`collate: ${message}`);
    },
  );
});

describe("labels that are numbers", () => {
  const stars: HeadConfig = { kind: "sequence-classification", labels: ["1", "2", "3", "4", "5"] };
  const labels = (head: HeadConfig, label: string | number): unknown =>
    batchOf("bert", head, [{ ...cat, label }])["labels"];

  test("a number that could be a label's name or its index is refused; the name is not", () => {
    expect(() => labels(stars, 1)).toThrow(
      'row 0 has the number 1 as label, and the head\'s labels are numbers as well (1, 2, 3, 4, 5); write the label as a text, such as "1"',
    );
    expect(() => labels(stars, 0)).toThrow("write the label as a text");
    expect(labels(stars, "1")).toEqual([0]);
  });

  test("where name and index are one, both are accepted", () => {
    const digits: HeadConfig = { kind: "sequence-classification", labels: ["0", "1", "2"] };
    expect(labels(digits, 1)).toEqual([1]);
    expect(labels(digits, "1")).toEqual([1]);
  });

  test.each([-1, -100, 3, 1.5, Number.NaN])("%f is no class of three", (label) => {
    expect(() => labels(heads["sequence-classification"], label)).toThrow(`row 0 has the label ${label}`);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e39])("%f is no target of regression", (label) => {
    expect(() => labels(heads.regression, label)).toThrow("row 0 needs a number that is finite in float32 as label");
  });
});

test("rows without labels make a batch without labels", () => {
  for (const head of Object.values(heads)) expect(batchOf("bert", head, [cat])).not.toHaveProperty("labels");
});

describe("errors name what is wrong", () => {
  const classes = heads["sequence-classification"];
  test.each([
    ["an empty batch", classes, [], "at least one row"],
    ["a row without text", classes, [{} as Row], "row 0 needs a text"],
    ["a label among rows without", classes, [cat, { ...cat, label: "ham" }], "row 0 has no label"],
    [
      "a mistyped label",
      classes,
      [{ ...cat, label: "phising" }],
      'row 0 has the label "phising", the head has ham, spam, phishing; was phishing meant',
    ],
    ["an index without a label", classes, [{ ...cat, label: 3 }], "row 0 has the label 3"],
    [
      "a word for a number",
      heads.regression,
      [{ ...cat, label: "much" }],
      'row 0 needs a number that is finite in float32 as label, got "much"',
    ],
    ["too few word labels", heads["token-classification"], [{ ...cat, target: ["O"] }], "row 0 has 6 words"],
    [
      "a target of another length",
      heads["masked-lm"],
      [{ text: "the [MASK]", target: "the cat sat" }],
      "row 0's target",
    ],
    [
      "a target that differs elsewhere",
      heads["masked-lm"],
      [{ text: "the [MASK]", target: "a cat" }],
      "row 0's target",
    ],
  ])("%s", (_, head, rows, message) => {
    expect(() => batchOf("bert", head, rows)).toThrow(message);
  });

  test.each([
    [{ max_length: 16 }, 'unknown option "max_length"; is "maxLength" meant?'],
    [{ padTo: [0] }, "padTo[0] must be a length of at least 1, got 0"],
    [{ truncation: "left" }, 'truncation must be "start" or "end", got "left"'],
  ])("%j as options", (options, message) => {
    const make = (): unknown =>
      collate(modelOf("bert"), tokenizers.bert, { maxLength: 16, ...options } as CollateOptions);
    expect(make).toThrow(`collate: ${message}`);
  });

  test("ids and types of a tokenizer that the model has no row for, in their row", () => {
    const { bert: own } = tokenizers;
    const strange = (change: object): Tokenizer => ({ ...own, encode: (text) => ({ ...own.encode(text), ...change }) });
    const make = (change: object) => () => collate(modelOf("bert"), strange(change), { maxLength: 16 })([cat, cat]);
    expect(make({ ids: [2, 61, 3] })).toThrow(
      "ids must be from 0 to 60, the model's vocabulary, got 61 in row 0, column 1",
    );
    expect(make({ ids: [2, 3], types: [0, 2] })).toThrow(
      "types must be from 0 to 1, the model's segments, got 2 in row 0",
    );
  });

  test("a tokenizer with more tokens than the model embeds", () => {
    const make = (): unknown => collate(modelOf("bert", undefined, 52), tokenizers.bert, { maxLength: 16 });
    expect(make).toThrow("the tokenizer has 53 tokens, the model embeds 52");
  });

  test("a tokenizer that pads with another id than RoBERTa counts on", () => {
    expect(() => collate(modelOf("roberta"), tokenizers.bert, { maxLength: 16 })).toThrow("pads with id 0");
  });

  test.each([2, 43, 10.5])("a maximum length of %f", (maxLength) => {
    expect(() => collate(modelOf("bert"), tokenizers.bert, { maxLength })).toThrow("maxLength must be from 3 to 42");
  });
});

test("a collated batch runs through the model, and its loss is finite", () => {
  const model = createModel({ model_type: "bert", ...sizes, vocab_size: 53 }, random(1), { head: heads["masked-lm"] });
  const batch = collate(model, tokenizers.bert, { maxLength: 16 })([{ text: "the [MASK] sat", target: "the cat sat" }]);
  tidy(() => {
    expect(model.loss!(batch).dataSync()[0]).toBeGreaterThan(0);
  });
  dispose([...model.parameters.values(), ...Object.values<Tensor>({ ...batch })]);
});

test("a text that has the token in front already, which the tokenizer puts there, is an error, not two of them", () => {
  const llama3 = createTokenizer(fixtureJson("tokenizer-strings/llama3.json"), {
    bos_token: "<|begin_of_text|>",
    eos_token: "<|end_of_text|>",
  });
  const model = createModel(
    {
      model_type: "llama",
      vocab_size: llama3.vocabularySize,
      hidden_size: 4,
      num_attention_heads: 1,
      num_hidden_layers: 1,
    },
    random(1),
    { head: { kind: "causal-lm" } },
  );
  const toBatch = collate(model, llama3, { maxLength: 8 });
  const rows: readonly Row[] = [{ text: "<|begin_of_text|>a" }, { text: "<|begin_of_text|>a", target: "b" }];
  for (const row of rows)
    expect(() => toBatch([{ text: "a" }, row])).toThrow('row 1 would begin with "<|begin_of_text|>" twice');
  const { ids, mask, labels } = toBatch([{ text: "a<|begin_of_text|>" }]);
  expect(ids.arraySync()[0]!.slice(0, 3)).toEqual([0, llama3.encode("a").ids[1], 0]);
  dispose([ids, mask, labels!]);
  disposeParameters(model.parameters);
  const architecture = asArchitecture(bert);
  const config = architecture.parse("test", { ...bert.tiny(0), vocab_size: llama3.vocabularySize }, "user");
  const judge = predictor({ architecture, config, head: { kind: "regression" } } as never, llama3, { maxLength: 8 });
  return expect(judge(rows[0]!)).rejects.toThrow("twice");
});
