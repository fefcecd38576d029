import { memory } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { adapter, attach, merge, type Tuned, whole } from "@cambium/delta";
import { type LanguageModel, loadModel, saveModel } from "@cambium/models";
import { expectClose } from "@cambium/models/testing";
import { add, memory as allocated, matMul, mul, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { COLOURS, first, later, scores, trained, tunedOn } from "../versions.fixture.ts";
import { recycle } from "./recycle.ts";
import { truncateDifference } from "./truncate.ts";

const LAYER = "encoder.layer.0.attention.self.query.weight";

/** A fine-tuning whose matrices changed by a product of that rank, and whose biases, norms and head changed as well. */
function planted(base: LanguageModel, rank: number): Tuned<LanguageModel> {
  const tuned = attach(base, whole(base));
  const change = (name: string, value: Tensor): Tensor => {
    const key = random(3).at(name);
    if (value.rank !== 2 || /embeddings|classifier/.test(name)) return add(value, key.normal(value.shape, 0, 0.1));
    const [out, input] = value.shape as [number, number];
    return add(value, mul(matMul(key.at("b").normal([out, rank]), key.at("a").normal([rank, input])), 0.1));
  };
  const parameters = new Map(
    [...tuned.parameters].map(([name, value]) => [name, tidy(() => change(name.slice("whole/".length), value))]),
  );
  disposeParameters(tuned.parameters);
  return tuned.with(parameters) as Tuned<LanguageModel>;
}

const free = (...trees: readonly { readonly parameters: Parameters }[]): void => {
  for (const { parameters } of trees) disposeParameters(parameters);
};

test("a change of few ranks is kept whole by as many, with all that is no matrix, on this model and the next", async () => {
  const before = allocated().numTensors;
  const base = first();
  const next = later(base);
  const old = planted(base, 2);
  const { tuned, layers, numbers, numbersBefore } = await truncateDifference(old, { rank: 2 });
  expect(tuned.deltas.map(({ name, kind }) => [name, kind])).toEqual([
    ["whole-lora", "lora"],
    ["whole", "whole"],
    ["head", "head"],
  ]);
  expectClose(
    layers.map(({ share }) => share),
    layers.map(() => 1),
    { absolute: 1e-5 },
  );
  expect(numbers).toBeLessThan(numbersBefore);
  expectClose(await scores(tuned), await scores(old), { absolute: 1e-4 });
  const [moved, straight] = [tuned, old].map((each) => recycle(each, next, { method: "initialise" }));
  expectClose(await scores(moved!), await scores(straight!), { absolute: 1e-4 });
  free(base, next, old, tuned, moved!, straight!);
  expect(allocated().numTensors).toBe(before);
});

test("of a change of more ranks the largest singular values stay, and the share says what is lost", async () => {
  const base = first();
  const old = planted(base, 4);
  const [one, more] = [await truncateDifference(old, { rank: 1 }), await truncateDifference(old, { share: 0.99 })];
  const lost = (tuned: Tuned<LanguageModel>): number => {
    const merged = [tuned, old].map((each) => merge(each));
    const [is, was] = merged.map((model) => model.parameters.get(LAYER)!.dataSync());
    const start = base.parameters.get(LAYER)!.dataSync();
    const square = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Array.from(a).reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
    const share = 1 - square(is!, was!) / square(was!, start);
    free(...merged);
    return share;
  };
  // Eckart and Young: what is left of the squares is the share of the singular values that stay.
  const shareOf = ({ layers }: typeof one): number => layers.find(({ path }) => LAYER.startsWith(path))!.share;
  expect(lost(one.tuned)).toBeCloseTo(shareOf(one), 4);
  expect(lost(more.tuned)).toBeCloseTo(shareOf(more), 4);
  expect(shareOf(one)).toBeLessThan(0.9);
  expect(Math.min(...more.layers.map(({ share }) => share))).toBeGreaterThanOrEqual(0.99);
  free(base, old, one.tuned, more.tuned);
});

test.each(["gpt2", "llama"])(
  "a %s keeps the table of words whole, which is its head too where it has none",
  async (type) => {
    const base = first({ kind: "causal-lm" }, 1, type);
    const old = planted(base, 2);
    const { tuned, layers } = await truncateDifference(old, { share: 1 });
    const merged = [old, tuned].map((each) => merge(each));
    for (const [name, value] of merged[0]!.parameters)
      expectClose(merged[1]!.parameters.get(name)!.dataSync(), value.dataSync(), { absolute: 1e-4 });
    expect(layers.every(({ path }) => base.sites().find((site) => site.path === path)!.layer !== undefined)).toBe(true);
    free(base, old, tuned, ...merged);
  },
);

test("what cannot be cut says so", async () => {
  const base = first();
  const [adapted, untrained] = [
    tunedOn(base, trained(adapter(base, { bottleneck: 2 }, random(1)))),
    tunedOn(base, whole(base)),
  ];
  await expect(truncateDifference(adapted, { rank: 1 })).rejects.toThrow('"adapter" (adapter) is of whole weights');
  await expect(truncateDifference(untrained, { rank: 1 })).rejects.toThrow("changes nothing");
  await expect(truncateDifference(untrained, {})).rejects.toThrow('"rank" or "share"');
  await expect(truncateDifference(untrained, { ranks: 1 } as never)).rejects.toThrow('is "rank" meant?');
  const files = memory();
  await saveModel(base, files);
  const rounded = (await loadModel(files, { head: COLOURS, frozen: "int8" })) as LanguageModel;
  const onRounded = tunedOn(rounded, whole(rounded));
  await expect(truncateDifference(onRounded, { rank: 1 })).rejects.toThrow("held in few bits");
  free(base, adapted, untrained, rounded, onRounded);
});
