import { disposeParameters, random, valueAndGradients } from "@cambium/core";
import { dispose, gather, reshape, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { TokenBatch } from "../../architecture.ts";
import { createModel } from "../../create.ts";
import { type Family, heads } from "../../fixtures.ts";
import type { HeadConfig } from "../../head-config.ts";
import type { LanguageModel } from "../../language-model.ts";

function create(family: Family, head?: HeadConfig): LanguageModel {
  const sizes = {
    model_type: family,
    vocab_size: 23,
    hidden_size: 10,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 12,
    initializer_range: 0.4,
  };
  return createModel(sizes, random(1), head === undefined ? {} : { head });
}

function batch(labels?: Tensor): TokenBatch {
  return {
    ids: tensor2d(
      [
        [5, 9, 22],
        [5, 7, 6],
      ],
      undefined,
      "int32",
    ),
    mask: tensor2d([
      [1, 1, 1],
      [1, 1, 1],
    ]),
    ...(labels === undefined ? {} : { labels }),
  };
}

test.each<Family>(["bert", "roberta"])("%s's masked-LM head at positions equals the whole one there", (family) => {
  const model = create(family, { kind: "masked-lm" });
  tidy(() => {
    const positions = tensor1d([4, 0, 2], "int32");
    const whole = model.forward(batch()).logits!; // [2, 3, 23]
    const some = model.forward({ ...batch(), positions }).logits!;
    expect(some.shape).toEqual([3, 23]);
    expect(some).toBeAllClose(gather(reshape(whole, [6, 23]), positions));
    const labels = tensor2d(
      [
        [3, -100, 8],
        [-100, 20, -100],
      ],
      undefined,
      "int32",
    );
    const atPositions = { ...batch(tensor1d([20, 3, 8], "int32")), positions };
    expect(model.loss!(atPositions)).toBeAllClose(model.loss!(batch(labels)));
  });
  disposeParameters(model.parameters);
});

test("the masked-LM decoder and the embeddings are one weight: its gradient has both parts", () => {
  const model = create("bert", { kind: "masked-lm" });
  const words = "embeddings.word_embeddings.weight";
  const input = { ...batch(tensor1d([20], "int32")), positions: tensor1d([1], "int32") };
  const { value, gradients } = valueAndGradients(
    (parameters) => model.loss!(input, { parameters: new Map([...model.parameters, ...parameters]) }),
    new Map([[words, model.parameters.get(words)!]]),
  );
  const norms = Array.from({ length: 23 }, (_, id) =>
    Math.hypot(...(gradients.get(words)!.arraySync() as number[][])[id]!),
  );
  expect(Math.min(...norms)).toBeGreaterThan(1e-3); // the decoder's softmax reaches every word
  dispose([value, ...gradients.values(), input.ids, input.mask, input.labels!, input.positions]);
  disposeParameters(model.parameters);
});

test("an encoder without a head has no loss and no logits", () => {
  const model = create("bert");
  expect(model.loss).toBeUndefined();
  expect(model.headParameters).toEqual([]);
  disposeParameters(model.parameters);
});

test.each(Object.values(heads))("a $kind head's loss needs labels", (head) => {
  const model = create("bert", head);
  tidy(() => {
    expect(() => model.loss!(batch())).toThrow("needs labels");
  });
  disposeParameters(model.parameters);
});

test("regression's loss is the mean squared error", () => {
  const model = create("roberta", { kind: "regression" });
  tidy(() => {
    const [a, b] = model.forward(batch()).logits!.dataSync() as unknown as [number, number];
    const loss = model.loss!(batch(tensor1d([1, -2])));
    expect(loss).toBeAllClose(((a - 1) ** 2 + (b + 2) ** 2) / 2);
    expect(() => model.loss!(batch(tensor1d([1, -2], "int32")))).toThrow("float32 labels of shape [2]");
  });
  disposeParameters(model.parameters);
});

test.each([
  ["bert", ["classifier.weight", "classifier.bias"]],
  [
    "roberta",
    ["classifier.dense.weight", "classifier.dense.bias", "classifier.out_proj.weight", "classifier.out_proj.bias"],
  ],
] as const)("%s's head parameters are the classifier's", (family, names) => {
  const model = create(family, heads["sequence-classification"]);
  expect(model.headParameters).toEqual(names);
  expect(model.fileName("encoder.layer.0")).toBe(`${family}.encoder.layer.0`);
  expect(model.fileName(names[0])).toBe(names[0]);
  disposeParameters(model.parameters);
});

test.each([
  ["an unknown kind", { kind: "multiple-choice" }, "kind"],
  ["one label", { kind: "sequence-classification", labels: ["spam"] }, "labels"],
  ["two equal labels", { kind: "token-classification", labels: ["A", "A"] }, "labels must differ"],
  ["no label", { kind: "sequence-classification", labels: [], multiLabel: true }, "labels"],
  ["several labels a token", { kind: "token-classification", labels: ["A", "B"], multiLabel: true }, "multiLabel"],
  ["one output of several", { kind: "regression", outputs: 1 }, "at least 2 outputs; leave it out for one number"],
  ["two equal outputs", { kind: "regression", outputs: ["a", "a"] }, "differ"],
  ["an unknown pool", { kind: "regression", pool: "max" }, "pool"],
  ["a pool of tokens", { kind: "token-classification", labels: ["A", "B"], pool: "mean" }, "pool"],
  ["labels for regression", { kind: "regression", labels: ["a", "b"] }, "labels"],
])("%s is an error", (_, head, message) => {
  expect(() => create("bert", head as HeadConfig)).toThrow(message);
});
