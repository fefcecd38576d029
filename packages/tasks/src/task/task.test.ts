import { disposeParameters } from "@cambium/core";
import {
  collate,
  createTokenizer,
  type LabelScore,
  predictor,
  type RunnableModel,
  type Tokenizer,
} from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { defineTask, type Form, type TaskOptions } from "./define-task.ts";

const words = [
  "[PAD]",
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "[MASK]",
  "good",
  "bad",
  "so",
  "it",
  "is",
  "a",
  "b",
  "c",
  "d",
  "e",
  ":",
];
const parts = {
  model: { type: "WordPiece", unk_token: "[UNK]", vocab: Object.fromEntries(words.map((word, id) => [word, id])) },
  added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((content) => ({
    id: words.indexOf(content),
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  })),
  normalizer: null,
  pre_tokenizer: { type: "Whitespace" },
  decoder: null,
};
const tokenizer = createTokenizer({
  ...parts,
  post_processor: { type: "BertProcessing", cls: ["[CLS]", 2], sep: ["[SEP]", 3] },
});
const ended = { single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "[SEP]", type_id: 0 } }] };
/** Ends each text, as an encoder-decoder's does. */
const ending = createTokenizer(
  {
    ...parts,
    post_processor: {
      type: "TemplateProcessing",
      ...ended,
      pair: ended.single,
      special_tokens: { "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] } },
    },
  },
  { eos_token: "[SEP]", pad_token: "[PAD]" },
);

const options = {
  name: "mood",
  labels: ["positive", "negative"],
  template: {
    mask: "{text} it is {answer} so",
    continuation: "{text} it is {answer}",
    "text-to-text": "{text} : {answer}",
  },
  words: { positive: "good", negative: "bad so" },
} as const satisfies TaskOptions;
const mood = defineTask(options);
const oneWord = defineTask({ ...options, words: { positive: "good", negative: "bad" } });
const rows = [
  { text: "a b", label: "positive" },
  { text: "c d e a b c", label: "negative" },
];

test("each form has its head", () => {
  expect(mood.head("class-head")).toEqual({ kind: "sequence-classification", labels: ["positive", "negative"] });
  expect(mood.head("mask")).toEqual({ kind: "masked-lm" });
  expect(mood.head("continuation")).toEqual({ kind: "causal-lm" });
  expect(mood.head("text-to-text")).toEqual({ kind: "sequence-to-sequence" });
  expect(defineTask({ name: "n", kind: "numbers" }).head("class-head")).toEqual({ kind: "regression" });
});

test("each form has its rows", () => {
  const of = (form: Form) => oneWord.rows(rows, { form, tokenizer, maxLength: 16 }).rows[0];
  expect(of("class-head")).toEqual({ text: "a b", label: "positive" });
  expect(of("mask")).toEqual({ text: "a b it is [MASK] so", target: "a b it is good so" });
  expect(of("continuation")).toEqual({ text: "a b it is", target: " good" });
  expect(of("text-to-text")).toEqual({ text: "a b :", target: "good" });
});

test("pairs go into the template, and texts to be written are targets", () => {
  const define = defineTask({ name: "define", template: "{text} {pair} : {answer}" });
  const { rows: made } = define.rows([{ text: "a", pair: "b", target: "c d" }], {
    form: "continuation",
    tokenizer,
    maxLength: 16,
  });
  expect(made).toEqual([{ text: "a b :", target: " c d" }]);
});

test("the text is cut, never the template, and the same for every answer", () => {
  const long = [{ text: "a b c d e a b c d e", label: "positive" }];
  const mask = oneWord.rows(long, { form: "mask", tokenizer, maxLength: 10 });
  expect(mask).toEqual({ rows: [{ text: "a b c d it is [MASK] so", target: "a b c d it is good so" }], cutRows: 1 });
  const after = mood.rows(long, { form: "continuation", tokenizer, maxLength: 10 });
  // [CLS], [SEP], "it is" and the two tokens of the longer answer leave four.
  expect(after.rows[0]).toEqual({ text: "a b c d it is", target: " good" });
  expect(() => oneWord.rows(long, { form: "mask", tokenizer, maxLength: 5 })).toThrow("leaves no room for a text");
});

/** The mean loss of one row, in nats, and tokens that it is over. */
async function lossOf(
  model: RunnableModel & { loss?: unknown },
  own: Tokenizer,
  text: string,
  target: string,
): Promise<number> {
  const batch = collate(model, own, { maxLength: 16 })([{ text, target }]);
  const loss = (model.loss as (input: unknown) => Tensor)(batch);
  const [value] = await loss.data();
  dispose([loss, ...(Object.values(batch) as Tensor[])]);
  return value!;
}

const byLabel = (scores: readonly LabelScore[]) => Object.fromEntries(scores.map(({ label, score }) => [label, score]));

test.each([
  ["continuation", "gpt2", "a b it is", [" good", " bad so"]],
  ["continuation", "llama", "a b it is", [" good", " bad so"]],
  ["text-to-text", "t5", "a b :", ["good", "bad so"]],
] as const)("an answer's probability by %s of %s is that of its loss", async (form, type, prompt, answers) => {
  const model = tinyModel({ type, head: mood.head(form), dropout: 0 });
  const own = type === "t5" ? ending : tokenizer;
  const counts = form === "continuation" ? [1, 2] : answers.map((answer) => own.encode(answer).ids.length);
  const likely: number[] = [];
  for (const [i, answer] of answers.entries())
    likely.push(Math.exp(-(await lossOf(model, own, prompt, answer)) * counts[i]!));
  const total = likely.reduce((sum, value) => sum + value, 0);
  const [scores] = await mood.classifier(model, own, { form, maxLength: 16 })(rows);
  expect(byLabel(scores!)["positive"]).toBeCloseTo(likely[0]! / total, 5);
  expect(scores![0]!.score).toBeGreaterThanOrEqual(scores![1]!.score);
  disposeParameters(model.parameters);
});

test("a word's probability at a mask is its share of what the predictor gives for the words", async () => {
  const model = tinyModel({ type: "bert", head: oneWord.head("mask"), dropout: 0 });
  const fill = predictor(model, tokenizer, { topK: 1000 });
  const classify = oneWord.classifier(model, tokenizer, { form: "mask", maxLength: 16, batchSize: 1 });
  const results = await classify(rows);
  for (const [i, { text }] of rows.entries()) {
    const filled = (await fill(`${text} it is [MASK] so`)) as readonly {
      readonly id: number;
      readonly score: number;
    }[];
    const scoreOf = (word: string): number => filled.find(({ id }) => id === words.indexOf(word))!.score;
    const wanted = scoreOf("good") / (scoreOf("good") + scoreOf("bad"));
    expect(byLabel(results[i]!)["positive"]).toBeCloseTo(wanted, 5);
  }
  disposeParameters(model.parameters);
});

test("a mask that stands in a text moves no other row's answer", async () => {
  const model = tinyModel({ type: "bert", head: oneWord.head("mask"), dropout: 0 });
  const classify = oneWord.classifier(model, tokenizer, { form: "mask", maxLength: 16 });
  const [masked, plain] = [{ text: "[MASK] b" }, { text: "a b c d" }];
  const [[alone], together] = [await classify([plain]), await classify([masked, plain])];
  expect(byLabel(together[1]!)["positive"]).toBeCloseTo(byLabel(alone!)["positive"]!, 5);
  disposeParameters(model.parameters);
});

test.each([{ batchSize: 0 }, { batchSize: 1.5 }, { maxLength: 0 }])("a classifier with %j is refused", (settings) => {
  const model = tinyModel({ type: "bert", head: oneWord.head("mask") });
  expect(() => oneWord.classifier(model, tokenizer, { form: "mask", maxLength: 16, ...settings })).toThrow(
    `task.classifier: ${Object.keys(settings)[0]} must be a whole number above 0`,
  );
  disposeParameters(model.parameters);
});

test("by a class head it is the predictor, in any batch size", async () => {
  const model = tinyModel({ type: "bert", head: mood.head("class-head") });
  const classify = mood.classifier(model, tokenizer, { form: "class-head", maxLength: 16 });
  expect(await classify(rows)).toEqual(await predictor(model, tokenizer)(rows.map(({ text }) => text)));
  disposeParameters(model.parameters);
});

const one = { form: "mask", tokenizer, maxLength: 16 } as const;
test.each<[string, () => unknown, string]>([
  ["a class without labels", () => defineTask({ name: "x", kind: "classes" }), 'task "x" needs labels'],
  ["texts with labels", () => defineTask({ name: "x", kind: "texts", labels: ["a", "b"] }), "has no labels, got a, b"],
  ["a word for no label", () => defineTask({ ...options, words: { positve: "good" } }), 'words has "positve"'],
  [
    "one word for two labels",
    () => defineTask({ ...options, words: { positive: "good", negative: "good" } }),
    'the word "good" stands for two',
  ],
  [
    "an unknown slot",
    () => defineTask({ ...options, template: "{txt} {answer}" }),
    "has a slot {txt}, known are {text}",
  ],
  ["a slot twice", () => defineTask({ ...options, template: "{text} {text} {answer}" }), "has {text} twice"],
  ["no answer", () => defineTask({ ...options, template: "{text}" }), "has no {answer}"],
  [
    "words after the answer",
    () => defineTask({ ...options, template: { continuation: "{answer} {text}" } }),
    "has something after {answer}",
  ],
  [
    "a form without template",
    () => defineTask({ name: "x", labels: ["a", "b"] }).head("mask"),
    'no template for the form "mask"',
  ],
  [
    "numbers in words",
    () => defineTask({ name: "x", kind: "numbers", template: "{text} {answer}" }).head("mask"),
    'only the form "class-head"',
  ],
  [
    "texts by a head",
    () => defineTask({ name: "x", template: "{text} {answer}" }).head("class-head"),
    "which no class head does",
  ],
  [
    "an unknown label",
    () => oneWord.rows([{ text: "a", label: "positiv" }], one),
    'row 0 has the label "positiv", known are positive, negative; was "positive" meant',
  ],
  ["a pair that nobody reads", () => oneWord.rows([{ text: "a", pair: "b" }], one), "row 0 has a pair"],
  ["no tokenizer", () => oneWord.rows(rows, { form: "mask" }), "needs a tokenizer and maxLength"],
  ["a form that there is not", () => oneWord.rows(rows, { form: "class_head" as never }), 'form must be "class-head"'],
  [
    "a text to be written by a head",
    () =>
      defineTask({ name: "x", template: "{text} {answer}" }).rows([{ text: "a", target: "b" }], { form: "class-head" }),
    "which no class head does",
  ],
  [
    "a number in words",
    () => defineTask({ name: "x", kind: "numbers", template: "{text} {answer}" }).rows([{ text: "a", label: 1 }], one),
    'only the form "class-head"',
  ],
  ["a mask in a text", () => oneWord.rows([rows[0]!, { text: "a [MASK]" }], one), "row 1 holds [MASK]"],
])("%s is an error", (_, call, message) => {
  expect(call).toThrow(message);
});

test("a word of several tokens at a mask, and another head, are errors", () => {
  const model = tinyModel({ type: "bert", head: { kind: "masked-lm" } });
  expect(() => mood.classifier(model, tokenizer, { form: "mask", maxLength: 16 })).toThrow(
    '"bad so" is 2 tokens of this tokenizer',
  );
  const unknown = defineTask({ ...options, words: { positive: "good", negative: "terrible" } });
  expect(() => unknown.classifier(model, tokenizer, { form: "mask", maxLength: 16 })).toThrow(
    '"terrible" is unknown to',
  );
  expect(() => mood.classifier(model, tokenizer, { form: "continuation", maxLength: 16 })).toThrow(
    'needs a head of kind "causal-lm", got "masked-lm"',
  );
  disposeParameters(model.parameters);
});
