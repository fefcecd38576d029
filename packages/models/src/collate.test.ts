import { random } from "@cambium/core";
import { dispose, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { asArchitecture } from "./architecture.ts";
import { bert, roberta } from "./architectures/index.ts";
import { type CollateModel, type CollateOptions, collate } from "./collate.ts";
import { createModel } from "./create.ts";
import { type Family, fixture, heads } from "./fixtures.ts";
import type { HeadConfig } from "./head-config.ts";
import type { Row } from "./row.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

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

test("rows are padded to one length, a multiple of 16 unless said otherwise", () => {
  const shapeOf = (options?: Partial<CollateOptions>): number[] =>
    (batchOf("bert", undefined, [cat, dog], options)["ids"] as number[][]).map((row) => row.length);
  expect(shapeOf()).toEqual([16, 16]);
  expect(shapeOf({ padTo: [4, 10, 12] })).toEqual([10, 10]);
  expect(shapeOf({ padTo: [4] })).toEqual([40, 40]); // no listed length is enough
  expect(shapeOf({ maxLength: 12 })).toEqual([12, 12]);
  expect(shapeOf({ maxLength: 5 })).toEqual([5, 5]);
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
    ["a word for a number", heads.regression, [{ ...cat, label: "much" }], "row 0 needs a finite number"],
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
