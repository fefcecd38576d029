import { result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { fill } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createModel } from "../create.ts";
import { fixtureJson } from "../fixtures.ts";
import type { LanguageModel } from "../language-model.ts";
import { tinyModel } from "../testing/tiny.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import { type GenerateOptions, generate, generateBatch } from "./generate.ts";
import type { Prompt } from "./prompts.ts";
import type { Generated } from "./row.ts";
import { chatTokenizer, tinySpeaker } from "./tiny.fixture.ts";

let tokenizer: Tokenizer;
let model: LanguageModel;
beforeAll(() => {
  tokenizer = chatTokenizer();
  model = tinySpeaker(tokenizer);
});
afterAll(() => disposeParameters(model.parameters));

async function whole(prompt: Prompt, options: GenerateOptions = {}): Promise<Generated> {
  return (await result(generate(model, tokenizer, prompt, options))).generated;
}

const drawn = (seed: number): GenerateOptions => ({ temperature: 1.5, random: random(seed), stopIds: [] });

test("pieces join to the text of the ids, and the end says so again", async () => {
  const texts: string[] = [];
  const ids: number[] = [];
  const run = generate(model, tokenizer, "A cat", { maxTokens: 20, ...drawn(1) });
  for (let step = await run.next(); ; step = await run.next()) {
    if (step.done === true) {
      expect(step.value).toMatchObject({ text: texts.join(""), ids, finish: "length" });
      expect(step.value.usage).toEqual({ prompt: tokenizer.encode("A cat").ids.length, cached: 0, generated: 20 });
      break;
    }
    texts.push(step.value.text);
    if (step.value.type === "piece" && step.value.id !== undefined) ids.push(step.value.id);
  }
  expect(ids).toHaveLength(20);
  expect(texts.join("")).toBe(tokenizer.decode(ids));
});

test("a text goes on from its prompt with the blanks between them", async () => {
  const pieces = createTokenizer(fixtureJson("tokenizer-strings/llama.json"));
  const speaker = tinySpeaker(pieces, 3);
  for (const prompt of ["the cat", "the", "a house is"]) {
    const { generated } = await result(generate(speaker, pieces, prompt, { maxTokens: 12, ...drawn(4) }));
    const before = pieces.encode(prompt).ids;
    const all = pieces.decode([...before, ...generated.ids]);
    expect(pieces.decode(before) + generated.text).toBe(all.replace(/\ufffd+$/, "")); // a begun character is left out
  }
  disposeParameters(speaker.parameters);
});

test("a seed gives one text, another seed another", async () => {
  const options = { maxTokens: 16 };
  const first = await whole("A cat", { ...options, ...drawn(1) });
  expect(await whole("A cat", { ...options, ...drawn(1) })).toEqual(first);
  expect((await whole("A cat", { ...options, ...drawn(2) })).ids).not.toEqual(first.ids);
  const greedy = await whole("A cat", { ...options, stopIds: [] });
  expect((await whole("A cat", { ...options, ...drawn(1), topK: 1 })).ids).toEqual(greedy.ids);
});

test("each text of a mixed batch is what its prompt gives alone, and ends by itself", async () => {
  const prompts = ["A cat sits", "No", "Some dogs that run", "A"];
  const alone = await Promise.all(prompts.map((prompt) => whole(prompt, { maxTokens: 14 })));
  const ended: number[] = [];
  for await (const event of generateBatch(model, tokenizer, prompts, { maxTokens: 14 })) {
    if (event.type === "row") ended.push(event.index);
    if (event.type === "end") expect(event.generated).toEqual(alone);
  }
  expect(ended.toSorted()).toEqual([0, 1, 2, 3]);
  const batch = await result(generateBatch(model, tokenizer, prompts, { maxTokens: 9, ...drawn(5) }));
  expect(batch.generated[0]).toEqual(await whole(prompts[0]!, { maxTokens: 9, ...drawn(5) }));
});

test("a stop string ends a text before itself, and an id of the end without being part of it", async () => {
  const free = await whole("A cat", { maxTokens: 12, stopIds: [] });
  const stop = free.text.slice(4, 7);
  const cut = await whole("A cat", { maxTokens: 12, stopIds: [], stop: [stop, "never there"] });
  expect(cut).toMatchObject({ text: free.text.slice(0, free.text.indexOf(stop)), finish: "stop", stop });
  const id = free.ids[5]!;
  const at = free.ids.indexOf(id);
  const ended = await whole("A cat", { maxTokens: 12, stopIds: [id] });
  expect(ended).toMatchObject({ ids: free.ids.slice(0, at), finish: "stop", stop: id });
  expect(ended.usage.generated).toBe(at + 1);
});

test("a conversation is written by its template", async () => {
  const messages = [{ role: "user", content: "A cat" }];
  const { ids } = tokenizer.chat(messages, { addGenerationPrompt: true });
  expect((await whole(messages, { maxTokens: 8 })).ids).toEqual((await whole(ids, { maxTokens: 8 })).ids);
  const open = [...messages, { role: "assistant", content: "It" }];
  const continued = tokenizer.chat(open, { continueFinal: true }).ids;
  const found = await whole(open, { maxTokens: 8, chat: { continueFinal: true } });
  expect(found).toEqual(await whole(continued, { maxTokens: 8 }));
});

test("a text ends where the model has no further position", async () => {
  const prompt = Array.from({ length: 40 }, (_, i) => 3 + i);
  const { ids, finish } = await whole(prompt, { maxTokens: 100, stopIds: [] });
  expect([ids.length, finish]).toEqual([9, "length"]); // 8 are read, and the last one needs no position
  await expect(whole([...prompt, ...prompt])).rejects.toThrow(
    "the prompt has 80 tokens, and the model positions for 48",
  );
});

test("an aborted text ends with what there is of it", async () => {
  const controller = new AbortController();
  const options = { maxTokens: 20, stopIds: [], signal: controller.signal };
  const free = await whole("A cat", { maxTokens: 3, stopIds: [] });
  let count = 0;
  const run = generate(model, tokenizer, "A cat", options);
  for await (const event of run) {
    if (event.type === "piece" && ++count === 3) controller.abort();
    if (event.type === "end") expect(event.generated).toMatchObject({ ids: free.ids, finish: "aborted" });
  }
  expect(await whole("A cat", options)).toMatchObject({ text: "", ids: [], finish: "aborted" });
  expect(await whole("A cat", { ...options, beams: 2 })).toMatchObject({ text: "", ids: [], finish: "aborted" });
});

test.each([1, 2])("what else happens in the process is heard while a text is generated (beams: %i)", async (beams) => {
  const controller = new AbortController();
  const soon = new MessageChannel();
  soon.port1.onmessage = () => controller.abort();
  soon.port2.postMessage("stop");
  const { finish } = await whole([3], { maxTokens: 45, stopIds: [], signal: controller.signal, beams });
  soon.port1.close();
  expect(finish).toBe("aborted");
});

test("whoever leaves the loop leaves nothing behind", async () => {
  for await (const event of generate(model, tokenizer, "A cat", { maxTokens: 20 })) if (event.type === "piece") break;
});

test("log-probabilities are the model's own, of the tokens that were taken", async () => {
  const { vocabularySize: size } = tokenizer;
  const { tokens, ids } = await whole("A cat", {
    maxTokens: 6,
    ...drawn(2),
    topK: 3,
    repetitionPenalty: 3,
    logProbabilities: size,
  });
  expect(tokens!.map(({ id }) => id)).toEqual(ids);
  for (const { id, text, logProbability, alternatives } of tokens!) {
    expect(text).toBe(tokenizer.decode([id], { skipSpecial: false }));
    expect(alternatives.reduce((sum, each) => sum + Math.exp(each.logProbability), 0)).toBeCloseTo(1, 5);
    expect(alternatives.find((each) => each.id === id)!.logProbability).toBe(logProbability);
    const sorted = alternatives.map((each) => each.logProbability);
    expect(sorted).toEqual(sorted.toSorted((a, b) => b - a));
  }
  expect((await whole("A cat", { maxTokens: 1, logProbabilities: 0 })).tokens![0]!.alternatives).toEqual([]);
});

test("a format rules the text: it is whole where it ends, and says where it does not", async () => {
  const choices = ["yes", "no", "maybe so"];
  for (let seed = 0; seed < 5; seed++) {
    const { text, finish } = await whole("A cat", { ...drawn(seed), format: { choices } });
    expect([choices.includes(text), finish]).toEqual([true, "stop"]);
  }
  const schema = { type: "object", properties: { a: { type: "integer", minimum: 10, maximum: 99 } }, required: ["a"] };
  const { text } = await whole([{ role: "user", content: "A cat" }], {
    ...drawn(1),
    format: { schema },
    maxTokens: 24,
  });
  expect(JSON.parse(text)).toEqual({ a: expect.any(Number) });
  const short = await whole("A cat", { format: { schema }, maxTokens: 3 });
  expect(short.finish).toBe("length");
  expect(() => JSON.parse(short.text)).toThrow();
  const found = await whole("A cat", { format: { choices }, beams: 3 });
  expect([choices.includes(found.text), found.finish]).toEqual([true, "stop"]);
});

test("a model of two stacks writes what it makes of a source", async () => {
  const pieces = createTokenizer(fixtureJson("tokenizer-strings/t5.json"));
  const config = {
    model_type: "t5",
    vocab_size: pieces.vocabularySize,
    d_model: 12,
    d_kv: 4,
    d_ff: 10,
    num_layers: 1,
    num_heads: 2,
  };
  const translator = createModel(config, random(1), { head: { kind: "sequence-to-sequence" } });
  const { generated } = await result(generate(translator, pieces, "the cat", { maxTokens: 5, stopIds: [] }));
  expect(generated.ids).toHaveLength(5);
  expect(generated.text).toBe(pieces.decode(generated.ids));
  disposeParameters(translator.parameters);
});

test("scores that are no numbers are an error that names the step", async () => {
  const nan = fill([12], Number.NaN);
  const parameters = new Map([...model.parameters, ["transformer.ln_f.bias", nan] as const]);
  expect(model.parameters.has("transformer.ln_f.bias")).toBe(true);
  const bad: LanguageModel = {
    ...model,
    forward: (input, options) => model.forward(input, { ...options, parameters }),
  };
  await expect(result(generate(bad, tokenizer, "A cat"))).rejects.toMatchObject({
    code: "STATE",
    message: expect.stringContaining("at step 0 the score of token 0 is NaN"),
  });
  nan.dispose();
});

test.each<[GenerateOptions, string]>([
  [{ maxToken: 3 } as GenerateOptions, 'unknown option "maxToken"; is "maxTokens" meant?'],
  [{ maxTokens: 0 }, "maxTokens must be a whole number from 1, got 0"],
  [{ temperature: -1 }, "temperature must be a number from 0, got -1"],
  [{ temperature: 1 }, "needs random: random(seed)"],
  [{ topP: 0 }, "topP must be a number above 0 up to 1, got 0"],
  [{ topK: 1.5 }, "topK must be a whole number from 1, got 1.5"],
  [{ minP: 2 }, "minP must be a number from 0 up to 1, got 2"],
  [{ repetitionPenalty: 0 }, "repetitionPenalty must be a number above 0, got 0"],
  [{ frequencyPenalty: 3 }, "frequencyPenalty must be a number from -2 up to 2"],
  [{ stop: "" }, "stop must be texts of at least one character"],
  [{ stopIds: [-1] }, "stopIds must be ids, got -1"],
  [{ lengthPenalty: 2 }, "lengthPenalty is an option of searches"],
  [{ beams: 2, temperature: 1, random: random(1) }, "does not go with a temperature"],
  [{ beams: 2, stop: "x" }, "does not go with stop strings"],
  [{ beams: 2, earlyStopping: "always" as never }, 'earlyStopping must be true, false or "never"'],
  [{ chat: {} }, "chat is for conversations"],
  [{ format: "xml" as never }, 'format must be "json"'],
  [{ maxTokens: Number.NaN }, "maxTokens must be a whole number"],
])("options of %j are an error", async (options, message) => {
  await expect(whole("A cat", options)).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(message),
  });
});

test.each<[Prompt, string]>([
  ["", "the prompt is empty; a model continues at least one token, such as [1]"],
  [[], "the prompt is empty"],
  [[3, 9999], "the prompt has the id 9999"],
  [[1.5], "the prompt has the id 1.5"],
  [3 as never, "must be a text, a list of messages or a list of ids, got number"],
])("the prompt %j is an error", async (prompt, message) => {
  await expect(whole(prompt)).rejects.toMatchObject({ code: "CONFIG", message: expect.stringContaining(message) });
});

test("a batch names the prompt that is wrong, and needs one", async () => {
  await expect(result(generateBatch(model, tokenizer, ["A", ""]))).rejects.toThrow("prompt 1 is empty");
  await expect(result(generateBatch(model, tokenizer, []))).rejects.toThrow("at least one prompt");
  await expect(result(generateBatch(model, tokenizer, ["A"], { deltas: [0, 1] }))).rejects.toThrow(
    "one for each of 1 prompts, got 2",
  );
});

test("a model that says nothing of what follows is an error that says what to do", async () => {
  const bare = tinyModel({ type: "gpt2", head: undefined });
  await expect(result(generate(bare, tokenizer, "A"))).rejects.toThrow('load it with { head: { kind: "causal-lm" } }');
  disposeParameters(bare.parameters);
  const encoder = tinyModel({ type: "bert" });
  await expect(result(generate(encoder, tokenizer, "A"))).rejects.toThrow("a bert cannot generate");
  disposeParameters(encoder.parameters);
});

test("a delta that the model does not have is an error, and so are stop strings beside a form", async () => {
  const tokenizer = chatTokenizer();
  const model = tinySpeaker(tokenizer);
  await expect(result(generate(model, tokenizer, "a", { delta: 3 }))).rejects.toThrow("this one has none; got 3");
  await expect(result(generate(model, tokenizer, "a", { format: "json", stop: ["\n"] }))).rejects.toThrow(
    "stop does not go with format",
  );
  disposeParameters(model.parameters);
});

test("a text that has what the tokenizer puts in front of it would begin twice, and is refused", async () => {
  const llama3 = createTokenizer(fixtureJson("tokenizer-strings/llama3.json"), {
    bos_token: "<|begin_of_text|>",
    eos_token: "<|end_of_text|>",
  });
  const speaker = tinySpeaker(llama3);
  const begin = (text: string) => result(generate(speaker, llama3, text, { maxTokens: 1, stopIds: [] }));
  await expect(begin("<|begin_of_text|>a")).rejects.toThrow(
    'generate: the prompt would begin with "<|begin_of_text|>" twice',
  );
  expect((await begin("a<|begin_of_text|>")).generated.ids).toHaveLength(1);
  const ids = llama3.encode("a").ids;
  const twice = [ids[0]!, ...ids]; // whoever gives ids means them
  expect((await result(generate(speaker, llama3, twice, { maxTokens: 1, stopIds: [] }))).generated.ids).toHaveLength(1);
  disposeParameters(speaker.parameters);
});
