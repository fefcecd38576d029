import { disposeParameters, random, valueAndGradients } from "@cambium/core";
import { dispose, reshape, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { TokenBatch } from "../architecture.ts";
import { architectures } from "../architectures/index.ts";
import { createCache } from "../cache.ts";
import { collate } from "../collate.ts";
import { createModel } from "../create.ts";
import { fixture } from "../fixtures.ts";
import type { HeadConfig } from "../head-config.ts";
import type { LanguageModel } from "../language-model.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer.ts";
import { packRows } from "./pack.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(fixture("bert"));
});

const nextWord: HeadConfig = { kind: "causal-lm" };

/** A model of a family whose dropout is off, with positions for 40 tokens. */
function modelOf(type: string, head: HeadConfig = nextWord): LanguageModel {
  const { model_type: _, ...tiny } = architectures.find(({ types }) => types.includes(type))!.tiny(0);
  const length = type === "gpt2" ? { n_positions: 40 } : type === "t5" ? {} : { max_position_embeddings: 40 };
  return createModel({ model_type: type, ...tiny, vocab_size: 61, ...length }, random(3), { head });
}

const rows = [
  { text: "the cat sat on the mat" },
  { text: "a dog", target: " ate the hat" },
  { text: "red and blue" },
  { text: "the dog sat on the cat and the cat sat on the hat" },
];

const disposeBatch = (batch: TokenBatch): void => dispose(Object.values(batch) as Tensor[]);

describe.each(["gpt2", "llama", "mistral", "qwen2", "qwen3"])("packed rows of a %s", (type) => {
  test("give the scores, the loss and the gradients of rows by themselves", () => {
    const model = modelOf(type);
    const alone = collate(model, tokenizer, { maxLength: 40 })(rows);
    const packed = collate(model, tokenizer, { maxLength: 40, pack: true })(rows);
    expect(packed.ids.shape[0]).toBeLessThan(rows.length);
    expect(packed.sequences!.shape).toEqual(packed.ids.shape);
    expect(model.weight!(packed)).toBe(model.weight!(alone));

    tidy(() => {
      const scoresOf = (batch: TokenBatch): number[][][] => model.forward(batch).logits!.arraySync() as number[][][];
      const [apart, together] = [scoresOf(alone), scoresOf(packed)];
      const places = packed.sequences!.arraySync();
      const lengths = alone.mask.arraySync().map((row) => row.reduce((sum, real) => sum + real, 0));
      // First fit in the order of the rows: the k-th row of a bin is the next that fitted.
      const order = packRows(
        lengths.map((length, i) => ({ ids: new Array(length).fill(i), types: [] })),
        40,
      );
      for (const [bin, { ids }] of order.entries()) {
        for (const [column, row] of ids.entries()) {
          const place = column - places[bin]!.indexOf(places[bin]![column]!);
          for (const [i, score] of together[bin]![column]!.entries()) {
            expect(score).toBeCloseTo(apart[row]![place]![i]!, 4);
          }
        }
      }
    });

    const learn = (batch: TokenBatch) =>
      valueAndGradients((parameters) => model.loss!(batch, { parameters }), model.parameters);
    const [first, second] = [learn(alone), learn(packed)];
    expect(second.value.dataSync()[0]).toBeCloseTo(first.value.dataSync()[0]!, 5);
    for (const [name, gradient] of first.gradients) {
      const flat = (tensor: Tensor): Tensor => reshape(tensor, [gradient.size]);
      tidy(() => {
        const packedOne = flat(second.gradients.get(name)!);
        expect(packedOne).toBeAllClose(flat(gradient), { relative: 1e-3, absolute: 1e-5 });
      });
    }
    for (const { value, gradients } of [first, second]) {
      value.dispose();
      disposeParameters(gradients);
    }
    for (const batch of [alone, packed]) disposeBatch(batch);
    disposeParameters(model.parameters);
  });

  test("go with no cache and no deltas by row", () => {
    const model = modelOf(type);
    const packed = collate(model, tokenizer, { maxLength: 40, pack: true })(rows);
    const cache = createCache({ capacity: 64 });
    expect(() => model.forward(packed, { cache })).toThrow("a cache takes each row by itself");
    cache.dispose();
    const mixed = { ...packed, rows: tensor1d([0], "int32") };
    expect(() => model.forward(mixed)).toThrow("sequences or rows, not both");
    disposeBatch(mixed);
    disposeParameters(model.parameters);
  });
});

test("rows go where they fit first, each with a first token that is not learnt", () => {
  const row = (length: number, value: number) => ({
    ids: new Array<number>(length).fill(value),
    types: new Array<number>(length).fill(0),
    labels: new Array<number>(length).fill(value),
  });
  expect(packRows([row(3, 1), row(4, 2), row(2, 3), row(1, 4)], 5)).toEqual([
    { ids: [1, 1, 1, 3, 3], types: [0, 0, 0, 0, 0], sequences: [0, 0, 0, 1, 1], labels: [-100, 1, 1, -100, 3] },
    { ids: [2, 2, 2, 2, 4], types: [0, 0, 0, 0, 0], sequences: [0, 0, 0, 0, 1], labels: [-100, 2, 2, 2, -100] },
  ]);
});

test.each<[string, string, HeadConfig, unknown]>([
  ["a classifier", "llama", { kind: "sequence-classification", labels: ["a", "b"] }, true],
  ["an encoder", "bert", { kind: "masked-lm" }, true],
  ["a word for yes", "llama", nextWord, "yes"],
])("%s does not pack", (_, type, head, pack) => {
  const model = modelOf(type, head);
  expect(() => collate(model, tokenizer, { maxLength: 40, pack: pack as boolean })).toThrow("collate: pack ");
  disposeParameters(model.parameters);
});

test("an encoder refuses a batch of packed rows", () => {
  const model = modelOf("bert", { kind: "masked-lm" });
  const decoder = modelOf("llama");
  const batch = collate(decoder, tokenizer, { maxLength: 40, pack: true })(rows);
  disposeParameters(decoder.parameters);
  expect(() => model.forward(batch)).toThrow("reads no packed rows");
  disposeBatch(batch);
  disposeParameters(model.parameters);
});
