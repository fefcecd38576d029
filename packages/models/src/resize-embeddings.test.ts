import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { type Tensor, tensor2d } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addTokens } from "./add-tokens.ts";
import { createModel } from "./create.ts";
import { fixtureJson } from "./fixtures.ts";
import type { LanguageModel } from "./language-model.ts";
import { loadModel } from "./load.ts";
import { resizeEmbeddings } from "./resize-embeddings.ts";
import { saveModel } from "./save.ts";
import { createTokenizer } from "./tokenizer.ts";

const sizes = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 6 };
const configs = {
  "bert with words to guess": [{ model_type: "bert", vocab_size: 30, ...sizes }, { kind: "masked-lm" }],
  "gpt2, tied": [
    {
      model_type: "gpt2",
      vocab_size: 30,
      n_embd: 8,
      n_layer: 1,
      n_head: 2,
      n_positions: 8,
      bos_token_id: 0,
      eos_token_id: 0,
    },
    { kind: "causal-lm" },
  ],
  "llama, untied": [
    { model_type: "llama", vocab_size: 30, ...sizes, tie_word_embeddings: false },
    { kind: "causal-lm" },
  ],
  "t5, untied": [
    {
      model_type: "t5",
      vocab_size: 30,
      d_model: 8,
      d_kv: 4,
      d_ff: 6,
      num_layers: 1,
      num_heads: 2,
      tie_word_embeddings: false,
    },
    { kind: "sequence-to-sequence" },
  ],
  "bert without a head": [{ model_type: "bert", vocab_size: 30, ...sizes }, undefined],
} as const;

type Name = keyof typeof configs;
const models = new Map<Name, LanguageModel>();
const make = (name: Name): LanguageModel => models.get(name)!;
beforeAll(() => {
  for (const [name, [config, head]] of Object.entries(configs)) {
    models.set(name as Name, createModel(config, random(1), head === undefined ? {} : { head }));
  }
});
/** Disposes of the rows that a resized model does not share. */
const release = (model: LanguageModel, base: LanguageModel): void =>
  disposeParameters(new Map([...model.parameters].filter(([name, tensor]) => base.parameters.get(name) !== tensor)));
afterAll(() => {
  for (const model of models.values()) disposeParameters(model.parameters);
});

const rows = async (tensor: Tensor): Promise<number[][]> => (await tensor.array()) as number[][];

describe.each(Object.keys(configs) as Name[])("%s", (name) => {
  test("grown, keeps its rows, and new ones lie by their mean", async () => {
    const base = make(name);
    const model = resizeEmbeddings(base, 33, random(2));
    expect(model.config.vocab_size).toBe(33);
    const changed = [...model.parameters].filter(([key, tensor]) => base.parameters.get(key) !== tensor);
    expect(changed.length).toBeGreaterThan(0);
    for (const [key, tensor] of changed) {
      expect(tensor.shape[0]).toBe(33);
      const before = await rows(base.parameters.get(key)!);
      const after = await rows(tensor);
      expect(after.slice(0, 30)).toEqual(before);
      if (tensor.rank === 1) continue;
      for (const [column, value] of after[32]!.entries()) {
        const mean = before.reduce((sum, row) => sum + row[column]!, 0) / 30;
        const deviation = Math.sqrt(before.reduce((sum, row) => sum + (row[column]! - mean) ** 2, 0) / 30);
        expect(Math.abs(value - mean)).toBeLessThan(0.06 * deviation); // a hundredth of a deviation, at most six times
      }
      expect(after[30]).not.toEqual(after[31]);
    }
    expect(
      [...model.layout.parameters].every(
        ([key, { shape, tiedTo }]) =>
          tiedTo !== undefined || String(model.parameters.get(key)?.shape) === String(shape),
      ),
    ).toBe(true);
    release(model, base);
  });

  test("scores of old tokens stay what they were, grown or shrunk", async () => {
    const base = make(name);
    const ids = tensor2d([[3, 7, 19]], [1, 3], "int32");
    const batch = {
      ids,
      mask: tensor2d([[1, 1, 1]]),
      ...(name.startsWith("t5") && { targetIds: tensor2d([[0, 4]], [1, 2], "int32") }),
    };
    const first = async (model: LanguageModel): Promise<number[]> => {
      const output = model.forward(batch);
      const scores = output.logits ?? output.hidden;
      const width = scores.shape.at(-1)!;
      const values = [...(await scores.data())].filter((_, i) => output.logits === undefined || i % width < 20);
      for (const each of Object.values(output)) if (typeof each === "object") (each as Tensor).dispose();
      return values;
    };
    const expected = await first(base);
    for (const size of [41, 20]) {
      const model = resizeEmbeddings(base, size, random(2));
      expect(await first(model)).toEqual(expected);
      release(model, base);
    }
    ids.dispose();
    batch.mask.dispose();
    if ("targetIds" in batch) batch.targetIds?.dispose();
  });
});

test("with a tokenizer, a model grows as far as it has tokens, never shrinks, and is saved and loaded with it", async () => {
  const base = make("bert with words to guess");
  const json = fixtureJson<{ readonly model: { readonly vocab: object } }>("bert/tokenizer.json");
  const tokenizer = addTokens(createTokenizer(json, fixtureJson("bert/tokenizer_config.json")), ["<tool>", "</tool>"], {
    special: true,
  });
  const model = resizeEmbeddings(base, tokenizer, random(2));
  expect(model.config.vocab_size).toBe(55);
  expect(tokenizer.pieces("the<tool>cat")).toContain(53);
  const again = resizeEmbeddings(model, { vocabularySize: 40 }, random(3));
  expect(again.config.vocab_size).toBe(55);
  const files = memory();
  await saveModel(model, files, { tokenizer });
  const loaded = await loadModel(files, { head: { kind: "masked-lm" } });
  expect(loaded.config.vocab_size).toBe(55);
  expect(loaded.created).toEqual([]);
  disposeParameters(loaded.parameters);
  release(model, base);
});

test.each([0, 2.5, Number.NaN])("a size of %s is an error", (size) => {
  expect(() => resizeEmbeddings(make("gpt2, tied"), size, random(1))).toThrow(
    "resizeEmbeddings: size must be a whole number",
  );
});
