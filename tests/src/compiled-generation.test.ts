/** What models write on compiled graphs is what their plain passes write on another backend: every family, with deltas and without. */
import "@cambium/backend-onnx";
import "@tensorflow/tfjs-backend-cpu";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { backendReport } from "@cambium/backend-onnx";
import { result } from "@cambium/base";
import { around, disposeParameters, mapParameters, random } from "@cambium/core";
import { attach, lora, perRow, prefix, prompt } from "@cambium/delta";
import {
  choose,
  createModel,
  createTokenizer,
  type Generated,
  generate,
  generateBatch,
  type LanguageModel,
  type RunnableModel,
  readPrefix,
  scheduler,
} from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { add, mul, setBackend } from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";

const tokenizerFile = fileURLToPath(new URL("../../packages/models/fixtures/tokenizers/gpt2.json", import.meta.url));
const tokenizer = createTokenizer(JSON.parse(readFileSync(tokenizerFile, "utf8")));
const prompts = [
  [3, 9, 14, 7, 11],
  [4, 8],
  [1, 2, 6],
];

afterAll(async () => {
  await setBackend("cpu");
});

/** Moves what a delta trains away from its start, where it would not show. */
function shaken<T extends ReturnType<typeof attach<LanguageModel>>>(tuned: T, seed: number): T {
  const moved = mapParameters(tuned.parameters, (value, name) =>
    add(value, mul(random(seed).at(name).normal(value.shape), 0.3)),
  );
  return tuned.with(moved) as T;
}

/** One text after the other, with what they were chosen from. */
async function write(model: RunnableModel, options: object = { logProbabilities: 2 }): Promise<readonly Generated[]> {
  const given = { maxTokens: 6, stopIds: [], fileDefaults: false, ...options };
  return (await result(generateBatch(model, tokenizer, prompts, given as never))).generated;
}

function expectAlike(onGraphs: readonly Generated[], plain: readonly Generated[]): void {
  expect(onGraphs.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => ids));
  for (const [row, { tokens = [] }] of onGraphs.entries()) {
    expect(tokens.length).toBeGreaterThan(0);
    for (const [i, { logProbability }] of tokens.entries()) {
      expect(logProbability).toBeCloseTo(plain[row]!.tokens![i]!.logProbability, 3);
    }
  }
}

/** Runs something on compiled graphs, and then on the plain backend. */
async function onBoth<T>(run: () => Promise<T>): Promise<[onGraphs: T, plain: T]> {
  await setBackend("onnx");
  const onGraphs = await run();
  await setBackend("cpu");
  return [onGraphs, await run()];
}

describe.each(["gpt2", "llama", "mistral", "qwen2", "qwen3"])("%s", (type) => {
  const open = (): LanguageModel => tinyModel({ type, head: { kind: "causal-lm" } });

  const kinds: readonly [string, (model: LanguageModel) => RunnableModel, object?][] = [
    ["by itself", (model) => model],
    ["with LoRA", (model) => shaken(attach(model, lora(model, { rank: 3, alpha: 5 }, random(1))), 1)],
    ["behind a prefix", (model) => shaken(attach(model, prefix(model, { length: 3 }, random(2))), 2)],
    ["behind a prompt", (model) => shaken(attach(model, prompt(model, { length: 3 }, random(3))), 3)],
    [
      "with a delta for each row",
      (model) => {
        const [a, b] = [lora(model, { rank: 3 }, random(4)), lora(model, { rank: 2 }, random(5))];
        return shaken(attach(model, perRow({ a, b })), 4);
      },
      { deltas: [1, -1, 0], logProbabilities: 2 },
    ],
  ];

  test.each(kinds)("writes the same %s", async (_, make, options) => {
    const model = open();
    const written = make(model);
    const [onGraphs, plain] = await onBoth(() => write(written, options));
    expectAlike(onGraphs, plain);
    disposeParameters(model.parameters);
  });

  test("searches by beams, chooses and goes on behind a kept begin alike", async () => {
    const model = open();
    const [onGraphs, plain] = await onBoth(async () => {
      const kept = await readPrefix(model, tokenizer, [3, 9]);
      const [behind] = (
        await result(
          generateBatch(model, tokenizer, [[3, 9, 14]], {
            maxTokens: 4,
            stopIds: [],
            prefix: kept,
            fileDefaults: false,
          }),
        )
      ).generated;
      const beams = await write(model, { beams: 3 });
      return { behind: behind!.ids, beams: beams.map(({ ids }) => ids) };
    });
    expect(onGraphs).toEqual(plain);
    disposeParameters(model.parameters);
  });
});

test("tokens and adapters of one structure compile nothing more", async () => {
  await setBackend("onnx");
  const model = tinyModel({ type: "llama", head: { kind: "causal-lm" } });
  const adapter = (seed: number, alpha: number): RunnableModel =>
    shaken(attach(model, lora(model, { rank: 3, alpha }, random(seed))), seed);
  const [first, second] = [adapter(1, 3), adapter(2, 7)];
  await write(first);
  const { dynamicCompileCount, compileCount } = backendReport();
  const texts = [await write(second, { maxTokens: 12 }), await write(first, { maxTokens: 12 })];
  expect(texts[0]!.map(({ ids }) => ids)).not.toEqual(texts[1]!.map(({ ids }) => ids));
  expect(backendReport().dynamicCompileCount).toBe(dynamicCompileCount);
  expect(backendReport().compileCount).toBe(compileCount);
  disposeParameters(model.parameters);
});

test("graphs for adapters of many structures are bounded in number, and all are freed with the weights", async () => {
  await setBackend("onnx");
  const before = backendReport().dynamicSessions;
  const model = tinyModel({ type: "llama", head: { kind: "causal-lm" } });
  const ranks = Array.from({ length: 10 }, (_, i) => i + 1);
  const tuned = ranks.map((rank) => shaken(attach(model, lora(model, { rank }, random(rank))), rank));
  const once = [];
  for (const each of tuned) once.push((await write(each)).map(({ ids }) => ids));
  expect(backendReport().dynamicSessions - before).toBe(8);
  const { dynamicCompileCount } = backendReport();
  expect((await write(tuned[0]!)).map(({ ids }) => ids)).toEqual(once[0]); // compiled again
  expect((await write(tuned[9]!)).map(({ ids }) => ids)).toEqual(once[9]); // still there
  expect(backendReport().dynamicCompileCount - dynamicCompileCount).toBe(1);
  disposeParameters(model.parameters);
  expect(backendReport().dynamicSessions).toBe(before);
});

test("a hook that reads elements is told so, and generates on another backend", async () => {
  const model = tinyModel({ type: "llama", head: { kind: "causal-lm" } });
  let seen = 0;
  const reading = around(
    "block",
    () => true,
    ({ input, next }) => {
      const output = next(input);
      seen += output.dataSync().length;
      return output;
    },
  );
  const watched: RunnableModel = {
    ...model,
    forward: (input, options) => model.forward(input, { ...options, hooks: [reading] }),
  };
  await setBackend("onnx");
  await expect(write(watched)).rejects.toMatchObject({
    code: "STATE",
    message: expect.stringContaining("reads elements"),
  });
  await setBackend("cpu");
  expect((await write(watched)).length).toBe(prompts.length);
  expect(seen).toBeGreaterThan(0);
  disposeParameters(model.parameters);
});

test("long prompts of mixed lengths are read in parts, to the same scores", async () => {
  const sizes = { hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2, num_attention_heads: 4 };
  const config = {
    model_type: "llama",
    vocab_size: 23,
    num_key_value_heads: 2,
    max_position_embeddings: 2048,
    ...sizes,
  };
  const model = createModel(config, random(1), { head: { kind: "causal-lm" } });
  const long = [1100, 3, 700, 512].map((length, row) => Array.from({ length }, (_, i) => (i * 7 + row) % 23));
  const [onGraphs, plain] = await onBoth(async () => {
    const options = { maxTokens: 3, stopIds: [], fileDefaults: false, logProbabilities: 2 };
    return (await result(generateBatch(model, tokenizer, long, options))).generated;
  });
  expectAlike(onGraphs, plain);
  disposeParameters(model.parameters);
});

test("calls that join and leave a running batch have the texts that they have alone", async () => {
  await setBackend("onnx");
  const model = tinyModel({ type: "llama", head: { kind: "causal-lm" } });
  const shared = scheduler(model, tokenizer, { maxBatch: 3 });
  const asked = Array.from({ length: 8 }, (_, i) => ({
    prompt: [3 + i, 9, 14, 7].slice(0, 1 + (i % 4)),
    options: { maxTokens: 2 + ((i * 5) % 9), stopIds: [], fileDefaults: false },
  }));
  const alone: (readonly number[])[] = [];
  for (const { prompt: ids, options } of asked)
    alone.push((await result(generate(model, tokenizer, ids, options))).generated.ids);
  const together = await Promise.all(
    asked.map(async ({ prompt: ids, options }) => (await result(shared.generate(ids, options))).generated.ids),
  );
  expect(together).toEqual(alone);
  await shared.close();
  disposeParameters(model.parameters);
});

test("labels have the same chances", async () => {
  const model = tinyModel({ type: "llama", head: { kind: "causal-lm" } });
  const [onGraphs, plain] = await onBoth(() => choose(model, tokenizer, [3, 9, 14], ['"', "#$"]));
  for (const [i, { label, logProbability }] of onGraphs.entries()) {
    expect(plain[i]!.label).toBe(label);
    expect(plain[i]!.logProbability).toBeCloseTo(logProbability, 4);
  }
  disposeParameters(model.parameters);
});
