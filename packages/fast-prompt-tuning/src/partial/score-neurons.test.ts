import { memory as files } from "@cambium/base";
import { around, disposeParameters, random } from "@cambium/core";
import { attach, prompt } from "@cambium/delta";
import { capture, type LanguageModel } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { dispose, mul, type Tensor3D, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { tinyData } from "../data.fixture.ts";
import { measureBlockInfluence } from "./block-influence.ts";
import { balancedClusters } from "./clusters.ts";
import { checkScores } from "./neuron-scores.ts";
import { partialModel } from "./partial-model.ts";
import { scoreNeurons } from "./score-neurons.ts";

/** Mean over an example's real rows of one activation's sizes, then over examples, by hand. */
function byHand(model: LanguageModel, path: string, isSigned = false): number[] {
  const batch = tinyBatch(model);
  const { output, captured } = capture(model, batch, ["ff.act"]);
  const values = captured.get(path)!.arraySync() as number[][][];
  const mask = batch.mask.arraySync();
  const width = values[0]![0]!.length;
  const means = Array.from({ length: width }, (_, unit) => {
    const examples = values.map((rows, i) => {
      const real = rows
        .filter((_, row) => mask[i]![row] === 1)
        .map((row) => (isSigned ? row[unit]! : Math.abs(row[unit]!)));
      return real.reduce((a, b) => a + b, 0) / real.length;
    });
    return examples.reduce((a, b) => a + b, 0) / examples.length;
  });
  disposeFields(output);
  dispose([...captured.values()]);
  disposeFields(batch);
  return means;
}

test.each(["bert", "llama"])(
  "activations of a %s are means of sizes over real rows, then over examples",
  async (type) => {
    const model = tinyModel({ type });
    const [activation, mean] = [
      await scoreNeurons(model, tinyData(model)),
      await scoreNeurons(model, tinyData(model), { method: "mean" }),
    ];
    for (const [path, values] of Object.entries(activation.layers)) {
      expect([...values]).toBeAllClose(byHand(model, path), { relative: 1e-4, absolute: 1e-6 });
      expect([...mean.layers[path]!]).toBeAllClose(byHand(model, path, true), { relative: 1e-4, absolute: 1e-6 });
    }
    disposeParameters(model.parameters);
  },
);

test("Fisher scores and integrated gradients are those of finite differences", async () => {
  const model = tinyModel({ type: "bert" });
  const path = model.sites().find(({ role }) => role === "ff.act")!.path;
  const lossAt = (unit: number, factor: number): number => {
    const batch = tinyBatch(model);
    const loss = tidy(() => {
      const width = model.sites().find(({ role }) => role === "ff.act")!.width;
      const factors = Array.from({ length: width }, (_, i) => (i === unit ? factor : 1));
      const scaled = around(
        "activation",
        (site) => site.path === path,
        ({ input, next }) => mul(next(input), factors) as Tensor3D,
      );
      return model.loss!(batch, { hooks: [scaled] }).dataSync()[0]!;
    });
    disposeFields(batch);
    return loss;
  };
  const scores = (await scoreNeurons(model, tinyData(model, 1), { method: "fisher" })).layers[path]!;
  for (const unit of [0, 3]) {
    const slope = (lossAt(unit, 1.05) - lossAt(unit, 0.95)) / 0.1;
    expect(scores[unit]).toBeCloseTo(slope ** 2, 3);
  }
  const gradients = await scoreNeurons(model, tinyData(model, 1), { method: "integrated-gradients", points: 4 });
  expect(Object.values(gradients.layers).every((values) => values.some((value) => value !== 0))).toBe(true);
  disposeParameters(model.parameters);
});

test.each(["weights", "output", "experts", "activation"] as const)(
  "a T5 is scored in both stacks by %s, and cut by it",
  async (method) => {
    const model = tinyModel({ type: "t5" });
    const tuned = attach(model, prompt(model, { length: 2 }, random(1)));
    const options = { method, ...(method === "experts" && { clusters: 1 }) };
    const neurons = await scoreNeurons(tuned, tinyData(model), options);
    expect(Object.keys(neurons.layers)).toHaveLength(4);
    const part = partialModel(model, { width: 0.5, neurons });
    expect(Object.keys(part.part.neurons)).toHaveLength(4);
    part.dispose();
    disposeParameters(tuned.parameters);
    disposeParameters(model.parameters);
  },
);

test("scores are found again in the cache, by the model, the data and the settings", async () => {
  const model = tinyModel({ type: "bert" });
  const cache = files();
  const first = await scoreNeurons(model, tinyData(model), { cache });
  const unread = {
    ...tinyData(model),
    epoch: () => {
      throw new Error("read");
    },
  };
  expect(await scoreNeurons(model, unread as never, { cache })).toEqual(first);
  await expect(scoreNeurons(model, unread as never, { cache, method: "mean" })).rejects.toThrow("read");
  await expect(scoreNeurons(model, unread as never, { cache, examples: 1 })).rejects.toThrow("read");
  const more = { ...unread, describe: () => ({ tiny: 3 }) };
  await expect(scoreNeurons(model, more as never, { cache })).rejects.toThrow("read");
  const prompted = attach(model, prompt(model, { length: 2 }, random(1)));
  await expect(scoreNeurons(prompted, unread as never, { cache })).rejects.toThrow("read");
  disposeParameters(prompted.parameters);
  const other = tinyModel({ type: "bert", seed: 2 });
  await expect(scoreNeurons(other, unread as never, { cache })).rejects.toThrow("read");
  for (const each of [model, other]) disposeParameters(each.parameters);
});

test("weights that are not finite have no scores, whichever way they are asked for", async () => {
  const model = tinyModel({ type: "bert" });
  const name = "encoder.layer.0.intermediate.dense.weight";
  const parameters = new Map(model.parameters);
  parameters.set(
    name,
    tidy(() => mul(model.parameters.get(name)!, Number.NaN)),
  );
  const broken = {
    ...model,
    parameters,
    forward: (batch: never, options: object) => model.forward(batch, { parameters, ...options }),
  };
  const cache = files();
  await expect(scoreNeurons(broken as never, tinyData(model), { cache })).rejects.toThrow(/are not finite/);
  expect(await cache.list()).toEqual([]);
  expect(() => partialModel(broken as never, { width: 0.5 })).toThrow(/a score of .* is NaN; are the weights/);
  parameters.get(name)!.dispose();
  disposeParameters(model.parameters);
});

test("scores know the body that they are of, whatever its head", async () => {
  const model = tinyModel({ type: "bert" });
  const neurons = await scoreNeurons(model, tinyData(model), { method: "weights" });
  await expect(checkScores("here", model, neurons)).resolves.toBeUndefined();
  const other = tinyModel({ type: "bert", seed: 2 });
  await expect(checkScores("here", other, neurons)).rejects.toThrow(/^here: the neurons were scored on another model/);
  const [head] = model.headParameters;
  const retrained = { ...model, parameters: new Map([...model.parameters, [head!, other.parameters.get(head!)!]]) };
  await expect(checkScores("here", retrained as never, neurons)).resolves.toBeUndefined();
  for (const each of [model, other]) disposeParameters(each.parameters);
});

test("groups of neurons are of one size, and neighbours share one", () => {
  const points = [0, 0.1, 5, 5.1, 9, 9.1].map((x) => Float64Array.of(x));
  expect([...balancedClusters(points, 3, random(1))].map((group) => group.join()).sort()).toEqual([
    "0,1",
    "2,3",
    "4,5",
  ]);
  expect(() => balancedClusters(points, 4, random(1))).toThrow(/cannot be divided/);
});

test("a block's influence is 1 − cos of what it reads and gives, a mean over real rows", async () => {
  const model = tinyModel({ type: "gpt2" });
  const batch = tinyBatch(model);
  const { output, captured } = capture(model, batch, ["block"]);
  const [reads, gives] = ["transformer.h.0", "transformer.h.1"].map(
    (path) => captured.get(path)!.arraySync() as number[][][],
  ) as [number[][][], number[][][]];
  const mask = output.mask.arraySync() as number[][];
  const product = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const turned = mask.flatMap((row, i) =>
    row.flatMap((isReal, j) => {
      const [a, b] = [reads[i]![j]!, gives[i]![j]!];
      return isReal === 1 ? [1 - product(a, b) / Math.sqrt(product(a, a) * product(b, b))] : [];
    }),
  );
  const [, second] = await measureBlockInfluence(model, tinyData(model));
  expect(turned.length).toBeLessThan(mask.flat().length); // there is padding
  expect(second).toBeCloseTo(turned.reduce((a, b) => a + b) / turned.length, 5);
  for (const value of captured.values()) value.dispose();
  disposeFields(output);
  disposeFields(batch);
  disposeParameters(model.parameters);
});

test("a block that hands on what it reads has no influence", async () => {
  const model = tinyModel({ type: "gpt2" });
  const silent = new Map(model.parameters);
  const zeroed = [...silent].filter(([name]) => name.startsWith("transformer.h.1.") && name.includes("c_proj"));
  for (const [name, value] of zeroed)
    silent.set(
      name,
      tidy(() => mul(value, 0)),
    );
  const still = {
    ...model,
    parameters: silent,
    forward: (batch: never, options: object) => model.forward(batch, { parameters: silent, ...options }),
  };
  const [first, second] = await measureBlockInfluence(still as never, tinyData(model));
  expect(second).toBeCloseTo(0, 5);
  expect(first).toBeGreaterThan(0.001);
  for (const [name] of zeroed) silent.get(name)!.dispose();
  disposeParameters(model.parameters);
});

test.each([
  [{ points: 3 }],
  [{ clusters: 3 }],
  [{ random: random(3) }],
  [{ method: "weights" as const, examples: 3 }],
  [{ method: "norm" as never }],
  [{ n: 3 } as never],
])("the settings %j are refused", async (options) => {
  const model = tinyModel({ type: "bert" });
  await expect(scoreNeurons(model, tinyData(model), options)).rejects.toThrow(/scoreNeurons: /);
  disposeParameters(model.parameters);
});
