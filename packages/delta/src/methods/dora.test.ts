import { memory } from "@cambium/base";
import { createScope, disposeParameters, isQuantised, type Model, random, type Site } from "@cambium/core";
import { loadModel, saveModel } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { profile, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { expectGolden, expectSavedAgain } from "../files/golden.fixture.ts";
import { merge } from "../merge.ts";
import { disposeDelta } from "../testing/laws.ts";
import { dora } from "./dora.ts";

const adapters = ["bert-dora", "gpt2-dora", "llama-dora"];

test.each(adapters)("%s computes what PEFT computes", (name) => expectGolden(name));

test.each(adapters)("%s saved again is PEFT's file", (name) =>
  expectSavedAgain(name, ["peft_type", "use_dora", "r", "lora_alpha", "fan_in_fan_out", "task_type"]),
);

const site: Site = {
  kind: "linear",
  path: "q",
  role: "attn.q",
  width: 2,
  weight: { name: "q.weight", layout: "out,in" },
  bias: "q.bias",
};

test("a layer gives m ⊙ (W + s · B A) x / ‖W + s · B A‖ + b by hand", () => {
  const parameters = new Map<string, Tensor>([
    [
      "q.weight",
      tensor2d([
        [3, 4],
        [1, 0],
      ]),
    ],
    ["q.bias", tensor1d([10, 20])],
  ]);
  const model: Model<Tensor, Tensor> = {
    config: {},
    parameters,
    sites: () => [site],
    forward: (input, { hooks = [], parameters: given = parameters } = {}) =>
      tidy(() => createScope(given, { hooks, training: false, random: random(0), sites: [site] }).linear("q", input)),
  };
  const delta = dora(model, { targets: "attn.q", rank: 1, alpha: 2 }, random(1));
  expect(delta.parameters.get("q.lora_magnitude_vector")!.dataSync()).toEqual(new Float32Array([5, 1]));
  const point = new Map<string, Tensor>([
    ["dora/q.lora_A.weight", tensor2d([[1, 2]])],
    ["dora/q.lora_B.weight", tensor2d([[1], [1]])],
    ["dora/q.lora_magnitude_vector", tensor1d([10, 1])],
  ]);
  const tuned = attach(model, delta).with(point);
  // W + 2 · B A = [[5, 8], [3, 4]], of norms √89 and 5; x = [1, 1] gives 13 and 7.
  const expected = [[10 + (10 * 13) / Math.sqrt(89), 20 + 7 / 5]];
  const x = tensor2d([[1, 1]]);
  const [applied, merged] = [tuned.forward(x), merge(tuned)];
  const written = merged.forward(x);
  expect(applied).toBeAllClose(expected);
  expect(written).toBeAllClose(expected);
  for (const tensor of [x, applied, written]) tensor.dispose();
  for (const tree of [point, parameters, merged.parameters]) disposeParameters(tree);
  disposeDelta(delta);
});

test("on a base in 8 bits it starts as the base, and asks its layers for products in 8 bits only", async () => {
  const plain = tinyModel({ dropout: 0 });
  const files = memory();
  await saveModel(plain, files);
  const rounded = await loadModel(files, { head: plain.head!, frozen: "int8" });
  const delta = dora(rounded, { targets: ["attn.q", "ff.down"], rank: 2 }, random(1));
  const batch = tinyBatch(plain);
  const run = async (model: Pick<typeof rounded, "forward">): Promise<{ products: number; logits: number[] }> => {
    const { kernels, result } = await profile(() => tidy(() => model.forward(batch).logits!));
    const logits = Array.from((result as Tensor).dataSync());
    (result as Tensor).dispose();
    return { products: kernels.filter(({ name }) => name === "QuantisedLinear").length, logits };
  };
  const [before, after] = [await run(rounded), await run(attach(rounded, delta))];
  expect(after.logits).toEqual(before.logits);
  // Of four layers with A, besides the twelve of the model.
  expect([before.products, after.products]).toEqual([12, 12 + 4]);
  expect([...rounded.parameters.values()].filter(isQuantised)).toHaveLength(12);
  for (const tree of [plain.parameters, rounded.parameters]) disposeParameters(tree);
  disposeDelta(delta);
  disposeFields(batch);
});
