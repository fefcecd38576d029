import { result } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fixture, fixtureJson } from "../fixtures.ts";
import type { LanguageModel } from "../language-model.ts";
import { loadModel } from "../load.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import { generate, generateBatch } from "./generate.ts";
import { readPrefix } from "./prefix.ts";

const gpt2 = fixtureJson<any>("gpt2/golden.json")["gelu-new"].greedy;
let model: LanguageModel;
let tokenizer: Tokenizer;
beforeAll(async () => {
  model = await loadModel(fixture("gpt2/gelu-new"), { head: { kind: "causal-lm" } });
  tokenizer = createTokenizer(fixtureJson("tokenizers/gpt2.json"));
});
afterAll(() => disposeParameters(model.parameters));

test("greedy", async () => {
  const rows = gpt2.ids.map((ids: number[], i: number) => ids.filter((_, j) => gpt2.mask[i][j] === 1));
  const { generated } = await result(generateBatch(model, tokenizer, rows, { maxTokens: 12, stopIds: [] }));
  expect(generated.map(({ ids }) => ids)).toEqual(gpt2.generated);
  const one = await result(generate(model, tokenizer, rows[1], { maxTokens: 12, stopIds: [] }));
  expect(one.generated.ids).toEqual(gpt2.generated[1]);
  const prefix = await readPrefix(model, tokenizer, rows[0].slice(0, 2));
  const two = await result(generate(model, tokenizer, rows[0], { maxTokens: 12, stopIds: [], prefix }));
  expect(two.generated.ids).toEqual(gpt2.generated[0]);
  prefix.dispose();
});
