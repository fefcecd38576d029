import { memory, readJson } from "@cambium/base";
import { disposeParameters, random, valueAndGradients } from "@cambium/core";
import { dispose, type Scalar, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collate } from "../collate.ts";
import { createModel } from "../create.ts";
import { embed } from "../embed.ts";
import { fixture, fixtureJson, type Numbers, pick, toTensor } from "../fixtures.ts";
import type { LanguageModel } from "../language-model.ts";
import { loadModel } from "../load.ts";
import type { Row } from "../row.ts";
import { saveModel } from "../save.ts";
import { tinyModel } from "../testing/index.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer.ts";
import type { EmbeddingHead } from "./head-config.ts";

interface GoldenLoss {
  readonly name: string;
  readonly head: Omit<EmbeddingHead, "kind">;
  readonly columns: 2 | 3;
  readonly labels: readonly number[] | null;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Numbers>>;
}

const golden = fixtureJson<{
  readonly pairs: readonly (readonly [string, string, string])[];
  readonly losses: readonly GoldenLoss[];
}>("embeddings/golden.json");

const rowsOf = ({ columns, labels }: Pick<GoldenLoss, "columns" | "labels">): Row[] =>
  golden.pairs.map(([text, pair, negative], i) => ({
    text,
    pair,
    ...(columns === 3 && { negatives: [negative] }),
    ...(labels !== null && { label: labels[i]! }),
  }));

const fields = (batch: object): Tensor[] => Object.values(batch) as Tensor[];

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(fixture("bert"));
});

test.each(golden.losses.map((each) => [each.name, each] as const))(
  "losses and gradients are sentence-transformers': %s",
  async (_, expected) => {
    const model = await loadModel(fixture("bert/base"), { head: { kind: "embedding", ...expected.head } });
    const batch = collate(model, tokenizer, { maxLength: 24 })(rowsOf(expected));
    const probed = pick(model.parameters, Object.keys(expected.gradients));
    const { value, gradients } = valueAndGradients(
      (some) => model.loss!(batch, { parameters: new Map([...model.parameters, ...some]) }),
      probed,
    );
    expect(value.dataSync()[0]).toBeCloseTo(expected.loss, 5);
    for (const [name, numbers] of Object.entries(expected.gradients)) {
      const wanted = toTensor(numbers);
      expect(gradients.get(name), name).toBeAllClose(wanted, { relative: 1e-3, absolute: 1e-5 });
      wanted.dispose();
    }
    expect(model.weight!(batch)).toBe(3);
    dispose([value, ...fields(batch)]);
    disposeParameters(gradients);
    disposeParameters(model.parameters);
  },
);

describe("what reads like the right answer is no wrong one", () => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await loadModel(fixture("bert/base"), { head: { kind: "embedding" } });
  });
  afterAll(() => disposeParameters(model.parameters));

  const labelsOf = (rows: readonly Row[]): number[][] => {
    const batch = collate(model, tokenizer, { maxLength: 24 })(rows);
    const labels = batch.labels!.arraySync() as number[][];
    dispose(fields(batch));
    return labels;
  };

  test("another row's equal pair, in whatever case the model does not see", () => {
    const rows = [
      { text: "a cat", pair: "the cat" },
      { text: "a dog", pair: "The CAT" },
      { text: "a hat", pair: "the hat" },
    ];
    expect(labelsOf(rows)).toEqual([
      [1, -100, 0],
      [-100, 1, 0],
      [0, 0, 1],
    ]);
  });

  test("another pair of an equal text, and the text itself", () => {
    const rows = [
      { text: "a cat", pair: "the cat" },
      { text: "a cat", pair: "cats" },
      { text: "a dog", pair: "a cat" },
    ];
    expect(labelsOf(rows)).toEqual([
      [1, -100, -100],
      [-100, 1, -100],
      [0, 0, 1],
    ]);
  });

  test("a negative that another row means, and a row with fewer of them", () => {
    const rows = [
      { text: "a cat", pair: "the cat", negatives: ["the dog", "the hat"] },
      { text: "a dog", pair: "the dog", negatives: ["the mat"] },
    ];
    expect(labelsOf(rows)).toEqual([
      [1, 0, 0, 0, 0, 0],
      [0, 1, -100, 0, 0, -100],
    ]);
  });

  test("the loss is then that of the batch without them", () => {
    const rows = [
      { text: "a cat", pair: "the cat" },
      { text: "a dog", pair: "the hat" },
    ];
    const twice = [...rows, { text: "a red dog", pair: "the hat" }];
    const lossOf = (some: readonly Row[]): number =>
      tidy(() => model.loss!(collate(model, tokenizer, { maxLength: 24 })(some)).dataSync()[0]!);
    // The first text has one wrong answer twice, the others have the first pair alone.
    const scores = tidy(() => {
      const { logits } = model.forward(collate(model, tokenizer, { maxLength: 24 })(twice));
      const vectors = logits!.arraySync() as number[][];
      const cosine = (a: number[], b: number[]): number =>
        a.reduce((sum, value, k) => sum + value * b[k]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
      return vectors.slice(0, 3).map((text) => vectors.slice(3).map((pair) => Math.exp(20 * cosine(text, pair))));
    });
    const terms = [
      scores[0]![0]! / (scores[0]![0]! + scores[0]![1]! + scores[0]![2]!),
      scores[1]![1]! / (scores[1]![0]! + scores[1]![1]!),
      scores[2]![2]! / (scores[2]![0]! + scores[2]![2]!),
    ];
    expect(lossOf(twice)).toBeCloseTo(-terms.reduce((sum, term) => sum + Math.log(term), 0) / 3, 4);
    expect(lossOf(twice)).not.toBeCloseTo(lossOf(rows), 4);
  });

  test.each<[string, Row, string]>([
    ["without a pair", { text: "a cat" }, "row 1 needs a text and its pair"],
    ["with a label", { text: "a cat", pair: "the cat", label: 1 }, 'row 1 has a label, which the loss "in-batch"'],
    [
      "with its pair as negative",
      { text: "a", pair: "the cat", negatives: ["a", "THE cat"] },
      "row 1 has its own pair as negative 1",
    ],
    [
      "with one negative by itself",
      { text: "a", pair: "the cat", negatives: "the" as never },
      "needs a list of texts as negatives",
    ],
  ])("a row %s is an error that names it", (_, row, message) => {
    expect(() => labelsOf([{ text: "a dog", pair: "the dog" }, row])).toThrow(message);
  });
});

test.each<[string, EmbeddingHead["loss"], Partial<Row>, string]>([
  ["no label", "cosent", {}, 'needs a number as label for the loss "cosent", got undefined'],
  ["a label beyond every cosine", "cosine", { label: 5 }, "needs a number from -1 to 1 as label"],
  ["negatives", "cosine", { label: 1, negatives: ["a"] }, 'has negatives, which the loss "cosine" does not read'],
])("a scored pair with %s is an error", async (_, loss, more, message) => {
  const model = tinyModel({ head: { kind: "embedding", loss: loss! } });
  const wide = createModel({ ...model.config, vocab_size: 53 }, random(1), { head: model.head! });
  expect(() => collate(wide, tokenizer, { maxLength: 8 })([{ text: "a", pair: "the", ...more }])).toThrow(message);
  disposeParameters(model.parameters);
  disposeParameters(wide.parameters);
});

test("every choice of the head stands in it, from the user, then the folder, then the defaults", async () => {
  const base = fixture("bert/base");
  const files = memory({
    "config.json": await base.read("config.json"),
    "model.safetensors": await base.read("model.safetensors"),
    "modules.json": JSON.stringify([
      { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
      { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
      { idx: 2, name: "2", path: "2_Normalize", type: "sentence_transformers.models.Normalize" },
    ]),
    "1_Pooling/config.json": JSON.stringify({ word_embedding_dimension: 20, pooling_mode_max_tokens: true }),
  });
  const headOf = async (head: EmbeddingHead): Promise<unknown> => {
    const model = await loadModel(files, { head });
    disposeParameters(model.parameters);
    return model.head;
  };
  const inBatch = { loss: "in-batch", scale: 20, symmetric: false };
  expect(await headOf({ kind: "embedding" })).toEqual({
    kind: "embedding",
    pooling: "max",
    normalise: true,
    ...inBatch,
  });
  expect(await headOf({ kind: "embedding", pooling: "cls", normalise: false, loss: "cosent", scale: 5 })).toEqual({
    kind: "embedding",
    pooling: "cls",
    normalise: false,
    loss: "cosent",
    scale: 5,
  });
});

test.each<[EmbeddingHead, string]>([
  [{ kind: "embedding", loss: "cosine", scale: 3 }, 'the loss "cosine" reads no scale'],
  [{ kind: "embedding", loss: "cosent", symmetric: true }, 'the loss "cosent" reads no symmetric'],
  [{ kind: "embedding", temperature: 0.05 } as never, 'unknown key "temperature"'],
  [{ kind: "embedding", pooling: "average" as never }, "pooling"],
])("%j is no head", (head, message) => {
  expect(() => tinyModel({ head })).toThrow(message);
});

test("a model of two stacks has no embedding head", () => {
  expect(() => tinyModel({ type: "t5", head: { kind: "embedding" } })).toThrow('a t5 has no head of kind "embedding"');
});

test.each<[string, Tensor["dtype"], readonly number[], EmbeddingHead, string]>([
  ["scores for a loss of pairs", "float32", [2], { kind: "embedding" }, '"in-batch" needs int32 labels of rank 2'],
  [
    "pairs for a loss of scores",
    "int32",
    [2, 2],
    { kind: "embedding", loss: "cosine" },
    '"cosine" needs float32 labels',
  ],
  [
    "labels of more rows than there are texts for",
    "int32",
    [3, 3],
    { kind: "embedding" },
    "4 texts are no pairs for labels of 3 rows",
  ],
  [
    "labels of other candidates",
    "int32",
    [2, 4],
    { kind: "embedding" },
    "2 texts have 2 candidates in the batch, and the labels have 4",
  ],
])("%s are an error", (_, dtype, shape, head, message) => {
  const model = tinyModel({ head });
  tidy(() => {
    const values = Array<number>(shape.reduce((size, side) => size * side, 1)).fill(0);
    const labels =
      shape.length === 1
        ? tensor1d(values, dtype as "float32")
        : tensor2d(values, shape as [number, number], dtype as "int32");
    const ids = tensor2d(
      [
        [3, 4],
        [5, 6],
        [7, 8],
        [9, 10],
      ],
      undefined,
      "int32",
    );
    const batch = {
      ids,
      mask: tensor2d([
        [1, 1],
        [1, 1],
        [1, 1],
        [1, 1],
      ]),
      labels,
    };
    expect((): Scalar => model.loss!(batch)).toThrow(message);
  });
  disposeParameters(model.parameters);
});

test("a saved model is a plain folder that says what its head does, for embed without a head", async () => {
  const head: EmbeddingHead = { kind: "embedding", pooling: ["max", "cls"], normalise: true };
  const model = await loadModel(fixture("bert/base"), { head });
  const target = memory();
  await saveModel(model, target, { tokenizer });
  expect(await readJson(target, "config.json")).toMatchObject({ architectures: ["BertModel"] });
  const plain = await loadModel(target);
  const texts = ["the cat sat", "a dog"];
  const [before, after] = [
    await embed(model, tokenizer, texts),
    await embed(plain, await loadTokenizer(target), texts),
  ];
  expect(before[0]).toHaveLength(40);
  expect(Math.hypot(...before[0]!)).toBeCloseTo(1, 5);
  expect(after[1]).toBeAllClose(before[1]!, { absolute: 1e-6 });
  expect(plain.unused).toEqual([]);
  const loaded = await loadModel(target, { head: { kind: "embedding" } });
  expect(loaded.head).toEqual(model.head);
  for (const each of [model, plain, loaded]) disposeParameters(each.parameters);
});

test("a folder that says already what the head does is written as it was", async () => {
  const model = await loadModel(fixture("bert/base"), { head: { kind: "embedding", pooling: "last" } });
  const [first, second] = [memory(), memory()];
  await saveModel(model, first, { tokenizer });
  const own = await loadTokenizer(first);
  await saveModel(model, second, { tokenizer: own });
  expect(await second.read("modules.json")).toEqual(await first.read("modules.json"));
  await saveModel({ ...model, head: { kind: "embedding", pooling: "cls" } }, second, { tokenizer: own });
  expect(await readJson(second, "1_Pooling/config.json")).toMatchObject({
    pooling_mode_cls_token: true,
    pooling_mode_lasttoken: false,
  });
  disposeParameters(model.parameters);
});

test("a collate for pairs says what a checkpoint belongs to, the temperature included", async () => {
  const of = async (head: EmbeddingHead): Promise<unknown> => {
    const model = await loadModel(fixture("bert/base"), { head });
    disposeParameters(model.parameters);
    return collate(model, tokenizer, { maxLength: 24 }).describe();
  };
  expect(await of({ kind: "embedding", scale: 20 })).toEqual(await of({ kind: "embedding" }));
  expect(await of({ kind: "embedding", scale: 30 })).not.toEqual(await of({ kind: "embedding" }));
});
