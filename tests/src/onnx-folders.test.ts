/**
 * Models as ONNX folders: the files run in ONNX Runtime beside the models on tfjs's plain backend, at sizes at which no graph
 * was recorded; and where transformers.js is at hand, in transformers.js.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { traceOnnx } from "@cambium/backend-onnx";
import { folder } from "@cambium/base";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { adapter, attach, lora, merge, prefix, prompt, type Tuned } from "@cambium/delta";
import {
  architectures,
  type ExportedModel,
  embed,
  type HeadKind,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  saveOnnx,
  type TokenBatch,
} from "@cambium/models";
import { tinyHeads, tinyModel } from "@cambium/models/testing";
import { sapling } from "@cambium/saplings";
import "@cambium/testing";
import { setBackend, type Tensor, tensor2d, tidy, unstack } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { beforeEach, describe, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { hasTransformersJs, loadTransformersJs } from "./transformers-js.ts";

const out = mkdtempSync(join(tmpdir(), "cambium-onnx-"));
process.on("exit", () => rmSync(out, { recursive: true, force: true }));

beforeEach(async () => {
  await useBackend("onnx");
});

/** Two texts of nine words, the second with padding at its end. */
const IDS = [
  [3, 9, 14, 7, 22, 5, 18, 2, 11],
  [4, 18, 6, 11, 20, 1, 1, 1, 1],
];
const MASK = [
  [1, 1, 1, 1, 1, 1, 1, 1, 1],
  [1, 1, 1, 1, 1, 0, 0, 0, 0],
];
const TYPES = MASK.map((row) => row.map((real, i) => (real === 1 && i > 3 ? 1 : 0)));

const int64 = (rows: readonly (readonly number[])[]): OrtTensor =>
  new OrtTensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);

/** What the file in a folder gives. */
async function runFile(
  name: string,
  feeds: Record<string, OrtTensor>,
): Promise<Record<string, { dims: readonly number[]; data: number[] }>> {
  const session = await InferenceSession.create(join(out, name, "onnx/model.onnx"));
  const given = Object.fromEntries(session.inputNames.map((input) => [input, feeds[input]!]));
  const made = await session.run(given);
  await session.release();
  return Object.fromEntries(
    Object.entries(made).map(([key, { dims, data }]) => [key, { dims, data: Array.from(data as Float32Array) }]),
  );
}

const feeds = { input_ids: int64(IDS), attention_mask: int64(MASK), token_type_ids: int64(TYPES) };

/** What a model gives on tfjs's own backend, by the names of its file's outputs. */
async function plainly(model: ExportedModel): Promise<Record<string, { dims: number[]; data: number[] }>> {
  await setBackend("cpu");
  return tidy(() => {
    const batch: TokenBatch = {
      ids: tensor2d(IDS, undefined, "int32"),
      mask: tensor2d(MASK),
      ...(model.architecture.batch === "tokens+types" && { types: tensor2d(TYPES, undefined, "int32") }),
    };
    const read = (tensor: Tensor) => ({ dims: tensor.shape, data: [...tensor.dataSync()] });
    const { logits, hidden } = model.forward(batch);
    if (logits === undefined) return { last_hidden_state: read(hidden) };
    if (model.head?.kind === "embedding") return { last_hidden_state: read(hidden), sentence_embedding: read(logits) };
    if (model.head?.kind !== "question-answering") return { logits: read(logits) };
    const [first, last] = unstack(logits, 2);
    return { start_logits: read(first!), end_logits: read(last!) };
  });
}

/** Scores are about 1. */
const CLOSE = { absolute: 1e-4, relative: 1e-4 };

async function expectEqual(model: ExportedModel, name: string): Promise<void> {
  await saveOnnx(model, folder(join(out, name)), { trace: traceOnnx });
  const expected = await plainly(model);
  const made = await runFile(name, feeds);
  expect(Object.keys(made).sort()).toEqual(Object.keys(expected).sort());
  for (const [output, { dims, data }] of Object.entries(expected)) {
    expect(made[output]!.dims).toEqual(dims);
    expect(made[output]!.data).toBeAllClose(data, CLOSE);
  }
}

const writers = ["causal-lm", "sequence-to-sequence"];
const everyHead = architectures.flatMap(({ types, heads }) =>
  types.flatMap((type) => [undefined, ...(Object.keys(heads) as HeadKind[])].map((kind) => ({ type, kind }))),
);

test.each(everyHead.filter(({ type, kind }) => type !== "t5" && !writers.includes(kind!)))(
  "a $type with head $kind gives the same from its file",
  async ({ type, kind }) => {
    const model = tinyModel({ type, head: kind && tinyHeads[kind] });
    await expectEqual(model, `${type}-${kind}`);
    disposeParameters(model.parameters);
  },
);

// The tracer compares these itself, step by step with the whole text.
test.each(everyHead.filter(({ kind }) => writers.includes(kind!)))(
  "a $type that writes text is exported",
  async ({ type, kind }) => {
    const model = tinyModel({ type, head: tinyHeads[kind!] });
    await saveOnnx(model, folder(join(out, `${type}-writer`)), {
      trace: traceOnnx,
      ...(type === "t5" && { maxLength: 64 }),
    });
    const config = JSON.parse(readFileSync(join(out, `${type}-writer`, "config.json"), "utf8")) as {
      model_type: string;
    };
    expect(config.model_type).toBe(type);
    disposeParameters(model.parameters);
  },
);

/** Deltas away from their starts. */
function grown(model: LanguageModel, delta: Parameters<typeof attach>[1]): Tuned<LanguageModel> {
  const start = attach(model, delta);
  const parameters = [...start.parameters].map(([name, { shape }]): [string, Tensor] => [
    name,
    random(5).at(name).normal(shape),
  ]);
  return start.with(new Map(parameters));
}

test.each<[string, (model: LanguageModel) => ExportedModel]>([
  ["a LoRA", (model) => grown(model, lora(model, { rank: 2 }, random(1)))],
  ["a merged LoRA", (model) => merge(grown(model, lora(model, { rank: 2 }, random(1))))],
  ["an adapter, which cannot be merged", (model) => grown(model, adapter(model, { bottleneck: 3 }, random(1)))],
  ["a prompt, which cannot be merged", (model) => grown(model, prompt(model, { length: 3 }, random(1)))],
  ["a prefix, which cannot be merged", (model) => grown(model, prefix(model, { length: 2 }, random(1)))],
])("a classifier with %s gives the same from its file", async (name, tune) => {
  const model = tinyModel({ type: "bert" });
  await expectEqual(tune(model), name);
});

test("a decoder's file gives from step to step what the model gives at once", async () => {
  const model = tinyModel({ type: "llama", head: tinyHeads["causal-lm"] });
  await saveOnnx(model as ExportedModel, folder(join(out, "steps")), { trace: traceOnnx });
  const expected = await plainly(model as ExportedModel);
  const cut = (rows: readonly (readonly number[])[], from: number, to: number) =>
    int64(rows.map((row) => row.slice(from, to)));
  const heads = model.sites().find(({ kind }) => kind === "attention")!;
  const none = new OrtTensor("float32", new Float32Array(0), [2, heads.keyHeads!, 0, heads.width]);
  let past = Object.fromEntries(
    [0, 1].flatMap((i) => ["key", "value"].map((part) => [`past_key_values.${i}.${part}`, none])),
  );
  const scores: number[][] = [];
  for (const [from, to] of [
    [0, 4],
    [4, 5],
    [5, 9],
  ] as const) {
    const made = await runFile("steps", { ...past, input_ids: cut(IDS, from, to), attention_mask: cut(MASK, 0, to) });
    past = Object.fromEntries(
      Object.entries(made).flatMap(([name, { dims, data }]) =>
        name.startsWith("present")
          ? [[name.replace("present", "past_key_values"), new OrtTensor("float32", Float32Array.from(data), dims)]]
          : [],
      ),
    );
    const width = (to - from) * 23;
    scores.push(made["logits"]!.data.slice(0, width)); // the first text, which has no padding
  }
  expect(scores.flat()).toBeAllClose(expected["logits"]!.data.slice(0, 9 * 23), CLOSE);
  disposeParameters(model.parameters);
});

describe.runIf(hasTransformersJs)("transformers.js", () => {
  const options = { dtype: "fp32", device: "cpu" };

  test("embeds as this package does", async () => {
    const source = sapling("bert-2x128");
    const [model, tokenizer] = [await loadModel(source), await loadTokenizer(source)];
    await saveOnnx(model, folder(join(out, "sapling")), { tokenizer, trace: traceOnnx });
    const texts = ["Grafting joins two plants.", "win a free prize now", "a"];
    const ours = await embed(model, tokenizer, texts, { pooling: "mean", normalise: true });
    const { pipeline } = await loadTransformersJs(out);
    const extract = await pipeline("feature-extraction", "sapling", options);
    const { data } = (await extract(texts, { pooling: "mean", normalize: true })) as { data: Float32Array };
    expect([...data]).toBeAllClose(
      ours.flatMap((vector) => [...vector]),
      { absolute: 1e-4 },
    );
    disposeParameters(model.parameters);
  });

  test.each([
    ["gpt2", "causal-lm", "AutoModelForCausalLM"],
    ["llama", "causal-lm", "AutoModelForCausalLM"],
    ["t5", "sequence-to-sequence", "AutoModelForSeq2SeqLM"],
  ] as const)("writes with a %s what the model writes", async (type, kind, loader) => {
    const model = tinyModel({ type, head: tinyHeads[kind] });
    await saveOnnx(model as ExportedModel, folder(join(out, `${type}-writes`)), {
      trace: traceOnnx,
      ...(type === "t5" && { maxLength: 64 }),
    });
    const source = [[3, 9, 14, 7]];
    const rows = type === "t5" ? [[0]] : source.map((row) => [...row]);
    for (let i = 0; i < 6; i++) rows[0]!.push(likeliest(model, source, rows));
    const library = await loadTransformersJs(out);
    const theirs = await library[loader].from_pretrained(`${type}-writes`, options);
    const big = (of: number[][]) =>
      new library.Tensor("int64", BigInt64Array.from(of.flat(), BigInt), [1, of[0]!.length]);
    const written = await theirs.generate({
      input_ids: big(source),
      attention_mask: big([[1, 1, 1, 1]]),
      max_new_tokens: 6,
      do_sample: false,
      eos_token_id: null,
    });
    expect((written.tolist() as bigint[][])[0]!.map(Number)).toEqual(rows[0]);
    disposeParameters(model.parameters);
  });

  const minilm = process.env["CAMBIUM_MINILM"] ?? join(root, "../shared/models/all-minilm-l6-v2");
  test.runIf(existsSync(join(minilm, "golden.json")))("embeds with MiniLM as this package does", async () => {
    const { sentences } = JSON.parse(readFileSync(join(minilm, "golden.json"), "utf8")) as { sentences: string[] };
    const [model, tokenizer] = [await loadModel(minilm), await loadTokenizer(minilm)];
    await saveOnnx(model, folder(join(out, "minilm")), { tokenizer, trace: traceOnnx });
    // It cuts at what the tokenizer says, and not at what sentence_bert_config.json says.
    const ours = await embed(model, tokenizer, sentences, { pooling: "mean", normalise: true, maxLength: 512 });
    const { pipeline } = await loadTransformersJs(out);
    const extract = await pipeline("feature-extraction", "minilm", options);
    const { data } = (await extract(sentences, { pooling: "mean", normalize: true })) as { data: Float32Array };
    expect([...data]).toBeAllClose(
      ours.flatMap((vector) => [...vector]),
      { absolute: 1e-4 },
    );
    disposeParameters(model.parameters);
  });
});

/** The likeliest word behind a text, or behind a target. */
function likeliest(model: LanguageModel, source: number[][], rows: number[][]): number {
  const ids = (of: number[][]) => tensor2d(of, undefined, "int32");
  const scores = tidy(() => {
    const isTarget = model.architecture.batch === "source+target";
    const read = isTarget ? source : rows;
    const mask = tensor2d(read.map((row) => row.map(() => 1)));
    const { logits } = model.forward({ ids: ids(read), mask, ...(isTarget && { targetIds: ids(rows) }) });
    return [...logits!.dataSync()].slice(-model.config.vocab_size);
  });
  return scores.indexOf(Math.max(...scores));
}
