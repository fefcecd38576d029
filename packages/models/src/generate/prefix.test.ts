import { result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LanguageModel } from "../language-model.ts";
import { tinyModel } from "../testing/tiny.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { choose } from "./choose.ts";
import { generate, generateBatch } from "./generate.ts";
import { readPrefix } from "./prefix.ts";
import { chatTokenizer, tinySpeaker } from "./tiny.fixture.ts";

let tokenizer: Tokenizer;
let model: LanguageModel;
beforeAll(() => {
  tokenizer = chatTokenizer();
  model = tinySpeaker(tokenizer);
});
afterAll(() => disposeParameters(model.parameters));

const system = [{ role: "system", content: "cats" }];
const question = { role: "user", content: "A dog" };

test("a prefix changes nothing but what is read", async () => {
  const prefix = await readPrefix(model, tokenizer, system);
  const prompts = [
    [...system, question],
    [...system, { role: "user", content: "No" }],
  ];
  for (const options of [{}, { temperature: 1, random: random(3) }, { beams: 3 }]) {
    const given = { maxTokens: 8, ...options };
    const { generated } = await result(generateBatch(model, tokenizer, prompts, { ...given, prefix }));
    const without = (await result(generateBatch(model, tokenizer, prompts, given))).generated;
    expect(generated.map(({ ids, text, finish }) => ({ ids, text, finish }))).toEqual(
      without.map(({ ids, text, finish }) => ({ ids, text, finish })),
    );
    expect(generated[0]!.usage).toEqual({ ...without[0]!.usage, cached: prefix.ids.length });
  }
  prefix.dispose();
});

test("a prompt may be the prefix itself, alone and beside longer ones", async () => {
  const prefix = await readPrefix(model, tokenizer, [5, 9, 12]);
  const prompts = [
    [5, 9, 12, 7],
    [5, 9, 12],
    [5, 9, 12, 8, 8],
    [5, 9, 12],
  ];
  const options = { maxTokens: 6, stopIds: [] };
  const { generated } = await result(generateBatch(model, tokenizer, prompts, { ...options, prefix }));
  const without = (await result(generateBatch(model, tokenizer, prompts, options))).generated;
  expect(generated.map(({ ids }) => ids)).toEqual(without.map(({ ids }) => ids));
  const alone = await result(generate(model, tokenizer, [5, 9, 12], { ...options, prefix }));
  expect(alone.generated.ids).toEqual(without[1]!.ids);
  const labels = [" cat", " dogs run", "s"];
  const choices = await choose(model, tokenizer, [5, 9, 12], labels, { prefix });
  const whole = await choose(model, tokenizer, [5, 9, 12], labels);
  for (const [i, choice] of choices.entries()) expect(choice.logProbability).toBeCloseTo(whole[i]!.logProbability, 4);
  prefix.dispose();
});

test("what does not begin with the prefix, is another model's, or is gone is an error", async () => {
  const prefix = await readPrefix(model, tokenizer, [5, 9, 12]);
  const run = (of: LanguageModel, ids: readonly number[]) => result(generate(of, tokenizer, ids, { prefix }));
  await expect(run(model, [5, 8, 12, 4])).rejects.toThrow("token 1 is 8, and 9 there");
  await expect(run(model, [5, 9])).rejects.toThrow("token 2 is absent");
  await expect(run({ ...model }, [5, 9, 12])).rejects.toThrow("read by another model");
  prefix.dispose();
  await expect(run(model, [5, 9, 12])).rejects.toThrow("was disposed of");
  const translator = tinyModel({ type: "t5" });
  await expect(readPrefix(translator, tokenizer, [5])).rejects.toThrow("reads its source as a whole");
  disposeParameters(translator.parameters);
});
