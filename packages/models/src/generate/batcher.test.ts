import { result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LanguageModel } from "../language-model.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type Batcher, batcher } from "./batcher.ts";
import { type GenerateOptions, generate } from "./generate.ts";
import { readPrefix } from "./prefix.ts";
import type { Prompt } from "./prompts.ts";
import { chatTokenizer, tinySpeaker } from "./tiny.fixture.ts";

let tokenizer: Tokenizer;
let model: LanguageModel;
let passes = 0;
beforeAll(() => {
  tokenizer = chatTokenizer();
  const speaker = tinySpeaker(tokenizer);
  model = {
    ...speaker,
    forward(input, options) {
      passes++;
      if (input.ids.dataSync().includes(99)) throw new Error("99 is not read");
      return speaker.forward(input, options);
    },
  };
});
afterAll(() => disposeParameters(model.parameters));

const calls: readonly (readonly [Prompt, GenerateOptions])[] = [
  ["A cat sits", { maxTokens: 12, stopIds: [] }],
  ["No", { maxTokens: 5, temperature: 1.2, random: random(4), stopIds: [] }],
  [[{ role: "user", content: "dogs" }], { maxTokens: 9, logProbabilities: 2 }],
  ["A", { maxTokens: 20, format: { choices: ["yes", "no way"] } }],
  ["Some more that run", { maxTokens: 7, stop: "e", repetitionPenalty: 1.3 }],
];

const alone = async ([prompt, options]: (typeof calls)[number]) =>
  (await result(generate(model, tokenizer, prompt, options))).generated;
const shared = async (batch: Batcher, [prompt, options]: (typeof calls)[number]) =>
  (await result(batch.generate(prompt, options))).generated;

/** But for log-probabilities, which rounding reaches. */
const essence = ({ text, ids, finish, usage }: Awaited<ReturnType<typeof alone>>) => ({ text, ids, finish, usage });

test("each call gets what it gets alone, and calls share passes", async () => {
  passes = 0;
  const expected = [];
  for (const call of calls) expected.push(essence(await alone(call)));
  const separate = passes;
  passes = 0;
  const batch = batcher(model, tokenizer);
  const found = await Promise.all(calls.map((call) => shared(batch, call)));
  expect(found.map(essence)).toEqual(expected);
  expect([batch.running, batch.waiting]).toEqual([0, 0]);
  // Rows of one prefill lie in one group, so that a step is one pass: as many as the longest text needs.
  expect(passes).toBe(Math.max(...expected.map(({ usage }) => usage.generated)));
  expect(passes).toBeLessThan(separate);
});

test("who comes later joins, and places are limited", async () => {
  const batch = batcher(model, tokenizer, { size: 2 });
  const found = new Map<number, unknown>();
  const run = async (index: number): Promise<void> => {
    found.set(index, essence(await shared(batch, calls[index]!)));
    expect(batch.running).toBeLessThanOrEqual(2);
  };
  const first = batch.generate(...calls[0]!);
  await first.next();
  const others = [1, 2, 3, 4].map(run);
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(batch.running + batch.waiting).toBe(5);
  expect(batch.waiting).toBeGreaterThanOrEqual(3);
  found.set(0, essence((await result(first)).generated));
  await Promise.all(others);
  for (const [index, call] of calls.entries()) expect(found.get(index)).toEqual(essence(await alone(call)));
});

test("a kept prefix is read by none of them again", async () => {
  const prefix = await readPrefix(model, tokenizer, [5, 9, 12]);
  const batch = batcher(model, tokenizer);
  const prompts = [
    [5, 9, 12, 7],
    [5, 9, 12],
    [5, 9, 12, 8, 8],
  ];
  const options = { maxTokens: 6, stopIds: [] };
  const found = await Promise.all(prompts.map((prompt) => shared(batch, [prompt, { ...options, prefix }])));
  for (const [i, { ids, usage }] of found.entries()) {
    expect(ids).toEqual((await alone([prompts[i]!, options])).ids);
    expect(usage.cached).toBe(3);
  }
  prefix.dispose();
});

test("an aborted call ends at once where it waits, and with the next step where it runs", async () => {
  const batch = batcher(model, tokenizer, { size: 1 });
  const [running, waiting] = [new AbortController(), new AbortController()];
  const first = batch.generate("A cat", { maxTokens: 20, stopIds: [], signal: running.signal });
  await first.next();
  const second = result(batch.generate("No", { signal: waiting.signal }));
  const third = shared(batch, calls[1]!);
  waiting.abort();
  expect((await second).generated).toMatchObject({ text: "", finish: "aborted" });
  running.abort();
  expect((await result(first)).generated.finish).toBe("aborted");
  expect(essence(await third)).toEqual(essence(await alone(calls[1]!)));
  expect((await result(batch.generate("A", { signal: AbortSignal.abort() }))).generated.finish).toBe("aborted");
});

test("who leaves the loop leaves the batch", async () => {
  const batch = batcher(model, tokenizer, { size: 1 });
  for await (const event of batch.generate("A cat", { maxTokens: 20, stopIds: [] })) if (event.type === "piece") break;
  expect(essence(await shared(batch, calls[1]!))).toEqual(essence(await alone(calls[1]!)));
  expect(batch.running).toBe(0);
});

test("what is wrong with one call is no matter of the others", async () => {
  const batch = batcher(model, tokenizer);
  const wrong = result(batch.generate([5, 99]));
  const right = shared(batch, calls[0]!);
  await expect(wrong).rejects.toThrow("99 is not read");
  expect(essence(await right)).toEqual(essence(await alone(calls[0]!)));
  await expect(result(batch.generate("A", { beams: 2 }))).rejects.toThrow("does not share passes");
  await expect(result(batch.generate("A", { maxToken: 2 } as GenerateOptions))).rejects.toThrow(
    'is "maxTokens" meant?',
  );
  await expect(result(batch.generate(""))).rejects.toThrow("the prompt is empty");
  expect(() => batcher(model, tokenizer, { size: 0 })).toThrow("size must be a whole number from 1, got 0");
});

test("a closed batcher ends its calls, and takes no more", async () => {
  const batch = batcher(model, tokenizer, { size: 1 });
  const ends = [calls[0]!, calls[1]!].map((call) =>
    expect(shared(batch, call)).rejects.toMatchObject({ code: "CANCELLED" }),
  );
  await new Promise((resolve) => setTimeout(resolve, 0));
  batch.close();
  await Promise.all(ends);
  await expect(shared(batch, calls[0]!)).rejects.toMatchObject({ code: "CANCELLED" });
  while (batch.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
});
