/** What is handed to the tracer, and what a folder holds; `tests` runs the files themselves. */
import { memory } from "@cambium/base";
import { around, disposeParameters } from "@cambium/core";
import { add, concat, slice, tensor, tensor2d, tidy, zeros } from "@tensorflow/tfjs-core";
import { expect, onTestFinished, test } from "vitest";
import type { LanguageModel } from "../language-model.ts";
import { tinyHeads, tinyModel } from "../testing/index.ts";
import { type ExportedModel, type SaveOnnxOptions, saveOnnx } from "./save-onnx.ts";
import type { NamedTensors, OnnxGraphInput, TraceOnnx } from "./trace.ts";

const BYTES = Uint8Array.of(1, 2, 3);

/** A model, or one with its parts exchanged. */
function modelOf(
  options: Parameters<typeof tinyModel>[0],
  change: (model: LanguageModel) => object = () => ({}),
): ExportedModel {
  const model = tinyModel(options);
  onTestFinished(() => disposeParameters(model.parameters));
  return { ...model, ...change(model) };
}

interface Traced {
  readonly run: (inputs: NamedTensors) => NamedTensors;
  readonly inputs: Readonly<Record<string, OnnxGraphInput>>;
  readonly dynamic: Parameters<TraceOnnx>[2]["dynamic"];
}

/** Writes a folder with a tracer that only notes what it is given. */
async function save(model: ExportedModel, options: Partial<SaveOnnxOptions> = {}) {
  const files = memory();
  const traced: Traced[] = [];
  const trace: TraceOnnx = (run, inputs, { dynamic }) => {
    traced.push({ run, inputs, dynamic });
    return { model: BYTES };
  };
  await saveOnnx(model, files, { trace, ...options });
  const config = JSON.parse(new TextDecoder().decode(await files.read("config.json"))) as Record<string, unknown>;
  return { files, traced, config, names: (await files.list()).map(({ name }) => name).sort() };
}

test("an encoder with a classifier is one graph, and its config has its labels", async () => {
  const model = modelOf({ type: "bert" });
  const { traced, config, names, files } = await save(model);
  expect(names).toEqual(["config.json", "onnx/model.onnx"]);
  expect(await files.read("onnx/model.onnx")).toEqual(BYTES);
  expect(config).toMatchObject({
    model_type: "bert",
    architectures: ["BertForSequenceClassification"],
    id2label: { 0: "red", 1: "green", 2: "blue" },
    problem_type: "single_label_classification",
  });
  const [{ inputs, dynamic, run }] = traced as [Traced];
  expect(Object.entries(inputs).map(([name, { type, shape }]) => [name, type, shape])).toEqual(
    ["input_ids", "attention_mask", "token_type_ids"].map((name) => [name, "int64", ["batch_size", "sequence_length"]]),
  );
  expect(dynamic["sequence_length"]).toEqual({ longest: 20 });
  tidy(() => {
    const [ids, mask] = [tensor2d([[3, 9, 14]], undefined, "int32"), tensor2d([[1, 1, 0]], undefined, "int32")];
    const { logits } = run({ input_ids: ids, attention_mask: mask, token_type_ids: zeros([1, 3], "int32") });
    const whole = model.forward({ ids, mask: tensor2d([[1, 1, 0]]), types: tensor2d([[0, 0, 0]], undefined, "int32") });
    expect(logits).toBeAllClose(whole.logits!, { absolute: 0 });
  });
});

test("a model without a head gives its last layer, without rows that stand in front of the words", async () => {
  const model = modelOf({ type: "roberta", head: undefined });
  const front = around(
    "embed",
    () => true,
    ({ input, next }) => {
      const words = next(input);
      return {
        x: concat([zeros([words.x.shape[0], 2, words.x.shape[2]]), words.x], 1) as typeof words.x,
        mask: concat(
          [
            tensor2d(
              words.mask.shape[0] === 1
                ? [[1, 1]]
                : [
                    [1, 1],
                    [1, 1],
                  ],
            ),
            words.mask,
          ],
          1,
        ),
        positions: concat(
          [zeros([words.x.shape[0], 2], "int32"), add(words.positions, 2)],
          1,
        ) as typeof words.positions,
        extra: words.extra + 2,
      };
    },
  );
  const tuned: ExportedModel = {
    ...model,
    forward: (input, options) =>
      model.forward(input, { ...options, hooks: [...(options?.hooks ?? []), front].reverse() }),
  };
  const { traced, config } = await save(tuned);
  expect(config["architectures"]).toEqual(["RobertaModel"]);
  const [{ inputs, dynamic, run }] = traced as [Traced];
  expect(Object.keys(inputs)).toEqual(["input_ids", "attention_mask"]);
  expect(dynamic["sequence_length"]).toEqual({ longest: 16 }); // 18 positions, two of them taken
  tidy(() => {
    const [ids, mask] = [tensor2d([[3, 9, 14]], undefined, "int32"), tensor2d([[1, 1, 1]], undefined, "int32")];
    expect(run({ input_ids: ids, attention_mask: mask })["last_hidden_state"]!.shape).toEqual([1, 3, 8]);
  });
});

test.each(["gpt2", "llama"])("a %s takes and gives keys and values of every layer", async (type) => {
  const model = modelOf({ type, head: tinyHeads["causal-lm"] });
  const { traced, names } = await save(model);
  expect(names).toEqual(["config.json", "onnx/model.onnx"]);
  const [{ inputs, dynamic, run }] = traced as [Traced];
  const past = Object.entries(inputs).filter(([name]) => name.startsWith("past_key_values."));
  expect(past.map(([name]) => name)).toEqual(
    [0, 1].flatMap((layer) => ["key", "value"].map((part) => `past_key_values.${layer}.${part}`)),
  );
  expect(inputs["attention_mask"]!.shape).toEqual(["batch_size", "past_sequence_length + sequence_length"]);
  expect(dynamic["past_sequence_length"]!.least).toBe(0);
  tidy(() => {
    // What is checked with is what the model makes of a text's first rows.
    const given = past.map(([name, { shape, sample }]) => {
      const sizes = [1, shape[1] as number, 2, shape[3] as number];
      return [name, tensor([...(sample!(sizes) as Float32Array)], sizes)];
    });
    const first = inputs["input_ids"]!.sample!([1, 2]) as Int32Array;
    const made = run({
      ...Object.fromEntries(given),
      input_ids: tensor2d([[7, 11]], undefined, "int32"),
      attention_mask: tensor2d([[1, 1, 1, 1]], undefined, "int32"),
    });
    const ids = tensor2d([[...first, 7, 11]], undefined, "int32");
    const whole = model.forward({ ids, mask: tensor2d([[1, 1, 1, 1]]) }).logits!;
    expect(made["logits"]!).toBeAllClose(slice(whole, [0, 2, 0], [1, 2, -1]), { absolute: 1e-4 });
    expect(made["present.1.value"]!.shape[2]).toBe(4);
  });
});

test("a T5 is a graph of its encoder and one of its decoder, and says that it is both", async () => {
  const model = modelOf({ type: "t5", head: tinyHeads["sequence-to-sequence"] });
  const { traced, names, config } = await save(model, { maxLength: 64 });
  expect(names).toEqual(["config.json", "onnx/decoder_model_merged.onnx", "onnx/encoder_model.onnx"]);
  expect(config["is_encoder_decoder"]).toBe(true);
  expect(Object.keys(traced[1]!.inputs)).toEqual([
    "input_ids",
    "encoder_attention_mask",
    "encoder_hidden_states",
    ...[0, 1].flatMap((layer) => ["key", "value"].map((part) => `past_key_values.${layer}.decoder.${part}`)),
  ]);
});

/** A hook that adds to the first pass of a text only, as a prefix does. */
const atStart = around(
  "block",
  () => true,
  ({ input, next, context }) => (context.first ? add(next(input), 1) : next(input)) as never,
);

test("a language model on which something acts at the start only is refused", async () => {
  const model = modelOf({ type: "llama", head: tinyHeads["causal-lm"] });
  const tuned: ExportedModel = {
    ...model,
    forward: (input, options) => model.forward(input, { ...options, hooks: [...(options?.hooks ?? []), atStart] }),
  };
  await expect(save(tuned)).rejects.toThrow("acts at the start of a text only");
});

test.each<[string, () => ExportedModel, Partial<SaveOnnxOptions>, string]>([
  ["an unknown option", () => modelOf({}), { dtype: "F16" } as never, 'unknown option "dtype"'],
  ["no tracer", () => modelOf({}), { trace: undefined as never }, "pass trace: traceOnnx"],
  [
    "a length that the model has no positions for",
    () => modelOf({}),
    { maxLength: 21 },
    "from 16 to 20 for this bert, got 21",
  ],
  ["a T5 without a head", () => modelOf({ type: "t5", head: undefined }), {}, 'kind: "sequence-to-sequence"'],
  [
    "a delta that each row chooses",
    () => modelOf({}, () => ({ deltas: [{ name: "mixed", kind: "perRow" }] })),
    {},
    'delta "mixed" is another one for each row',
  ],
  [
    "a window that the length does not reach",
    () =>
      modelOf({ type: "llama" }, ({ config }) => ({
        config: { ...config, max_position_embeddings: 64, sliding_window: 32 },
      })),
    { maxLength: 40 },
    "from 48 to",
  ],
  ["no tokenizer", () => modelOf({}), { tokenizer: {} as never }, "saveOnnx: tokenizer must be what loadTokenizer"],
])("%s is an error", async (_, model, options, message) => {
  await expect(save(model(), options)).rejects.toThrow(message);
});

test("when the graph cannot be made, nothing is written, and what was there stays", async () => {
  const files = memory();
  await files.write("config.json", "of another model");
  const model = modelOf({});
  const trace: TraceOnnx = () => {
    throw new Error("no graph");
  };
  await expect(saveOnnx(model, files, { trace })).rejects.toThrow("no graph");
  expect((await files.list()).map(({ name }) => name)).toEqual(["config.json"]);
});
