import { disposeParameters, random } from "@cambium/core";
import { dispose, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TokenBatch } from "./architecture.ts";
import { createModel } from "./create.ts";
import { heads } from "./fixtures.ts";
import type { LanguageModel } from "./language-model.ts";
import { disposeFields, tinyBatch, tinyModel } from "./testing/tiny.ts";

const sizes = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 10 };
let model: LanguageModel;
beforeAll(() => {
  model = createModel({ model_type: "bert", ...sizes, vocab_size: 11, type_vocab_size: 2 }, random(1), {
    head: heads["masked-lm"],
  });
});
afterAll(() => disposeParameters(model.parameters));

const int = (rows: number[][]): TokenBatch["ids"] => tensor2d(rows, undefined, "int32");
const good = (): TokenBatch => ({
  ids: int([
    [2, 5, 3],
    [2, 10, 3],
  ]),
  mask: tensor2d([
    [1, 1, 1],
    [1, 1, 1],
  ]),
});

/** What forward says of a batch that differs from a good one. */
function refusal(change: Record<string, unknown>, of = model): { code: string; message: string } {
  const batch = { ...good(), ...change } as TokenBatch;
  try {
    const output = of.forward(batch);
    throw new Error(`no error came, but ${Object.keys(output)}`);
  } catch (error) {
    return error as { code: string; message: string };
  }
}

describe("a key that no model reads is an error that names the one that is meant", () => {
  test.each([
    ["input_ids", "ids"],
    ["attention_mask", "mask"],
    ["token_type_ids", "types"],
    ["decoder_input_ids", "targetIds"],
    ["label", "labels"],
    ["lables", "labels"],
    ["type", "types"],
  ])("%s is %s", (key, meant) => {
    tidy(() => {
      expect(refusal({ [key]: int([[1]]) })).toMatchObject({
        code: "CONFIG",
        message: `forward: a batch has no "${key}"; is "${meant}" meant?`,
      });
    });
  });

  test("what no model here reads is refused with a list of what is read", () => {
    tidy(() => {
      expect(refusal({ past_key_values: 1 }).message).toBe(
        'forward: a batch has no "past_key_values"; it has ids, mask, types, targetIds, labels, positions, sequences, rows',
      );
    });
  });

  test("what a loss of one's own reads may be in the batch", () => {
    tidy(() => {
      const batch = { ...good(), shares: tensor1d([0.5, 0.5]) };
      expect(model.forward(batch).logits!.shape).toEqual([2, 3, 11]);
    });
  });
});

test.each([
  ["no ids", { ids: undefined }, "a batch needs a tensor as ids, got undefined"],
  ["a list as mask", { mask: [1, 1] }, "a batch needs a tensor as mask, got 1,1"],
])("%s is a shape error", (_, change, message) => {
  tidy(() => {
    expect(refusal(change)).toMatchObject({ code: "SHAPE", message: `forward: ${message}` });
  });
});

test.each([
  ["ids", 11, "ids must be from 0 to 10, the model's vocabulary, got 11 in row 1, column 2"],
  ["ids", -1, "ids must be from 0 to 10, the model's vocabulary, got -1 in row 1, column 2"],
  ["types", 7, "types must be from 0 to 1, the model's segments, got 7 in row 1, column 2"],
  ["types", -1, "types must be from 0 to 1, the model's segments, got -1 in row 1, column 2"],
])("%s of %i are refused with their place", (name, value, message) => {
  tidy(() => {
    const rows = [
      [1, 1, 1],
      [0, 1, value],
    ];
    expect(refusal({ [name]: int(rows) })).toMatchObject({
      code: "SHAPE",
      message: `forward: ${message}`,
      details: { value, row: 1, column: 2 },
    });
  });
});

test("positions outside of the batch are refused", () => {
  tidy(() => {
    expect(refusal({ positions: tensor1d([0, 6], "int32") }).message).toContain(
      "positions must be from 0 to 5, the batch's tokens, got 6 in row 0, column 1",
    );
  });
});

test("parts that an architecture would pass over are refused", () => {
  const gpt2 = tinyModel({ type: "gpt2", dropout: 0 });
  const batch = tinyBatch(gpt2);
  tidy(() => {
    expect(refusal({ ...batch, types: batch.ids }, gpt2).message).toContain("a gpt2 tells no segments apart");
    expect(refusal({ targetIds: int([[1], [1]]) }).message).toContain("a bert has no decoder beside an encoder");
  });
  disposeFields(batch);
  disposeParameters(gpt2.parameters);
});

test("a mistyped option of forward is an error that names the nearest", () => {
  const batch = good();
  expect(() => model.forward(batch, { trianing: true } as object)).toThrow(
    'forward: unknown option "trianing"; is "training" meant?',
  );
  dispose(Object.values<Tensor>({ ...batch }));
});

test("rows that are no number for each row are refused", () => {
  tidy(() => {
    expect(refusal({ rows: tensor2d([[0, 1]], [1, 2], "int32") }).message).toContain("rows must be int32 [2]");
    expect(refusal({ rows: tensor1d([0, 1]) }).message).toContain("got float32 [2]");
  });
});
