import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { createModel, type LanguageModel, type TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, tidy } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import { combine } from "../combine/combine.ts";
import { named } from "../delta.ts";
import { merge } from "../merge.ts";
import { scaled } from "../scaled.ts";
import { describeStatus } from "../status.ts";
import { bitFit } from "./bit-fit.ts";
import { type LoraOptions, lora } from "./lora.ts";
import { whole } from "./whole.ts";

const made: Parameters[] = [];
afterEach(() => {
  for (const tree of made.splice(0)) disposeParameters(tree);
});
const own = <D extends { readonly parameters: Parameters }>(owner: D): D => {
  made.push(owner.parameters);
  return owner;
};
const moved = <D extends { readonly parameters: Parameters }>(delta: D): D => {
  own(delta);
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, random(7).at(name).normal(value.shape, 0, 0.3))),
  );
  return own({ ...delta, parameters });
};
const trained = (model: LanguageModel, options: LoraOptions) => moved(lora(model, options, random(1)));
const logitsOf = (model: Pick<LanguageModel, "forward">, batch: TokenBatch): number[] =>
  tidy(() => Array.from(model.forward(batch).logits!.dataSync()));

test.each([
  ["lora_only", ["encoder.layer.1.attention.self.query.bias", "encoder.layer.1.output.dense.bias"]],
  [
    "all",
    expect.arrayContaining([
      "embeddings.LayerNorm.bias",
      "encoder.layer.0.attention.self.key.bias",
      "pooler.dense.bias",
    ]),
  ],
] as const)("bias %s trains the biases, from where they are", (bias, expected) => {
  const model = own(tinyModel());
  const delta = own(lora(model, { targets: ["attn.q", "ff.down"], layers: [1], bias }, random(1)));
  const biases = [...delta.parameters.keys()].filter((name) => name.endsWith(".bias"));
  expect(biases).toEqual(expected);
  expect(biases.some((name) => model.headParameters.includes(name))).toBe(false);
  for (const name of biases)
    expect(delta.parameters.get(name)!.dataSync()).toEqual(model.parameters.get(name)!.dataSync());
});

test("biases where there are none are an error", () => {
  const model = own(tinyModel({ type: "t5" }));
  expect(() => lora(model, { bias: "all" }, random(1))).toThrow(/bias "all" asks for biases, and the model has none/);
  expect(() => lora(model, { bias: "lora_only" }, random(1))).toThrow(/none of the targets has one/);
  expect(() => lora(model, { bias: "query" } as never, random(1))).toThrow(/lora: "bias"/);
  expect(() => merge(attach(model, trained(model, { loraBias: true })))).toThrow(/no weights of the base do what/);
});

test("on another base it is what training changed of the biases, added to that base's", () => {
  const model = own(tinyModel());
  const other = own(createModel(model.config, random(9), { head: model.head! }));
  const tuned = attach(model, trained(model, { bias: "lora_only", targets: ["ff.down"] }));
  const there = own(tuned.on(other));
  const name = "encoder.layer.0.output.dense.bias";
  tidy(() => {
    const at = (tree: Parameters, key: string): Float32Array => tree.get(key)!.dataSync() as Float32Array;
    const change = at(tuned.parameters, `lora/${name}`).map((value, i) => value - at(model.parameters, name)[i]!);
    const expected = at(other.parameters, name).map((value, i) => value + change[i]!);
    expect(Array.from(at(there.parameters, `lora/${name}`))).toBeAllClose(Array.from(expected), { absolute: 1e-6 });
  });
});

test("scaled by a half, the biases move half of their way", () => {
  const model = own(tinyModel());
  const batch = tinyBatch(model);
  const delta = trained(model, { bias: "all" });
  const half = attach(model, scaled(delta, 0.5));
  const merged = own(merge(half));
  expect(logitsOf(merged, batch)).toBeAllClose(logitsOf(half, batch), { absolute: 1e-5, relative: 1e-5 });
  const name = "encoder.layer.0.output.dense.bias";
  tidy(() => {
    const [before, after, at] = [
      model.parameters.get(name)!,
      delta.parameters.get(name)!,
      merged.parameters.get(name)!,
    ];
    const middle = Array.from(before.dataSync()).map((value, i) => (value + after.dataSync()[i]!) / 2);
    expect(Array.from(at.dataSync())).toBeAllClose(middle, { absolute: 1e-6 });
  });
  disposeFields(batch);
});

test("two deltas that change the same biases or matrices in an order that a merge would lose are not merged", () => {
  const model = own(tinyModel());
  const batch = tinyBatch(model);
  const biased = trained(model, { bias: "all" });
  const whole1 = moved(whole(model, { modules: ["encoder.layer.1"] }));
  for (const parts of [
    [biased, moved(bitFit(model))],
    [moved(bitFit(model)), biased],
    [biased, whole1],
  ])
    expect(() => merge(attach(model, ...parts))).toThrow(/both change .* their order is lost in one merge/);
  const first = own(merge(attach(model, biased)));
  const apart = own(merge(attach(first, moved(bitFit(model)))));
  expect(logitsOf(apart, batch)).toBeAllClose(logitsOf(attach(model, biased, moved(bitFit(model))), batch), {
    absolute: 2e-5,
    relative: 2e-5,
  });
  disposeFields(batch);
});

test("what takes A, B and a scale alone refuses biases and gates by name", async () => {
  const model = own(tinyModel());
  for (const [options, name] of [
    [{ bias: "all" }, 'bias "all"'],
    [{ loraBias: true }, "loraBias"],
    [{ gate: true }, "gate"],
  ] as const)
    await expect(combine([[trained(model, options), 1]])).rejects.toThrow(`is a LoRA with ${name}`);
  expect(() => lora(own(tinyModel({ type: "gpt2" })), { gate: true }, random(1))).toThrow(/gates are for encoders/);
});

test("two LoRAs that bring the same biases are refused together, and may take turns", () => {
  const model = own(tinyModel());
  const [one, other] = ["one", "other"].map((name) => named(name, trained(model, { bias: "lora_only" })));
  expect(() => attach(model, one!, other!)).toThrow(/"one" and "other" both bring their own .*query\.bias/);
  expect(() => attach(model, one!, { ...scaled(other!, 0.5), name: "half" })).toThrow(/both bring their own/);
  const apart = named("apart", trained(model, { bias: "lora_only", targets: ["ff.down"] }));
  expect(attach(model, one!, apart).deltas.length).toBe(2);
  const late = describeStatus(attach(model, moved(bitFit(model)), one!));
  expect(late.problems).toEqual([
    expect.stringMatching(/"one" replaces .*query\.bias.* what "bitFit" does there is lost/),
  ]);
});
