import { disposeParameters, mapParameters, random, valueAndGradients } from "@cambium/core";
import { modelLayout } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { fill, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { whole } from "../methods/whole.ts";
import { disposeDelta } from "../testing/laws.ts";
import { arbitrary } from "./arbitrary.ts";
import {
  selectBiases,
  selectByFisher,
  selectByGradient,
  selectByMagnitude,
  selectByScores,
  selectNorms,
} from "./by-score.ts";
import { readIndices, writeIndices } from "./index-text.ts";
import type { Manifest } from "./manifest.ts";

/** Name and place of everything that is chosen. */
const placesOf = ({ parts }: Manifest): string[] =>
  parts.flatMap(({ tensor, shape, all, scalars }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const places = all ? Array.from({ length: size }, (_, i) => i) : [...readIndices(scalars!, size, "")];
    return places.map((place) => `${tensor} ${place}`);
  });

/** The same by sorting: distances from zero, largest first, then by name and place. */
function sorted(scores: ReadonlyMap<string, Tensor>, names: readonly string[], count: number): string[] {
  return names
    .flatMap((name) =>
      [...scores.get(name)!.dataSync()].map((value, place) => ({ name, place, size: Math.abs(value) })),
    )
    .sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.place - b.place))
    .slice(0, count)
    .map(({ name, place }) => `${name} ${place}`);
}

test.each([1, 37, 500])("the %i weights of largest magnitude are those that sorting finds", async (count) => {
  const model = tinyModel();
  const names = [...model.parameters.keys()].filter((name) => !model.headParameters.includes(name));
  const chosen = await selectByMagnitude(model, { count });
  expect(chosen.count).toBe(count);
  expect(placesOf(chosen).sort()).toEqual(sorted(model.parameters, names, count).sort());
  disposeParameters(model.parameters);
});

test("ties go to names and places that come first", async () => {
  const model = tinyModel();
  const scores = mapParameters(model.parameters, ({ shape }) => fill(shape, -2));
  const { parts } = await selectByScores(model, scores, { count: 11, roles: ["attn.q"] });
  expect(parts.map(({ tensor, count }) => [tensor, count])).toEqual([
    ["encoder.layer.0.attention.self.query.bias", 8],
    ["encoder.layer.0.attention.self.query.weight", 3],
  ]);
  expect([...readIndices(parts[1]!.scalars!, 64, "")]).toEqual([0, 1, 2]);
  disposeParameters(scores);
  disposeParameters(model.parameters);
});

test.each([
  ["gradient", selectByGradient, (x: number) => x],
  ["Fisher information", selectByFisher, (x: number) => x * x],
] as const)("the weights of largest %s are those that sorting the sums over batches finds", async (_, selectBy, of) => {
  const model = tinyModel();
  const [one, two] = [tinyBatch(model), tinyBatch(model)];
  const name = "encoder.layer.1.intermediate.dense.weight";
  const full = whole(model);
  const tuned = attach(model, full);
  const sums = new Float32Array(128);
  for (const batch of [one, two]) {
    const { value, gradients } = valueAndGradients(
      (q) => tuned.loss(q, batch, { random: random(0), training: false }),
      tuned.parameters,
    );
    for (const [i, slope] of gradients.get(`whole/${name}`)!.dataSync().entries()) sums[i]! += Math.fround(of(slope));
    value.dispose();
    disposeParameters(gradients);
  }
  const expected = [...sums.entries()]
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, 20)
    .map(([i]) => `${name} ${i}`);
  const chosen = await selectBy(model, [one, two], { count: 20, layers: [1], roles: ["ff.up"], excludeVectors: true });
  expect(placesOf(chosen).sort()).toEqual(expected.sort());
  for (const tree of [full.parameters, model.parameters]) disposeParameters(tree);
  disposeFields(one);
  disposeFields(two);
});

// 2 layers of width 8, a feed-forward width of 16.
test("biases and norms are all of them", () => {
  const sizes = { vocab_size: 30, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 16 };
  const layout = modelLayout({ model_type: "bert", ...sizes });
  // In a layer q, k, v, attention's output, ff.down and two norms of 8, ff.up of 16; besides the embeddings' norm and the pooler.
  expect(selectBiases(layout).count).toBe(2 * (7 * 8 + 16) + 8 + 8);
  expect(selectNorms(layout).count).toBe(5 * 16);
  expect(selectNorms(layout, { layers: [1] }).count).toBe(2 * 16);
});

test("a choice as JSON trains what it states, and is refused on another model", async () => {
  const model = tinyModel();
  const selection = JSON.parse(JSON.stringify(await selectByMagnitude(model, { count: 77 }))) as Manifest;
  const delta = arbitrary(model, { selection }, random(1));
  expect([...delta.parameters.values()].reduce((sum, { size }) => sum + size, 0)).toBe(77);
  disposeDelta(delta);
  const other = { ...selection, parts: selection.parts.map((part) => ({ ...part, shape: [3] })) };
  expect(() => arbitrary(model, { selection: other }, random(1))).toThrow("was it made for another model?");
  const renamed = { ...selection, parts: selection.parts.map((part) => ({ ...part, tensor: `${part.tensor}s` })) };
  expect(() => arbitrary(model, { selection: renamed }, random(1))).toThrow("the nearest is");
  const wrong = (change: Partial<Manifest>) => () =>
    arbitrary(model, { selection: { ...selection, ...change } }, random(1));
  expect(wrong({ count: 76 })).toThrow("states 76 scalars, and its parts have 77");
  expect(wrong({ count: 77 + selection.parts[0]!.count, parts: [...selection.parts, selection.parts[0]!] })).toThrow(
    `names "${selection.parts[0]!.tensor}" twice`,
  );
  const tensor = "encoder.layer.0.attention.self.query.weight";
  const ofRow = { tensor, shape: [8, 8], count: 9, rows: writeIndices(Int32Array.of(1)) };
  const withPlace = (place: number) => ({
    count: 9,
    parts: [{ ...ofRow, scalars: writeIndices(Int32Array.of(place)) }],
  });
  expect(wrong(withPlace(8))).toThrow('query.weight" has places twice: in a row and apart');
  disposeDelta(wrong(withPlace(16))());
  const damaged = { ...selection, parts: selection.parts.map((part) => ({ ...part, count: part.count + 1 })) };
  expect(() => arbitrary(model, { selection: damaged }, random(1))).toThrow("scalars, and has");
  expect(() => arbitrary(model, { selection, count: 77 } as never, random(1))).toThrow('unknown key "count"');
  disposeParameters(model.parameters);
});

test("NaN, scores of another shape, and more than there is are errors that name what is wrong", async () => {
  const model = tinyModel();
  const scores = mapParameters(model.parameters, ({ shape }) => fill(shape, Number.NaN));
  await expect(selectByScores(model, scores, { count: 5 })).rejects.toThrow("is NaN");
  await expect(selectByScores(model, new Map(), { count: 5 })).rejects.toThrow("has no scores");
  for (const dtype of ["int32", "bool"] as const) {
    const other = mapParameters(model.parameters, ({ shape }) => fill(shape, 1, dtype));
    await expect(selectByScores(model, other, { count: 5 })).rejects.toThrow(`are ${dtype}; cast them to float32`);
    disposeParameters(other);
  }
  await expect(selectByMagnitude(model, { count: 10 ** 6 })).rejects.toThrow("scalars to choose from");
  await expect(selectByGradient(model, [], { count: 5 })).rejects.toThrow("no batches");
  disposeParameters(scores);
  disposeParameters(model.parameters);
});
