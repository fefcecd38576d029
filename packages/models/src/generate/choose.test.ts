import { disposeParameters } from "@cambium/core";
import { logSoftmax, ones, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LanguageModel } from "../language-model.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { choose } from "./choose.ts";
import { chatTokenizer, tinySpeaker } from "./tiny.fixture.ts";

let tokenizer: Tokenizer;
let model: LanguageModel;
beforeAll(() => {
  tokenizer = chatTokenizer();
  model = tinySpeaker(tokenizer);
});
afterAll(() => disposeParameters(model.parameters));

/** Of ids behind a prompt, from one pass over all of them. */
function logProbability(prompt: readonly number[], ids: readonly number[]): number {
  return tidy(() => {
    const whole = [...prompt, ...ids];
    const { logits } = model.forward({ ids: tensor2d([whole], undefined, "int32"), mask: ones([1, whole.length]) });
    const scores = logSoftmax(logits!).arraySync() as number[][][];
    return ids.reduce((sum, id, i) => sum + scores[0]![prompt.length - 1 + i]![id]!, 0);
  });
}

const prompt = "The cat is";
const labels = [" good", " a dog that runs", "s", " good day"];

test("labels have the log-probabilities of one pass over each, whole and by token", async () => {
  const before = tokenizer.encode(prompt).ids;
  const choices = await choose(model, tokenizer, prompt, labels);
  for (const [i, choice] of choices.entries()) {
    const ids = tokenizer.pieces(labels[i]!);
    const expected = logProbability(before, ids);
    expect(choice).toMatchObject({ label: labels[i], ids });
    expect(choice.logProbability).toBeCloseTo(expected, 4); // sums of float32 scores of some 10 units
    expect(choice.meanLogProbability).toBeCloseTo(expected / ids.length, 4);
  }
  for (const key of ["share", "meanShare"] as const) {
    expect(choices.reduce((sum, choice) => sum + choice[key], 0)).toBeCloseTo(1, 10);
  }
  const [first, second] = choices;
  expect(Math.log(first!.share / second!.share)).toBeCloseTo(first!.logProbability - second!.logProbability, 6);
});

test("the end of the text counts where it is asked for", async () => {
  const before = tokenizer.encode(prompt).ids;
  const [choice] = await choose(model, tokenizer, prompt, [" good"], { ended: true });
  const ids = [...tokenizer.pieces(" good"), tokenizer.special.eos!];
  expect(choice).toMatchObject({ ids, share: 1 });
  expect(choice!.logProbability).toBeCloseTo(logProbability(before, ids), 4);
});

test.each([
  [[], "at least one label"],
  [["a", ""], "label 1 must be a text of at least one token"],
  [["a", "a"], 'the labels "a" and "a" have the same tokens'],
])("labels of %j are an error", async (given, message) => {
  await expect(choose(model, tokenizer, prompt, given)).rejects.toThrow(message);
});

test("labels that the model has no ids for are an error", async () => {
  const small = tinySpeaker({ ...tokenizer, vocabularySize: 50 });
  await expect(choose(small, tokenizer, [3], ["zzz"])).rejects.toThrow("and the model ids from 0 to 49");
  disposeParameters(small.parameters);
});

test("an aborted choice is an error", async () => {
  await expect(choose(model, tokenizer, prompt, labels, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "CANCELLED",
  });
});
