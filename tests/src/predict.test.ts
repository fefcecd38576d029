/** One model in all its forms predicts the same: tuned, merged, saved with its tokenizer and loaded again. */
import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, random, useBackend } from "@cambium/core";
import { attach, head, lora, merge } from "@cambium/delta";
import { createTokenizer, type LabelScore, loadModel, loadTokenizer, predictor, saveModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { expect, test } from "vitest";

const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"];
const tokenizer = createTokenizer({
  model: { type: "WordPiece", unk_token: "[UNK]", vocab: Object.fromEntries(words.map((word, id) => [word, id])) },
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: "Whitespace" },
  post_processor: { type: "BertProcessing", cls: ["[CLS]", 2], sep: ["[SEP]", 3] },
  decoder: null,
});
const texts = ["a b", { text: "c", pair: "a" }, "b b b b"];

type Predictions = readonly (readonly LabelScore[])[];

/** Equal labels in equal order, and scores within float32's rounding of a few layers. */
function expectSame(actual: Predictions, expected: Predictions): void {
  const near = ({ label, score }: LabelScore) => ({ label, score: expect.closeTo(score, 5) });
  expect(actual).toEqual(expected.map((scores) => scores.map(near)));
}

test("a tuned model, merged, saved and loaded, predicts the same", async () => {
  await useBackend("cpu");
  const base = tinyModel({ type: "bert", head: { kind: "sequence-classification", labels: ["red", "green", "blue"] } });
  const start = attach(base, lora(base, { rank: 2, targets: ["attn.q"] }, random(1)), head(base));
  const parameters = mapParameters(start.parameters, (tensor, name) => random(2).at(name).normal(tensor.shape));
  const tuned = start.with(parameters);
  const expected = await predictor(tuned, tokenizer)(texts);
  expect(expected).not.toEqual(await predictor(base, tokenizer)(texts));

  const merged = merge(tuned);
  expectSame(await predictor(merged, tokenizer)(texts), expected);

  const files = memory();
  await saveModel(merged, files, { tokenizer });
  const loaded = await loadModel(files, { head: base.head! });
  expectSame(await predictor(loaded, await loadTokenizer(files))(texts), expected);
  for (const each of [base, start, tuned, merged, loaded]) disposeParameters(each.parameters);
});
