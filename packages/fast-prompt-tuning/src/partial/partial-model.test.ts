import { around, bitsOf, disposeParameters, quantiseWeight, random } from "@cambium/core";
import { attach, head, lora, prompt } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { memory, mul, type Tensor, type Tensor3D, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { feedForwardParts } from "./feed-forward.ts";
import { partial, partialModel } from "./partial-model.ts";

const TYPES = ["bert", "distilbert", "gpt2", "llama", "t5"] as const;

const logits = (model: LanguageModel): Float32Array => {
  const batch = tinyBatch(model);
  const values = tidy(() => model.forward(batch).logits!.dataSync() as Float32Array);
  disposeFields(batch);
  return values;
};

test.each(TYPES)("a %s of all its layers and neurons has the very logits of the model, and copies nothing", (type) => {
  const model = tinyModel({ type });
  const before = memory().numTensors;
  const part = partialModel(model, { depth: 1, width: 1 });
  expect(memory().numTensors).toBe(before);
  expect(logits(part)).toEqual(logits(model));
  expect(part.part).toMatchObject({ without: [], neurons: {} });
  disposeParameters(model.parameters);
});

test.each(TYPES)("a narrow %s is the model whose other neurons give nothing", (type) => {
  const model = tinyModel({ type });
  const part = partialModel(model, { width: 0.5 });
  const masks = new Map(
    feedForwardParts(model.sites()).map(({ act }) => {
      const kept = part.part.neurons[act.path]!;
      expect(kept).toHaveLength(Math.round(act.width / 2));
      return [act.path, tidy(() => Array.from({ length: act.width }, (_, i) => (kept.includes(i) ? 1 : 0)))] as const;
    }),
  );
  const silence = around(
    "activation",
    ({ path }) => masks.has(path),
    ({ site, input, next }) => mul(next(input), masks.get(site.path)!) as Tensor3D,
  );
  const batch = tinyBatch(model);
  tidy(() => {
    const expected = model.forward(batch, { hooks: [silence] }).logits!;
    // Sums over fewer terms in another order.
    expect(part.forward(batch).logits!).toBeAllClose(expected, { relative: 1e-4, absolute: 1e-5 });
  });
  const [kept, all] = part.part.width;
  expect(kept).toBe([...masks.values()].flat().reduce((a: number, b) => a + b, 0));
  expect(all).toBe([...masks.values()].flat().length);
  part.dispose();
  disposeFields(batch);
  disposeParameters(model.parameters);
});

test("only the neurons of the greatest scores stay, by the layer's own number", () => {
  const model = tinyModel({ type: "bert" });
  const parts = feedForwardParts(model.sites());
  const layers = Object.fromEntries(
    parts.map(({ act }, layer) => [act.path, Array.from({ length: act.width }, (_, i) => (i % 3 === layer ? 1 : 0))]),
  );
  const neurons = { method: "activation" as const, layers };
  const part = partialModel(model, { layers: [1], width: 4, neurons });
  expect(part.part.neurons).toEqual({ [parts[1]!.act.path]: [1, 4, 7, 10] });
  expect(part.sites().find(({ path, kind }) => kind === "activation" && path === parts[1]!.act.path)!.width).toBe(4);
  part.dispose();
  disposeParameters(model.parameters);
});

test.each(TYPES)("a prompt moves between a %s and its parts by on", (type) => {
  const model = tinyModel({ type });
  const tuned = attach(model, prompt(model, { length: 2 }, random(1)));
  const small = partial(tuned, { depth: 0.5, width: 0.25 });
  expect(small.parameters.get("prompt/prompt_embeddings")).toBe(tuned.parameters.get("prompt/prompt_embeddings"));
  const grown = small.on(model);
  expect(logits(grown as never)).toEqual(logits(tuned as never));
  expect(logits(small as never)).not.toEqual(logits(tuned as never));
  small.base.dispose();
  disposeParameters(tuned.parameters);
  disposeParameters(model.parameters);
});

test("what sits on dropped layers, or on the width of the feed-forward layers, is refused, and nothing leaks", () => {
  const model = tinyModel({ type: "bert" });
  const before = memory().numTensors;
  const deep = attach(model, lora(model, { rank: 2 }, random(1)));
  expect(() => partial(deep, { depth: 0.5 })).toThrow(
    /delta "lora" \(lora\) does not fit the other base, which does not have the linear site/,
  );
  const wide = attach(model, lora(model, { rank: 2, targets: ["ff.up"] }, random(1)));
  expect(() => partial(wide, { width: 0.5 })).toThrow(/which has the linear site/);
  disposeParameters(deep.parameters);
  disposeParameters(wide.parameters);
  expect(memory().numTensors).toBe(before);
  disposeParameters(model.parameters);
});

test("a decoder beside an encoder can stay whole", () => {
  const model = tinyModel({ type: "t5" });
  const stacks = (part: LanguageModel) =>
    part
      .sites()
      .filter(({ kind }) => kind === "block")
      .map(({ stack, layer }) => `${stack} ${layer}`);
  expect(stacks(partialModel(model, { depth: 1 }))).toHaveLength(4);
  const half = partialModel(model, { depth: 0.5, width: 0.5, decoder: "whole" });
  expect(stacks(half)).toEqual(["encoder 0", "decoder 0", "decoder 1"]);
  expect(Object.keys(half.part.neurons).every((path) => path.startsWith("encoder"))).toBe(true);
  expect(stacks(partialModel(model, { encoderLayers: [1], decoderLayers: [1] }))).toEqual(["encoder 1", "decoder 1"]);
  half.dispose();
  disposeParameters(model.parameters);
});

test("a part of a model in 8 bits is in 8 bits", () => {
  const model = tinyModel({ type: "bert" });
  const rounded = new Map<string, Tensor>(model.parameters);
  for (const [name, { eightBit }] of model.layout.parameters) {
    if (eightBit === undefined) continue;
    const weight = model.parameters.get(name)!;
    const [rows, columns] = weight.shape as [number, number];
    rounded.set(name, quantiseWeight(name, weight.dataSync() as Float32Array, [rows, columns], eightBit));
  }
  const eight = { ...model, parameters: rounded };
  const part = partialModel(eight, { depth: 0.5, width: 0.5 });
  const matrices = [...part.parameters].filter(([name]) => model.layout.parameters.get(name)!.eightBit !== undefined);
  expect(matrices.length).toBeGreaterThan(0);
  expect(matrices.map(([, weight]) => bitsOf(weight))).toEqual(matrices.map(() => 8));
  const exact = partialModel(model, {
    depth: 0.5,
    width: 0.5,
    neurons: { method: "weights", layers: scoresFrom(part.part.neurons, model) },
  });
  // Weights that are rounded twice to a 127th, through one layer.
  expect([...logits(part)]).toBeAllClose([...logits(exact)], { relative: 0.02, absolute: 0.02 });
  expect(logits(partialModel(eight))).toEqual(
    tidy(() =>
      logits({ ...eight, forward: (batch, options) => model.forward(batch, { parameters: rounded, ...options }) }),
    ),
  );
  part.dispose();
  exact.dispose();
  for (const [name, weight] of rounded) if (weight !== model.parameters.get(name)) weight.dispose();
  disposeParameters(model.parameters);
});

function scoresFrom(
  neurons: Readonly<Record<string, readonly number[]>>,
  model: LanguageModel,
): Record<string, number[]> {
  return Object.fromEntries(
    feedForwardParts(model.sites()).map(({ act }) => [
      act.path,
      Array.from({ length: act.width }, (_, i) => (neurons[act.path]?.includes(i) ? 1 : 0)),
    ]),
  );
}

test("widths are rounded up to a multiple", () => {
  const model = tinyModel({ type: "bert" });
  const part = partialModel(model, { width: 0.3, multiple: 8 });
  for (const units of Object.values(part.part.neurons)) expect(units.length % 8).toBe(0);
  part.dispose();
  disposeParameters(model.parameters);
});

test("a head that reads the first row gives the same from all rows and from that one, of a part too", () => {
  const model = tinyModel({ type: "bert" });
  const tuned = partial(attach(model, prompt(model, { length: 2 }, random(1)), head(model)), {
    layers: [0],
    width: 0.5,
  });
  const batch = tinyBatch(model);
  tidy(() => {
    expect(tuned.forward(batch, { scoresOnly: true }).logits!).toBeAllClose(tuned.forward(batch).logits!, {
      relative: 1e-5,
      absolute: 1e-6,
    });
  });
  tuned.base.dispose();
  disposeFields(batch);
  disposeParameters(tuned.parameters);
  disposeParameters(model.parameters);
});

test.each([
  [{ depth: 0 }],
  [{ depth: 1.5 }],
  [{ depth: 3 }],
  [{ width: 10_000 }],
  [{ layers: [1, 0] }],
  [{ layers: [2] }],
  [{ layers: [0], depth: 0.5 }],
  [{ encoderLayers: [0] }],
  [{ decoder: "whole" as const }],
  [{ layerScores: [1, 2] }],
  [{ strategy: "score" as const, layerScores: [1] }],
  [{ strategy: "score" as const, depth: 0.5 }],
  [{ neurons: { method: "mean" as const, layers: {} }, width: 0.5 }],
  [{ neurons: { method: "mean" as const, layers: {} } }],
  [{ multiple: 8 }],
  [{ strategy: "last" as const }],
  [{ strategy: "last" as const, layers: [0] }],
  [{ random: random(1), depth: 0.5 }],
  [{ random: random(1), strategy: "random" as const, width: 0.5 }],
  [{ dept: 0.5 } as never],
])("%j is refused", (options) => {
  const model = tinyModel({ type: "bert" });
  expect(() => partialModel(model, options)).toThrow(/partialModel: |selectLayers: /);
  disposeParameters(model.parameters);
});

test("a part of a part is refused, for the parts of its layers would be other layers", () => {
  const model = tinyModel({ type: "gpt2" });
  expect(() => partialModel(partialModel(model, { depth: 0.5 }), { depth: 0.5 })).toThrow(/is a view/);
  disposeParameters(model.parameters);
});
