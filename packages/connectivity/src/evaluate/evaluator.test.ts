import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { attach, head, lora, type Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { tinyBatch, tinyModel } from "@cambium/models/testing";
import type { Batches } from "@cambium/train";
import { argMax, dispose, type Tensor, type Tensor2D, tensor1d, tidy, zeros } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createEvaluator } from "./evaluator.ts";

/** The tiny batch of a model, again and again. */
export function tinyData(model: LanguageModel): Batches<TokenBatch> {
  return {
    batchCount: 2,
    describe: () => ({ tiny: 2 }),
    async *epoch() {
      for (const isLast of [false, true]) yield { batch: tinyBatch(model), rows: 3, isLast };
    },
  };
}

function tuned(type = "bert"): { readonly base: LanguageModel; readonly model: Tuned<LanguageModel> } {
  const base = tinyModel({ type });
  return { base, model: attach(base, lora(base, { rank: 2 }, random(1)), head(base)) };
}

const shaken = (tree: Parameters): Map<string, Tensor> =>
  mapParameters(tree, (tensor, name) => random(3).at(name).normal(tensor.shape));

test("at any point the loss is that of the model with that point", async () => {
  const { base, model } = tuned();
  const at = shaken(model.parameters);
  const evaluator = await createEvaluator(model, tinyData(base));
  const batch = tinyBatch(base);
  for (const parameters of [model.parameters, at]) {
    const { loss, accuracy, values, weights } = await evaluator.measure(parameters);
    tidy(() => {
      const there = model.with(parameters);
      const exact = there.loss(there.parameters, batch, { random: random(0), training: false });
      expect(loss).toBeCloseTo(exact.dataSync()[0]!, 5);
      const guess = argMax(there.forward(batch).logits as Tensor2D, -1).dataSync();
      expect([...values["guess"]!].slice(0, 3)).toEqual([...guess]);
      const right = [...guess].filter((each, i) => each === batch.labels!.dataSync()[i]).length;
      expect(accuracy).toBeCloseTo(right / 3, 6);
    });
    expect([...values["gold"]!]).toBeAllClose(
      Array.from(values["loss"]!, (each) => Math.exp(-each)),
      { absolute: 1e-6 },
    );
    expect([...weights]).toEqual([1, 1, 1, 1, 1, 1]);
    expect({ unit: evaluator.unit, rows: evaluator.rows }).toEqual({ unit: "row", rows: 6 });
  }
  evaluator.dispose();
  dispose(batch as unknown as Record<string, Tensor>);
  for (const tree of [at, model.parameters, base.parameters]) disposeParameters(tree);
});

test.each(["gpt2", "t5"])("of a %s whose loss is known of batches only, a unit is a batch", async (type) => {
  const base = tinyModel({
    type,
    head: type === "t5" ? { kind: "sequence-to-sequence" as const } : { kind: "causal-lm" as const },
  });
  const model = attach(base, lora(base, { rank: 2 }, random(1)));
  const evaluator = await createEvaluator(model, tinyData(base));
  const { values, weights, accuracy } = await evaluator.measure(model);
  expect({ unit: evaluator.unit, accuracy, units: values["loss"]!.length }).toEqual({
    unit: "batch",
    accuracy: undefined,
    units: 2,
  });
  expect(weights[0]).toBeGreaterThan(3); // tokens, and no rows
  evaluator.dispose();
  disposeParameters(model.parameters);
  disposeParameters(base.parameters);
});

test("regression and many labels have a loss for each row as well, whose mean is the model's", async () => {
  const heads = [
    { kind: "regression", outputs: 2 } as const,
    { kind: "sequence-classification", labels: ["a", "b", "c"], multiLabel: true } as const,
  ];
  for (const top of heads) {
    const base = tinyModel({ head: top });
    const model = attach(base, head(base));
    const evaluator = await createEvaluator(model, tinyData(base));
    const { loss, values } = await evaluator.measure(model);
    const batch = tinyBatch(base);
    expect(loss).toBeCloseTo(
      tidy(() => base.loss!(batch).dataSync()[0]!),
      5,
    );
    expect(values["loss"]!.length).toBe(6);
    evaluator.dispose();
    dispose(batch as unknown as Record<string, Tensor>);
    disposeParameters(model.parameters);
    disposeParameters(base.parameters);
  }
});

test("rows whose label is ignored count nothing, as in the model's loss", async () => {
  const { base, model } = tuned();
  const labels = [0, -100, 2];
  const batchOf = (): TokenBatch => {
    const batch = tinyBatch(base);
    batch.labels!.dispose();
    return { ...batch, labels: tensor1d(labels, "int32") };
  };
  const data: Batches<TokenBatch> = {
    batchCount: 2,
    describe: () => ({ some: 2 }),
    async *epoch() {
      yield { batch: batchOf(), rows: 3, isLast: false };
      yield { batch: tinyBatch(base), rows: 3, isLast: true };
    },
  };
  const evaluator = await createEvaluator(model, data);
  const { loss, accuracy, weights, values } = await evaluator.measure(model);
  expect([...weights]).toEqual([1, 0, 1, 1, 1, 1]);
  expect(Object.keys(values).sort()).toEqual(["confidence", "correct", "gold", "guess", "loss"]);
  const some = batchOf();
  const whole = tinyBatch(base);
  const means = [some, whole].map((batch) =>
    tidy(() => model.loss(model.parameters, batch, { random: random(0), training: false }).dataSync()[0]!),
  );
  expect(loss).toBeCloseTo((2 * means[0]! + 3 * means[1]!) / 5, 5);
  const right = [...values["correct"]!].filter((each, i) => each === 1 && i !== 1).length;
  expect(accuracy).toBeCloseTo(right / 5, 6);
  evaluator.dispose();
  dispose([some, whole] as unknown as Tensor[]);
  for (const tree of [model.parameters, base.parameters]) disposeParameters(tree);
});

test("a point of another model, data without rows that count, and options that do not exist are errors", async () => {
  const { base, model } = tuned();
  const evaluator = await createEvaluator(model, tinyData(base));
  const other: Parameters = new Map([["lora/x", zeros([1])]]);
  await expect(evaluator.measure(other)).rejects.toThrow(
    'point 1 lacks "lora/encoder.layer.0.attention.self.query.lora_A.weight"',
  );
  evaluator.dispose();
  await expect(evaluator.measure(model)).rejects.toThrow("measure: the evaluator was disposed of");
  await expect(createEvaluator({ ...model, weight: () => 0 }, tinyData(base))).rejects.toThrow(
    "none of the 6 rows counts",
  );
  await expect(createEvaluator(model, tinyData(base), { mesure: 1 } as never)).rejects.toThrow('"measure" meant');
  for (const tree of [other, model.parameters, base.parameters]) disposeParameters(tree);
});
