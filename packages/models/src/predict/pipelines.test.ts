import { disposeParameters } from "@cambium/core";
import { memory, tensor1d } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { type Family, fixture, fixtureJson, heads } from "../fixtures.ts";
import type { HeadConfig } from "../head-config.ts";
import { loadModel } from "../load.ts";
import { predictor } from "../predictor.ts";
import type { RunnableModel } from "../runnable.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer.ts";
import type { Aggregation } from "./entities.ts";

interface Piece {
  readonly label: string;
  readonly score: number;
  readonly from: number;
  readonly to: number;
}

interface Golden {
  readonly classes: Readonly<
    Record<string, readonly (readonly { readonly label: string; readonly score: number }[])[]>
  >;
  readonly bias: readonly number[];
  readonly entities: Readonly<Record<Aggregation, readonly (readonly Piece[])[]>>;
  readonly masked: readonly string[];
  readonly fillings: readonly (readonly object[])[];
  readonly questions: readonly {
    readonly question: string;
    readonly context: string;
    readonly none: number;
    readonly answers: readonly {
      readonly text: string;
      readonly score: number;
      readonly from: number;
      readonly to: number;
    }[];
  }[];
}

const golden = fixtureJson<
  Readonly<Record<Family, Golden>> & { readonly texts: readonly string[]; readonly longest: number }
>("pipelines.json");
const { texts, longest } = golden;

/** Numbers within float32's rounding of a few layers, everything else exactly. */
function near<T>(value: T): T {
  if (typeof value === "number" && !Number.isInteger(value)) return expect.closeTo(value, 4) as T;
  if (Array.isArray(value)) return value.map(near) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, near(item)])) as T;
}

async function withModel<Top extends HeadConfig>(
  path: string,
  head: Top,
  family: Family,
  work: (model: RunnableModel & { readonly head?: Top }, tokenizer: Tokenizer) => Promise<void>,
  bias?: readonly number[],
): Promise<void> {
  const model = await loadModel(fixture(path), { head });
  const tokenizer = await loadTokenizer(fixture(family));
  const moved = bias === undefined ? undefined : tensor1d([...bias]);
  const parameters = new Map([
    ...model.parameters,
    ...(moved === undefined ? [] : [["classifier.bias", moved] as const]),
  ]);
  await work({ ...model, forward: (batch, options) => model.forward(batch, { ...options, parameters }) }, tokenizer);
  moved?.dispose();
  disposeParameters(model.parameters);
}

const tags = heads["token-classification"];
const asks = { kind: "question-answering" } as const;
const several = {
  kind: "sequence-classification",
  labels: ["urgent", "polite", "long", "odd"],
  multiLabel: true,
} as const;
const numbers = { kind: "regression", outputs: ["height", "weight", "age"] } as const;

describe.each<Family>(["bert", "roberta"])("%s beside transformers' pipelines", (family) => {
  const expected = golden[family];

  test.each([
    [`${family}/sequence-classification`, heads["sequence-classification"]],
    [`heads/${family}/multi-label`, several],
  ])("labels and scores of %s are equal", async (path, head) => {
    await withModel(path, head, family, async (model, tokenizer) => {
      expect(await predictor(model, tokenizer)(texts)).toEqual(near(expected.classes[path]));
    });
  });

  test("numbers are equal", async () => {
    const named = expected.classes[`heads/${family}/regression`]!;
    await withModel(`heads/${family}/regression`, numbers, family, async (model, tokenizer) => {
      const wanted = named.map((row) => Object.fromEntries(row.map(({ label, score }) => [label, score])));
      expect(await predictor(model, tokenizer)(texts)).toEqual(near(wanted));
    });
    await withModel(`${family}/regression`, heads.regression, family, async (model, tokenizer) => {
      const wanted = expected.classes[`${family}/regression`]!.map(([only]) => only!.score);
      expect(await predictor(model, tokenizer)(texts)).toEqual(near(wanted));
    });
  });

  test.each(Object.keys(expected.entities) as Aggregation[])(
    "entities are equal, joined as %s",
    async (aggregation) => {
      const path = `${family}/token-classification`;
      const wanted = expected.entities[aggregation].map((row, i) =>
        row.map((entity) => ({ ...entity, word: texts[i]!.slice(entity.from, entity.to) })),
      );
      await withModel(
        path,
        tags,
        family,
        async (model, tokenizer) => {
          expect(await predictor(model, tokenizer, { aggregation })(texts)).toEqual(near(wanted));
        },
        expected.bias,
      );
    },
  );

  test("words for a mask are equal", async () => {
    await withModel(`${family}/masked-lm`, heads["masked-lm"], family, async (model, tokenizer) => {
      const wanted = expected.fillings.map((row) => row.map((filling) => ({ ...filling, mask: 0 })));
      expect(await predictor(model, tokenizer, { topK: 3 })(expected.masked)).toEqual(near(wanted));
    });
  });

  test("answers are equal, and how likely none is", async () => {
    await withModel(`heads/${family}/question-answering`, asks, family, async (model, tokenizer) => {
      const questions = expected.questions.map(({ question: text, context: pair }) => ({ text, pair }));
      const answer = predictor(model, tokenizer, { topK: 3, maxAnswerTokens: longest });
      expect(await answer(questions)).toEqual(near(expected.questions.map(({ answers }) => answers)));
      const all = await predictor(model, tokenizer, { topK: 1000, noAnswer: true })(questions);
      expect(all.map((each) => each.find(({ text }) => text === "")!.score)).toEqual(
        near(expected.questions.map(({ none }) => none)),
      );
    });
  });
});

const long = "the cat sat on the red mat and the dog ate the hat in the den";

test("a long text is read in windows, each token from one of them", async () => {
  await withModel(
    "bert/token-classification",
    tags,
    "bert",
    async (model, tokenizer) => {
      const label = predictor(model, tokenizer, { aggregation: "none", maxLength: 10, stride: 4 });
      const pieces = await label(long);
      const places = pieces.map(({ from }) => from);
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
      expect(Math.max(...places)).toBeGreaterThan(50);
      const { windows, ...rest } = label.report();
      expect(rest).toEqual({ texts: 1, cutTexts: 0, cutTokens: 0 });
      expect(windows).toBeGreaterThan(2);
    },
    golden.bert.bias,
  );
});

test("an answer is found in whichever window it stands, at its place in the whole text", async () => {
  await withModel("heads/bert/question-answering", asks, "bert", async (model, tokenizer) => {
    const answer = predictor(model, tokenizer, { maxLength: 14, stride: 3, topK: 1000, maxAnswerTokens: 2 });
    const found = await answer({ text: "the hat", pair: long });
    for (const { text, from, to } of found) expect(long.slice(from, to)).toBe(text);
    expect(new Set(found.map(({ from }) => from)).size).toBe(tokenizer.encode(long).ids.length - 2);
    expect(answer.report().windows).toBeGreaterThan(2);
  });
});

test("several masks have their words each, beside the other masks", async () => {
  await withModel("bert/masked-lm", heads["masked-lm"], "bert", async (model, tokenizer) => {
    const found = await predictor(model, tokenizer, { topK: 2 })("the [MASK] sat on the [MASK]");
    expect(found.map(({ mask }) => mask)).toEqual([0, 0, 1, 1]);
    expect(found[0]!.text).toBe(`the ${found[0]!.token} sat on the [MASK]`);
    await expect(predictor(model, tokenizer)("the cat")).rejects.toThrow(
      "text 0 has no mask token, [MASK], in the tokens",
    );
  });
});

test("what is cut is counted", async () => {
  await withModel(
    "bert/sequence-classification",
    heads["sequence-classification"],
    "bert",
    async (model, tokenizer) => {
      const classify = predictor(model, tokenizer, { maxLength: 8 });
      await classify(["a dog", long]);
      const lost = tokenizer.encode(long).ids.length - 8;
      expect(classify.report()).toEqual({ texts: 2, windows: 2, cutTexts: 1, cutTokens: lost });
    },
  );
});

test.each<[string, HeadConfig, object, string]>([
  ["a pair for labels of tokens", tags, {}, "predictor: text 0 is a pair, and labels of tokens are of one text"],
  [
    "another aggregation",
    tags,
    { aggregation: "mean" },
    "aggregation must be one of none, simple, first, max, average",
  ],
  ["an option of another head", tags, { threshold: 0.2 }, "threshold is an option of heads that give several labels"],
])("%s is an error", async (_, head, options, message) => {
  await withModel("bert/token-classification", head, "bert", async (model, tokenizer) => {
    const run = async () => predictor(model, tokenizer, options)({ text: "a", pair: "b" });
    await expect(run()).rejects.toThrow(message);
  });
});

test("a question needs the text that it is about", async () => {
  await withModel("heads/bert/question-answering", asks, "bert", async (model, tokenizer) => {
    await expect(predictor(model, tokenizer)("the hat")).rejects.toThrow(
      "text 0 needs a question as text, and as pair",
    );
    const before = memory().numTensors;
    await predictor(model, tokenizer)({ text: "the hat", pair: long });
    expect(memory().numTensors).toBe(before);
  });
});
