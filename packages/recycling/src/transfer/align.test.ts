import { permuteUnits, symmetriesOf } from "@cambium/connectivity";
import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { adapter, bitFit, head, ia3, lora, norms, prefix, whole } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { expectClose } from "@cambium/models/testing";
import { memory } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { COLOURS, first, scores, trained, tunedOn, withValues } from "../versions.fixture.ts";
import { recycle } from "./recycle.ts";

/** The same function with its neurons and heads in another order. */
function shuffled(model: LanguageModel): LanguageModel {
  const copy = mapParameters(model.parameters, (tensor) => tensor.clone());
  for (const group of symmetriesOf(model)) {
    const order = random(4).at(group.name).permutation(group.size);
    for (const [name, tensor] of permuteUnits(group, order, copy)) {
      copy.get(name)!.dispose();
      copy.set(name, tensor);
    }
  }
  return withValues(model, copy);
}

const targets = ["attn.q", "attn.k", "attn.v", "attn.out", "ff.up", "ff.down"];
const kinds = {
  lora: (base: LanguageModel) => trained(lora(base, { rank: 2, targets }, random(1))),
  "lora with biases": (base: LanguageModel) =>
    trained(lora(base, { rank: 2, targets, bias: "lora_only", loraBias: false }, random(1))),
  adapter: (base: LanguageModel) => trained(adapter(base, { bottleneck: 3 }, random(1))),
  ia3: (base: LanguageModel) => trained(ia3(base)),
  bitFit: (base: LanguageModel) => trained(bitFit(base, { keyBias: true })),
  norms: (base: LanguageModel) => trained(norms(base)),
  whole: (base: LanguageModel) => trained(whole(base)),
};

test.each([
  ...Object.keys(kinds).map((kind) => ["bert", kind] as const),
  ["gpt2", "lora"] as const,
  ["gpt2", "whole"] as const,
])("on a %s whose units changed places %s does what it did", async (type, kind) => {
  const before = memory().numTensors;
  const base = first(COLOURS, 1, type);
  const next = shuffled(base);
  const old = tunedOn(base, kinds[kind as keyof typeof kinds](base));
  const expected = await scores(old);
  const moved = await recycle(old, next, { method: "initialise", align: true });
  expectClose(await scores(moved), expected, { absolute: 1e-4 });
  const none: readonly string[] = ["adapter", "norms"]; // they touch nothing that moved
  if (!none.includes(kind)) {
    const straight = await recycle(old, next, { method: "initialise" });
    const off = await scores(straight);
    expect(Math.max(...off.map((value, i) => Math.abs(value - expected[i]!)))).toBeGreaterThan(1e-3);
    disposeParameters(straight.parameters);
  }
  for (const tree of [base, next, old, moved] as readonly { parameters: Parameters }[])
    disposeParameters(tree.parameters);
  expect(memory().numTensors).toBe(before);
});

test("a delta that cannot follow says so, and where nothing moved there is nothing to do", async () => {
  const base = first();
  const next = shuffled(base);
  const old = tunedOn(base, trained(prefix(base, { length: 2 }, random(1))), trained(head(base)));
  await expect((async () => recycle(old, next, { method: "initialise", align: true }))()).rejects.toThrow(
    "cannot follow them",
  );
  const same = await recycle(old, base, { method: "initialise", align: true });
  expectClose(await scores(same), await scores(old));
  for (const { parameters } of [base, next, old, same]) disposeParameters(parameters);
});
