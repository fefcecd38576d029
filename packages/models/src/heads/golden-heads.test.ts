import { type CambiumError, memory } from "@cambium/base";
import { disposeParameters, openCheckpoint, valueAndGradients } from "@cambium/core";
import { dispose, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TokenBatch } from "../architecture.ts";
import { fixture, fixtureJson, type Numbers, pick, toTensor } from "../fixtures.ts";
import type { HeadConfig } from "../head-config.ts";
import type { LanguageModel } from "../language-model.ts";
import { loadModel } from "../load.ts";
import { saveModel } from "../save.ts";

type Rows = readonly (readonly number[])[];

interface GoldenHead {
  readonly head: HeadConfig;
  readonly labels: Rows | readonly number[];
  readonly logits: Numbers;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Numbers>>;
}

interface Golden {
  readonly rows: Rows;
  readonly types: Rows;
  readonly families: Readonly<
    Record<string, { readonly pad: number; readonly heads: Readonly<Record<string, GoldenHead>> }>
  >;
}

const golden = fixtureJson<Golden>("heads/golden.json");
const cases = Object.entries(golden.families).flatMap(([family, { heads }]) =>
  Object.entries(heads).map(([name, expected]) => [family, name, expected] as const),
);

// float32 against float32: rounding alone reaches 1e-5 in logits of such models.
const close = { relative: 1e-4, absolute: 1e-4 };
const exact = { relative: 0, absolute: 0 };

const table = (rows: Rows | readonly number[], dtype: "int32" | "float32" = "int32"): Tensor =>
  tensor(rows as number[][], undefined, dtype);

const isOfFloats = (head: HeadConfig): boolean => head.kind === "regression" || "multiLabel" in head;

function batchOf(model: LanguageModel, { head, labels }: GoldenHead): TokenBatch {
  const longest = Math.max(...golden.rows.map(({ length }) => length));
  const filled = (toValue: (id: number) => number, filler: number): Rows =>
    golden.rows.map((row) => [...row.map(toValue), ...new Array<number>(longest - row.length).fill(filler)]);
  return {
    ids: table(filled((id) => id, golden.families[model.config.model_type]!.pad)) as TokenBatch["ids"],
    mask: table(
      filled(() => 1, 0),
      "float32",
    ) as TokenBatch["mask"],
    ...(model.architecture.batch === "tokens+types" && { types: table(golden.types) as TokenBatch["ids"] }),
    labels: table(labels, isOfFloats(head) ? "float32" : "int32"),
  };
}

describe.each(cases)("%s's %s head beside transformers", (family, name, expected) => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await loadModel(fixture(`heads/${family}/${name}`), { head: expected.head });
  });
  afterAll(() => disposeParameters(model.parameters));

  test("logits and loss are equal", () => {
    tidy(() => {
      const batch = batchOf(model, expected);
      expect([model.created, model.unused]).toEqual([[], []]);
      expect(model.forward(batch).logits).toBeAllClose(toTensor(expected.logits), close);
      expect(model.loss!(batch)).toBeAllClose(expected.loss, close);
    });
  });

  test("gradients of the loss are equal", () => {
    const batch = batchOf(model, expected);
    const names = [...model.parameters.keys()];
    const wanted = Object.entries(expected.gradients).map(
      ([bare, gradient]) => [names.find((each) => each === bare || each.endsWith(`.${bare}`))!, gradient] as const,
    );
    const at = pick(
      model.parameters,
      wanted.map(([each]) => each),
    );
    const { value, gradients, unreached } = valueAndGradients(
      (parameters) => model.loss!(batch, { parameters: new Map([...model.parameters, ...parameters]) }),
      at,
    );
    expect(unreached).toEqual([]);
    for (const [each, gradient] of wanted) {
      tidy(() => {
        expect(gradients.get(each)).toBeAllClose(toTensor(gradient), close);
      });
    }
    dispose([value, ...gradients.values(), ...Object.values(batch)] as Tensor[]);
  });

  test("saving writes the names and the config of the file, and loading gives the same scores", async () => {
    const files = memory();
    await saveModel(model, files, { reader: name === "mean" ? "cambium" : "transformers" });
    const read = async (from: ReturnType<typeof memory>): Promise<Record<string, unknown>> =>
      JSON.parse(new TextDecoder().decode(await from.read("config.json"))) as Record<string, unknown>;
    const [written, original] = [await read(files), await read(fixture(`heads/${family}/${name}`))];
    // transformers leaves out two labels without names.
    const labels = expected.head.kind === "question-answering" ? [] : ["id2label", "label2id"];
    for (const key of ["architectures", "cambium_head", ...labels]) {
      expect([key, written[key]]).toEqual([key, original[key]]);
    }
    const namesIn = async (from: typeof files): Promise<string[]> =>
      [...(await openCheckpoint(from)).entries.keys()].sort();
    expect(await namesIn(files)).toEqual(await namesIn(fixture(`heads/${family}/${name}`)));
    if (expected.head.kind !== "token-classification")
      expect(written["problem_type"] ?? null).toBe(original["problem_type"] ?? null);
    const again = await loadModel(files, { head: expected.head });
    expect([again.created, again.unused, again.head]).toEqual([[], [], expected.head]);
    tidy(() => {
      const batch = batchOf(model, expected);
      expect(again.forward(batch).logits).toBeAllClose(model.forward(batch).logits!, exact);
    });
    disposeParameters(again.parameters);
  });
});

async function failure(promise: Promise<unknown>): Promise<CambiumError> {
  return promise.then(
    () => {
      throw new Error("no error came");
    },
    (error: unknown) => error as CambiumError,
  );
}

const four = ["urgent", "polite", "long", "odd"];
const three = ["height", "weight", "age"];

test.each<[string, string, HeadConfig, string]>([
  [
    "several labels as one of them",
    "bert/multi-label",
    { kind: "sequence-classification", labels: four },
    'has "problem_type": "multi_label_classification", and what was asked for is "single_label_classification"; ask for { kind: "sequence-classification", labels, multiLabel: true }',
  ],
  [
    "several labels as numbers",
    "roberta/multi-label",
    { kind: "regression", outputs: four },
    'has "problem_type": "multi_label_classification", and what was asked for is "regression"',
  ],
  [
    "numbers as labels",
    "gpt2/regression",
    { kind: "sequence-classification", labels: three },
    'has "problem_type": "regression", and what was asked for is "single_label_classification"; ask for { kind: "regression" }',
  ],
  [
    "numbers in another order",
    "llama/regression",
    { kind: "regression", outputs: ["weight", "height", "age"] },
    "has the labels height, weight, age, in this order; got weight, height, age",
  ],
  [
    "labels of tokens as those of sequences",
    "bert/token-classification",
    { kind: "sequence-classification", labels: ["O", "B", "I"] },
    'is a BertForTokenClassification\'s, so of the kind token-classification; got "sequence-classification"',
  ],
  [
    "the mean as the first token",
    "roberta/mean",
    { kind: "sequence-classification", labels: ["ham", "spam", "phishing"] },
    'was trained to read "mean" (pool), got "first"',
  ],
  [
    "the last token as the mean",
    "gpt2/multi-label",
    { kind: "sequence-classification", labels: four, multiLabel: true, pool: "mean" },
    'was trained to read "last" (pool), got "mean"',
  ],
])("a file's head is not taken for another: %s", async (_, path, head, message) => {
  const error = await failure(loadModel(fixture(`heads/${path}`), { head }));
  expect([error.code, error.message]).toEqual(["CONFIG", expect.stringContaining(message)]);
});

test("an unknown problem in a config is an error", async () => {
  const source = fixture("heads/bert/regression");
  const json = JSON.parse(new TextDecoder().decode(await source.read("config.json"))) as object;
  const files = memory({
    "config.json": JSON.stringify({ ...json, problem_type: "ranking" }),
    "model.safetensors": await source.read("model.safetensors"),
  });
  const error = await failure(loadModel(files, { head: { kind: "regression", outputs: three } }));
  expect(error.message).toContain("known are single_label_classification, multi_label_classification, regression");
});

test("outputs can be asked for by their number alone", async () => {
  const head = { kind: "regression", outputs: 3 } as const;
  const model = await loadModel(fixture("heads/bert/regression"), { head });
  expect(model.head).toEqual(head);
  disposeParameters(model.parameters);
});

test("a head that transformers would take for another is not written for it", async () => {
  const head = golden.families["llama"]!.heads["mean"]!.head;
  const model = await loadModel(fixture("heads/llama/mean"), { head });
  const error = await failure(saveModel(model, memory()));
  expect([error.code, error.message]).toEqual([
    "CONFIG",
    expect.stringContaining(
      'the head reads "mean" (pool), and transformers would take it for one that reads another row',
    ),
  ]);
  disposeParameters(model.parameters);
});

test("what a head reads usually need not be said, and is the same when it is", async () => {
  const { head } = golden.families["gpt2"]!.heads["multi-label"]!;
  const model = await loadModel(fixture("heads/gpt2/multi-label"), { head: { ...head, pool: "last" } as HeadConfig });
  expect(model.head).toEqual(head);
  await saveModel(model, memory());
  disposeParameters(model.parameters);
});

test("a decoder's head cannot read its first token, which sees nothing of the text", async () => {
  const head = { kind: "regression", pool: "first" } as const;
  const error = await failure(loadModel(fixture("gpt2/bare"), { head }));
  expect([error.code, error.message]).toEqual([
    "CONFIG",
    'a gpt2\'s regression head cannot read "first"; it reads last, mean',
  ]);
});

test("a body saved from a folder of another pool's head does not claim that head", async () => {
  const model = await loadModel(fixture("heads/bert/mean"));
  const files = memory();
  await saveModel(model, files);
  const head = { kind: "sequence-classification", labels: ["a", "b"] } as const;
  const again = await loadModel(files, { head });
  expect(again.created).toContain("classifier.weight");
  disposeParameters(model.parameters);
  disposeParameters(again.parameters);
});
