import { disposeParameters } from "@cambium/core";
import { tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { replicateLayers, replicationOf } from "./replicate-layers.ts";
import { disposeFields, tinyBatch, tinyModel } from "./testing/index.ts";

test.each(["bert", "gpt2", "llama", "qwen2"])("a %s of its own layers in their order is the same model", (type) => {
  const model = tinyModel({ type });
  const batch = tinyBatch(model);
  const same = replicateLayers(model, [[0, 2]]);
  const deep = replicateLayers(model, [
    [0, 2],
    [1, 2],
  ]);
  tidy(() => {
    const logits = model.forward(batch).logits!.dataSync();
    expect(same.forward(batch).logits!.dataSync()).toEqual(logits);
    expect(deep.forward(batch).logits!.dataSync()).not.toEqual(logits);
  });
  expect(deep.sites().filter(({ kind }) => kind === "block")).toHaveLength(3);
  expect(new Set([...deep.parameters.values()])).toEqual(new Set([...model.parameters.values()]));
  expect(replicationOf(deep)).toEqual([
    [0, 2],
    [1, 2],
  ]);
  expect(replicationOf(model)).toBeUndefined();
  disposeParameters(model.parameters);
  disposeFields(batch);
});

test("the second layer of [[1, 2], [0, 1]] is the first of the model", () => {
  const model = tinyModel();
  const turned = replicateLayers(model, [
    [1, 2],
    [0, 1],
  ]);
  const at = (layer: number): string => `encoder.layer.${layer}.attention.self.query.weight`;
  expect(turned.parameters.get(at(1))).toBe(model.parameters.get(at(0)));
  expect(turned.parameters.get(at(0))).toBe(model.parameters.get(at(1)));
  disposeParameters(model.parameters);
});

test.each([[[]], [[[0, 3]]], [[[1, 1]]], [[[0]]], [[[-1, 1]]], [[[0.5, 1]]]])("the ranges %j are refused", (ranges) => {
  const model = tinyModel();
  expect(() => replicateLayers(model, ranges as never)).toThrow(/replicateLayers: /);
  disposeParameters(model.parameters);
});

test("a model of two stacks is refused", () => {
  const model = tinyModel({ type: "t5" });
  expect(() => replicateLayers(model, [[0, 1]])).toThrow(/has two stacks/);
  disposeParameters(model.parameters);
});
