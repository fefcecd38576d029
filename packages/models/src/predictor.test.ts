import { disposeParameters, random } from "@cambium/core";
import { clone, concat, fill, memory, sigmoid, softmax, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ModelConfig } from "./architecture.ts";
import { collate } from "./collate.ts";
import { createModel } from "./create.ts";
import { fixture, fixtureJson, heads } from "./fixtures.ts";
import type { HeadConfig } from "./head-config.ts";
import type { LanguageModel } from "./language-model.ts";
import { loadModel } from "./load.ts";
import { type PredictorOptions, predictor } from "./predictor.ts";
import type { RunnableModel } from "./runnable.ts";
import { scaleUnits } from "./scale-units.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "./tokenizer.ts";

const sizes = { hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 10 };

function modelWith<Top extends HeadConfig>(head?: Top): LanguageModel<ModelConfig, Top> {
  const config = { model_type: "bert", ...sizes, vocab_size: 53, max_position_embeddings: 24, initializer_range: 0.6 };
  return createModel(config, random(1), head === undefined ? {} : { head });
}

const classes = heads["sequence-classification"];
let model: LanguageModel<ModelConfig, typeof classes>;
let tokenizer: Tokenizer;
beforeAll(async () => {
  model = modelWith(classes);
  tokenizer = await loadTokenizer(fixture("bert"));
});
afterAll(() => disposeParameters(model.parameters));

const texts = ["the cat sat on the mat and the dog", "a dog", "", { text: "the hat", pair: "the cat" }];

test("scores are the softmax of the logits, each beside its label, the largest first", async () => {
  const [text] = texts as [string];
  const expected = tidy(() => {
    const batch = collate(model, tokenizer, { maxLength: 24 })([{ text }]);
    return [...softmax(model.forward(batch).logits!).dataSync()];
  });
  const scores = await predictor(model, tokenizer)(text);
  expect(scores.map(({ score }) => score)).toEqual(scores.map(({ score }) => score).sort((a, b) => b - a));
  expect(scores.map(({ label }) => label).sort()).toEqual([...classes.labels].sort());
  for (const { label, score } of scores) expect(score).toBeCloseTo(expected[classes.labels.indexOf(label)]!, 5);
  expect(scores.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 12);
});

test("predictions stand in the order of the texts and pairs and do not depend on their neighbours", async () => {
  const classify = predictor(model, tokenizer, { batchSize: 3 });
  const together = await classify(texts);
  expect(together).toHaveLength(4);
  for (const [i, text] of texts.entries()) {
    const alone = await classify(text);
    expect(together[i]!.map(({ label }) => label)).toEqual(alone.map(({ label }) => label));
    for (const [j, { score }] of alone.entries()) expect(together[i]![j]!.score).toBeCloseTo(score, 5);
  }
  expect(await classify([])).toEqual([]);
});

test("the second text of a pair counts", async () => {
  const classify = predictor(model, tokenizer);
  expect(await classify({ text: "the hat", pair: "the dog" })).not.toEqual(await classify(texts[3]!));
});

test("a regression head gives a number", async () => {
  const base = modelWith(heads.regression);
  const grade = predictor(base, tokenizer);
  const expected = tidy(
    () => base.forward(collate(base, tokenizer, { maxLength: 24 })([{ text: "a dog" }])).logits!.dataSync()[0]!,
  );
  expect(await grade("a dog")).toBeCloseTo(expected, 6);
  expect(await grade(["a dog", "the cat"])).toEqual([expect.any(Number), expect.any(Number)]);
  disposeParameters(base.parameters);
});

test("a head of several labels gives the sigmoid of each, and from a threshold on those that reach it", async () => {
  const head = {
    kind: "sequence-classification",
    labels: ["urgent", "polite", "long", "odd"],
    multiLabel: true,
  } as const;
  const base = await loadModel(fixture("heads/bert/multi-label"), { head });
  const expected = tidy(() => [
    ...sigmoid(base.forward(collate(base, tokenizer, { maxLength: 24 })([{ text: "a dog" }])).logits!).dataSync(),
  ]);
  const scores = await predictor(base, tokenizer)("a dog");
  for (const { label, score } of scores) expect(score).toBeCloseTo(expected[head.labels.indexOf(label as "odd")]!, 5);
  expect(scores.map(({ score }) => score)).toEqual(
    [...expected].sort((a, b) => b - a).map((x) => expect.closeTo(x, 5)),
  );
  const threshold = scores[1]!.score;
  expect(await predictor(base, tokenizer, { threshold })("a dog")).toEqual(scores.slice(0, 2));
  expect(await predictor(base, tokenizer, { threshold: 1 })(["a dog"])).toEqual([[]]);
  disposeParameters(base.parameters);
});

test("a regression head of several outputs gives a list, or numbers by their names", async () => {
  const named = { kind: "regression", outputs: ["height", "weight", "age"] } as const;
  const source = fixture("heads/bert/regression");
  const [a, b] = [
    await loadModel(source, { head: named }),
    await loadModel(source, { head: { ...named, outputs: 3 } }),
  ];
  const [byName, list] = [await predictor(a, tokenizer)("a dog"), await predictor(b, tokenizer)("a dog")];
  expect([byName["height"], byName["weight"], byName["age"]]).toEqual(list);
  expect(new Set(list).size).toBe(3);
  for (const { parameters } of [a, b]) disposeParameters(parameters);
});

test("whatever runs like a model is taken, with what is hooked into it", async () => {
  const { architecture, config, head } = model;
  const hook = scaleUnits("block", [{ layer: 1, unit: 0 }], 3);
  const runnable: RunnableModel & { readonly head?: typeof classes } = {
    architecture,
    config,
    head: head!,
    sites: () => model.sites(),
    forward: (batch, options) => model.forward(batch, { ...options, hooks: [...(options?.hooks ?? []), hook] }),
  };
  const [hooked] = await predictor(runnable, tokenizer)("the cat");
  const [plain] = await predictor(model, tokenizer)("the cat");
  expect(hooked).not.toEqual(plain);
});

test("long texts are cut at the end that was asked for", async () => {
  const both = "the cat ".repeat(3) + "a dog ".repeat(3);
  const classify = (options: PredictorOptions, text: string) => predictor(model, tokenizer, options)(text);
  const [short, end, start] = [
    await classify({}, "the cat the cat"),
    await classify({ maxLength: 6 }, both),
    await classify({ maxLength: 6, truncation: "start" }, both),
  ];
  expect(end[0]!.score).toBeCloseTo(short[0]!.score, 5);
  expect(start).not.toEqual(end);
});

test("nothing is left behind", async () => {
  const classify = predictor(model, tokenizer);
  await classify("the cat");
  const before = memory().numTensors;
  await classify(texts);
  expect(memory().numTensors).toBe(before);
});

describe("errors name what is wrong", () => {
  test("a model without such a head", () => {
    const takes =
      "predictor: it takes a model with a head of kind sequence-classification, regression, token-classification";
    const bare = modelWith();
    expect(() => predictor(bare, tokenizer)).toThrow(takes);
    expect(() => predictor(bare, tokenizer)).toThrow("got one without a head; load it with one, or use embed");
    const written: RunnableModel = { ...bare, head: { kind: "causal-lm" } };
    expect(() => predictor(written, tokenizer)).toThrow("with a causal-lm head; load it with one, or use generate");
    disposeParameters(bare.parameters);
  });

  test.each([
    [{ max_length: 3 }, 'unknown option "max_length"; is "maxLength" meant?'],
    [
      { aggregation: "max" },
      "aggregation is an option of heads of kind token-classification, got one of kind sequence-classification",
    ],
    [{ topK: 2 }, "topK is an option of heads of kind question-answering, masked-lm"],
    [{ threshold: 0.5 }, "threshold is an option of heads that give several labels (multiLabel: true)"],
    [{ batchSize: 0 }, "batchSize must be a whole number from 1, got 0"],
    [{ batchSize: 1.5 }, "batchSize must be a whole number from 1, got 1.5"],
  ])("%j as options", (options, message) => {
    expect(() => predictor(model, tokenizer, options as PredictorOptions)).toThrow(`predictor: ${message}`);
  });

  test("options that collate checks", () => {
    expect(() => predictor(model, tokenizer, { maxLength: 25 })).toThrow("maxLength must be from 3 to 24");
    expect(() => predictor(model, tokenizer, { truncation: "left" as never })).toThrow('"start" or "end"');
  });

  test.each([[3], [null], [{ pair: "a" }], [{ text: "a", pair: 3 }]])("%j is no text", async (input) => {
    await expect(predictor(model, tokenizer)(["a", input as never])).rejects.toThrow(
      "predictor: text 1 must be a string",
    );
  });

  test("another model's tokenizer", () => {
    const other = createTokenizer(fixtureJson("tokenizers/gpt2.json"));
    expect(() => predictor(model, other)).toThrow("the tokenizer has 264 tokens, the model embeds 53");
  });

  test("scores that are not finite", async () => {
    const diverged: RunnableModel = {
      ...model,
      forward: (batch, options) =>
        tidy(() => {
          const { logits, ...rest } = model.forward(batch, options);
          const [rows] = logits!.shape as [number];
          return { ...rest, logits: concat([clone(logits!), fill([rows, 1], Number.NaN)], 1) };
        }),
    };
    await expect(predictor(diverged, tokenizer)(["the cat"])).rejects.toMatchObject({
      code: "STATE",
      message: "predictor: the model gives NaN for text 0; did its training diverge?",
    });
  });
});
