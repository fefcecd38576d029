import { memory, result } from "@cambium/base";
import { disposeParameters, mapParameters, openSafetensors, random, valueAndGradients } from "@cambium/core";
import { architectures } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { adamW, batches, train } from "@cambium/train";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { named } from "../delta.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { merge } from "../merge.ts";
import { whole } from "../methods/whole.ts";
import { disposeDelta } from "../testing/laws.ts";
import { arbitrary } from "./arbitrary.ts";
import { readIndices } from "./index-text.ts";
import { selectArbitrary } from "./selection.ts";

const types = architectures.map(({ types }) => types[0]!);
const context = { random: random(11), training: false };

test.each(types.flatMap((type) => (["scalar", "row"] as const).map((granularity) => [type, granularity] as const)))(
  "on %s, gradients of single weights by %s are the entries of the whole gradient",
  (type, granularity) => {
    const model = tinyModel({ type });
    const batch = tinyBatch(model);
    const delta = arbitrary(model, { count: 600, granularity, fit: "skip" }, random(2));
    const full = whole(model);
    const at = (deltas: Parameters<typeof attach>[1]) => {
      const tuned = attach(model, deltas);
      return valueAndGradients((q) => tuned.loss(q, batch, context), tuned.parameters);
    };
    const [ours, theirs] = [at(delta), at(full)];
    let checked = 0;
    for (const [key, gradient] of ours.gradients) {
      const name = key.replace("arbitrary/", "").replace(/\.(scalars|rows)$/, "");
      const dense = theirs.gradients.get(`whole/${name}`)!;
      const values = dense.dataSync();
      const index = delta.buffers.get(`${key.replace("arbitrary/", "")}.index`)?.dataSync();
      const width = gradient.size / (index?.length ?? gradient.size);
      const expected =
        index === undefined
          ? [...values]
          : [...index].flatMap((place) => [...values.slice(place * width, (place + 1) * width)]);
      // The same sums in another order, of gradients up to some tens.
      expect([...gradient.dataSync()]).toBeAllClose(expected, { absolute: 1e-5, relative: 1e-4 });
      checked += gradient.size;
    }
    expect(checked).toBeGreaterThan(500);
    for (const tree of [ours.gradients, theirs.gradients, full.parameters, model.parameters]) disposeParameters(tree);
    for (const { value } of [ours, theirs]) value.dispose();
    disposeDelta(delta);
    disposeFields(batch);
  },
);

test("after training with decay only what was chosen differs from the base", async () => {
  const model = tinyModel();
  const delta = arbitrary(model, { count: 40 }, random(3));
  const tuned = attach(model, delta);
  const data = batches([0, 1], () => tinyBatch(model), { size: 1 });
  const { parameters } = await result(
    train(tuned, data, { optimiser: adamW({ learningRate: 0.1, weightDecay: 0.1 }), steps: 3 }),
  );
  const merged = merge(tuned.with(parameters));
  const changed = [...model.parameters].flatMap(([name, value]) => {
    const after = merged.parameters.get(name)!.dataSync();
    return [...value.dataSync()].flatMap((before, i) => (before === after[i] ? [] : [`${name} ${i}`]));
  });
  const { parts } = selectArbitrary(model, { count: 40 }, random(3));
  const chosen = parts.flatMap(({ tensor, shape, scalars, all }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return (all ? Array.from({ length: size }, (_, i) => i) : [...readIndices(scalars!, size, "")]).map(
      (i) => `${tensor} ${i}`,
    );
  });
  expect(chosen).toEqual(expect.arrayContaining(changed));
  expect(changed.length).toBeGreaterThan(20); // rows of words that no batch has do not move
  for (const tree of [parameters, merged.parameters, model.parameters]) disposeParameters(tree);
  disposeDelta(delta);
});

test("a file holds the recipe and the values, and no list of places", async () => {
  const model = tinyModel();
  const delta = arbitrary(model, { count: 300 }, random(3));
  const parameters = mapParameters(delta.parameters, (value) => random(1).normal(value.shape));
  const files = memory();
  await saveAdapter(attach(model, { ...delta, parameters }), files, { withoutHead: true });
  const { entries } = await openSafetensors(files, "delta_model.safetensors");
  expect([...entries.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(300);
  expect([...entries.values()].every(({ dtype }) => dtype === "F32")).toBe(true);
  const config = JSON.parse(new TextDecoder().decode(await files.read("delta_config.json")));
  expect(JSON.stringify(config.deltas[0].config).length).toBeLessThan(300);
  for (const tree of [parameters, model.parameters]) disposeParameters(tree);
  disposeDelta(delta);
});

test("a whole fine-tuning of merged weights has its whole gradient", () => {
  const model = tinyModel();
  const batch = tinyBatch(model);
  const delta = arbitrary(model, { count: 300, excludeEmbeddings: true }, random(3));
  const merged = merge(attach(model, delta));
  const [one, two] = [model, merged].map((base) => {
    const full = whole(base);
    const tuned = attach(base, full);
    const { value, gradients } = valueAndGradients((q) => tuned.loss(q, batch, context), tuned.parameters);
    const found = [...gradients.values()].map((gradient) => [...gradient.dataSync()]);
    value.dispose();
    disposeParameters(gradients);
    disposeParameters(full.parameters);
    return found;
  });
  expect(one).toEqual(two);
  for (const tree of [merged.parameters, model.parameters]) disposeParameters(tree);
  disposeDelta(delta);
  disposeFields(batch);
});

test("on top of a whole fine-tuning both have their gradients", () => {
  const model = tinyModel();
  const batch = tinyBatch(model);
  const delta = arbitrary(model, { count: 300, roles: ["attn.q", "ff.up"] }, random(3));
  const full = named("full", whole(model));
  const tuned = attach(model, full, delta);
  const { value, gradients, unreached } = valueAndGradients((q) => tuned.loss(q, batch, context), tuned.parameters);
  expect(unreached).toEqual([]);
  for (const [name, gradient] of gradients) {
    if (!name.endsWith(".scalars")) continue;
    const inner = name.replace("arbitrary/", "");
    const dense = gradients.get(`full/${inner.replace(".scalars", "")}`)!.dataSync();
    const places = [...delta.buffers.get(`${inner}.index`)!.dataSync()];
    expect([...gradient.dataSync()]).toBeAllClose(
      places.map((place) => dense[place]!),
      { absolute: 1e-5, relative: 1e-4 },
    );
  }
  value.dispose();
  for (const tree of [gradients, full.parameters, model.parameters]) disposeParameters(tree);
  disposeDelta(delta);
  disposeFields(batch);
});
