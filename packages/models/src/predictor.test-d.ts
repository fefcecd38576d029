import { expectTypeOf, test } from "vitest";
import type { LanguageModel } from "./language-model.ts";
import { loadModel } from "./load.ts";
import type { AnswerScore, Entity, Filling, LabelScore } from "./prediction.ts";
import { predictor } from "./predictor.ts";
import type { Tokenizer } from "./tokenizer.ts";

declare const tokenizer: Tokenizer;
declare const any: LanguageModel;

test("what a predictor gives is known from the head that the model was loaded with", async () => {
  const classes = await loadModel("a", { head: { kind: "sequence-classification", labels: ["ham", "spam"] } });
  expectTypeOf(await predictor(classes, tokenizer)("a")).toEqualTypeOf<readonly LabelScore[]>();
  expectTypeOf(await predictor(classes, tokenizer)(["a"])).toEqualTypeOf<(readonly LabelScore[])[]>();
  const one = await loadModel("a", { head: { kind: "regression" } });
  expectTypeOf(await predictor(one, tokenizer)("a")).toEqualTypeOf<number>();
  const three = await loadModel("a", { head: { kind: "regression", outputs: 3 } });
  expectTypeOf(await predictor(three, tokenizer)("a")).toEqualTypeOf<readonly number[]>();
  const words = await loadModel("a", { head: { kind: "token-classification", labels: ["O", "B-PER"] } });
  expectTypeOf(await predictor(words, tokenizer)("a")).toEqualTypeOf<readonly Entity[]>();
  const asked = await loadModel("a", { head: { kind: "question-answering" } });
  expectTypeOf(await predictor(asked, tokenizer)({ text: "a", pair: "b" })).toEqualTypeOf<readonly AnswerScore[]>();
  const hidden = await loadModel("a", { head: { kind: "masked-lm" } });
  expectTypeOf(await predictor(hidden, tokenizer)("a")).toEqualTypeOf<readonly Filling[]>();
  const named = await loadModel("a", { head: { kind: "regression", outputs: ["height", "weight"] } });
  expectTypeOf(await predictor(named, tokenizer)("a")).toEqualTypeOf<Readonly<Record<string, number>>>();
});

test("of a head that the type does not know it may be anything that a head gives", async () => {
  expectTypeOf<number>().toExtend<Awaited<ReturnType<typeof some>>>();
  expectTypeOf<readonly LabelScore[]>().toExtend<Awaited<ReturnType<typeof some>>>();
});

const some = () => predictor(any, tokenizer)("a");
