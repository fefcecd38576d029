/** Every method on a base whose layers are in 8 or 4 bits does what it does on the base in float32, nearly. */
import { memory, result } from "@cambium/base";
import { disposeParameters, isQuantised, type Parameters, random, valueAndGradients } from "@cambium/core";
import { type LanguageModel, loadModel, saveModel, type TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { adamW, type Batches, train } from "@cambium/train";
import { add, dispose, mul, type Scalar, sub, sum, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { arbitrary } from "./arbitrary/arbitrary.ts";
import { selectArbitrary } from "./arbitrary/selection.ts";
import { attach } from "./attach.ts";
import type { Delta } from "./delta.ts";
import { loadAdapter } from "./files/load-adapter.ts";
import { saveAdapter } from "./files/save-adapter.ts";
import { merge } from "./merge.ts";
import { adapter, bitFit, head, ia3, lora, prefix, prompt, whole } from "./methods/index.ts";
import { describeStatus } from "./status.ts";

const ways = ["int8", "int4"] as const;

let plain: LanguageModel;
let bases: Record<(typeof ways)[number], LanguageModel>;
let batch: TokenBatch;

beforeEach(async () => {
  plain = tinyModel({ dropout: 0 });
  const files = memory();
  await saveModel(plain, files);
  const load = (frozen: (typeof ways)[number]): Promise<LanguageModel> =>
    loadModel(files, { head: plain.head!, frozen });
  bases = { int8: await load("int8"), int4: await load("int4") };
  batch = tinyBatch(plain);
});
afterEach(() => {
  disposeParameters(plain.parameters);
  for (const way of ways) disposeParameters(bases[way].parameters);
  disposeFields(batch);
});

const methods: [string, (model: LanguageModel) => Delta][] = [
  [
    "lora",
    (model) =>
      lora(model, { rank: 2, targets: ["attn.q", "attn.k", "attn.v", "attn.out", "ff.up", "ff.down"] }, random(1)),
  ],
  ["adapter", (model) => adapter(model, { bottleneck: 2 }, random(1))],
  ["ia3", (model) => ia3(model)],
  ["bitFit", (model) => bitFit(model)],
  ["prefix", (model) => prefix(model, { length: 2 }, random(1))],
  ["prompt", (model) => prompt(model, { length: 2 }, random(1))],
  ["head", (model) => head(model)],
  ["whole", (model) => whole(model)],
  ["arbitrary scalars", (model) => arbitrary(model, { count: 300 }, random(1))],
  ["arbitrary rows", (model) => arbitrary(model, { count: 300, granularity: "row" }, random(1))],
  ["arbitrary groups", (model) => arbitrary(model, { count: 300, granularity: "group" }, random(1))],
];

interface Slope {
  readonly value: Scalar;
  readonly gradients: Map<string, Tensor>;
}

/** Loss and gradients a little away from the start, where nothing is zero. */
function slopeOf(model: LanguageModel, method: (model: LanguageModel) => Delta): Slope {
  const tuned = attach(model, method(model));
  const found = tidy(() => {
    const moved = new Map(
      [...tuned.parameters].map(([name, value]) => [
        name,
        add(value, mul(random(7).at(name).normal(value.shape), 0.1)),
      ]),
    );
    const { value, gradients } = valueAndGradients(
      (at) => tuned.loss(at, batch, { random: random(2), training: false }),
      moved as Parameters,
    );
    return { value, ...Object.fromEntries(gradients) };
  });
  for (const { parameters, buffers } of tuned.deltas) for (const tree of [parameters, buffers]) disposeParameters(tree);
  const { value, ...gradients } = found as Record<string, Tensor>;
  return { value: value as Scalar, gradients: new Map(Object.entries(gradients)) };
}

/** Error of gradients, relative, all of them together. */
function errorOf(got: Slope, expected: Slope): number {
  const squares = (values: readonly Tensor[]): number =>
    values.reduce((total, value) => total + tidy(() => sum(mul(value, value)).dataSync()[0]!), 0);
  expect([...got.gradients.keys()]).toEqual([...expected.gradients.keys()]);
  const differences = tidy(() =>
    squares([...got.gradients].map(([name, value]) => sub(value, expected.gradients.get(name)!))),
  );
  return Math.sqrt(differences / squares([...expected.gradients.values()]));
}

const disposeSlope = ({ value, gradients }: Slope): void => dispose([value, ...gradients.values()]);

test.each(methods)("%s has the loss and the gradients in 8 bits that it has in float32, nearly", (_, method) => {
  const [got, expected] = [slopeOf(bases.int8, method), slopeOf(plain, method)];
  // Twelve layers of 1 to 2 % each on the way there and back.
  expect(errorOf(got, expected)).toBeLessThan(0.1);
  expect(got.value.dataSync()[0]).toBeCloseTo(expected.value.dataSync()[0]!, 1);
  for (const slope of [got, expected]) disposeSlope(slope);
});

test.each(methods)("%s has the loss and the gradients in 4 bits of the rounded weights", async (_, method) => {
  const base = bases.int4;
  const floats = new Map([...base.parameters].map(([name, tensor]) => [name, tidy(() => add(tensor, 0))]));
  const files = memory();
  await saveModel({ ...base, parameters: floats }, files);
  const rounded = await loadModel(files, { head: plain.head! });
  const [got, expected] = [slopeOf(base, method), slopeOf(rounded, method)];
  expect(errorOf(got, expected)).toBeLessThan(1e-5);
  expect(got.value).toBeAllClose(expected.value, { relative: 1e-6 });
  for (const slope of [got, expected]) disposeSlope(slope);
  for (const tree of [floats, rounded.parameters]) disposeParameters(tree);
});

test.each(ways)("a choice among the weights of a base in %s is that among its float32 ones", (way) => {
  const choose = (model: LanguageModel) => selectArbitrary(model, { count: 300 }, random(4));
  expect(choose(bases[way])).toEqual(choose(plain));
  expect(choose(bases[way]).untrained).toBeUndefined();
});

test("the status says which weights in 8 bits are multiplied in float32 because a delta edits them", () => {
  const base = bases.int8;
  const [some, beside] = [arbitrary(base, { count: 300 }, random(1)), lora(base, { rank: 2 }, random(1))];
  expect(describeStatus(attach(base, some)).problems).toEqual([
    expect.stringMatching(
      /^"arbitrary" edits weights in few bits: 12 weights, such as "encoder.*are in 8 bits, and are/,
    ),
  ]);
  expect(describeStatus(attach(base, beside)).problems).toEqual([]);
  for (const { parameters, buffers } of [some, beside])
    for (const tree of [parameters, buffers]) disposeParameters(tree);
});

test.each(ways)(
  "a run of train fits a batch in %s, and files bring its predictions back on the same base",
  async (way) => {
    const rounded = bases[way];
    const tuned = attach(rounded, lora(rounded, { rank: 2 }, random(1)), head(rounded));
    const data: Batches<TokenBatch> = {
      batchCount: 1,
      async *epoch() {
        yield { batch: tinyBatch(rounded), rows: 3, isLast: true };
      },
      describe: () => ({ kind: "one batch" }),
    };
    const { parameters } = await result(
      train(tuned, data, { optimiser: adamW({ learningRate: 5e-2 }), steps: 30, random: random(2) }),
    );
    const lossAt = (point: Parameters): number =>
      tidy(() => tuned.loss(point, batch, { random: random(3), training: false }).dataSync()[0]!);
    expect(lossAt(parameters)).toBeLessThan(0.3 * lossAt(tuned.parameters));

    const files = memory();
    await saveAdapter(tuned.with(parameters), files);
    const restored = attach(rounded, await loadAdapter(rounded, files));
    tidy(() => {
      const [got, expected] = [restored, tuned.with(parameters)].map((model) => model.forward(batch).logits!);
      expect(got!.dataSync()).toEqual(expected!.dataSync());
    });
    for (const tree of [restored.parameters, parameters, tuned.parameters]) disposeParameters(tree);
  },
);

test.each([
  ["int8", 12, 'merge: of the base, 12 weights, such as "encoder.layer.0.attention.self.query.weight", are in 8 bits'],
  ["int4", 13, 'merge: of the base, 13 weights, such as "embeddings.word_embeddings.weight", are in 4 or 8 bits'],
] as const)("merging into %s is refused with the reason, and the base stays as it is", (way, count, message) => {
  const rounded = bases[way];
  const tuned = attach(rounded, lora(rounded, { rank: 2 }, random(1)));
  expect(() => merge(tuned)).toThrow(message);
  expect([...rounded.parameters.values()].filter(isQuantised)).toHaveLength(count);
  disposeParameters(tuned.parameters);
});
