import { countParameters, disposeParameters, random } from "@cambium/core";
import { modelLayout } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { memory as tensorMemory } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import { named } from "../delta.ts";
import { deactivate } from "../lifecycle.ts";
import type { Method } from "../method.ts";
import * as methods from "../methods/index.ts";
import { scaled } from "../scaled.ts";
import { disposeDelta } from "../testing/laws.ts";
import { compareTrainables } from "./compare-trainables.ts";
import { suggestTraining } from "./hints.ts";
import { formatPlan, plan, plannedOptions } from "./plan.ts";
import { formatTree } from "./tree.ts";

let base: ReturnType<typeof tinyModel>;
beforeEach(() => {
  base = tinyModel();
});
afterEach(() => disposeParameters(base.parameters));

test.each([100, 1000])("what is planned for %d scalars trains what the plan says, by every method", (count) => {
  const before = tensorMemory().numTensors;
  const planned = plan(base, { count });
  expect(tensorMemory().numTensors).toBe(before);
  expect(planned.map(({ method }) => method).sort()).toEqual(Object.keys(methods).sort());
  const usable = planned.filter(({ options }) => options !== undefined);
  expect(usable.length).toBeGreaterThan(8);
  for (const { method, options, trained, difference, note } of usable) {
    const delta = (methods as unknown as Record<string, Method>)[method]!(base, options as never, random(1));
    expect([method, countParameters(delta.parameters)]).toEqual([method, trained]);
    expect(difference).toBe(trained! - count);
    expect(difference === 0).toBe(note === undefined);
    disposeDelta(delta);
  }
  expect(planned[0]).toMatchObject({ difference: 0 });
  const off = usable.map(({ difference }) => Math.abs(difference!));
  expect(off).toEqual(off.toSorted((a, b) => a - b));
});

test("on BERT-base, budgets of published settings give these settings back, from a layout alone", () => {
  const sizes = { hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12, intermediate_size: 3072 };
  const layout = modelLayout({ model_type: "bert", vocab_size: 30_522, ...sizes });
  const table = methods as unknown as Record<string, Method>;
  const at = (count: number, method: string) => plan(layout, { count, methods: { [method]: table[method]! } })[0]!;
  expect(at(294_912, "lora")).toMatchObject({ options: { rank: 8 }, difference: 0 });
  expect(at(313_344, "dora")).toMatchObject({ options: { rank: 8 }, difference: 0 });
  expect(at(1_789_056, "adapter")).toMatchObject({ options: { bottleneck: 48 }, difference: 0 });
  expect(at(24_576, "vera")).toMatchObject({ options: { rank: 256 }, difference: 0 });
  expect(at(15_360, "prompt")).toMatchObject({ options: { length: 20 }, difference: 0 });
  expect(at(368_640, "prefix")).toMatchObject({ options: { length: 20 }, difference: 0 });
  expect(at(64_512, "ia3").difference).toBe(0);
});

test("what cannot meet a budget says why", () => {
  const planned = plan(base, { count: 100_000 });
  expect(planned.find(({ method }) => method === "ia3")!.note).toMatch(/it has no size/);
  expect(formatPlan(planned)).toMatch(/ia3 +\{\}/);
  expect(plannedOptions(planned, "lora")).toMatchObject({ rank: expect.any(Number) });
  expect(() => plannedOptions(planned, "arbitrary")).toThrow(/1512 scalars to choose from/);
  expect(() => plannedOptions(planned, "magic")).toThrow(/there is no such method/);
  expect(() => plan(base, { count: 0 })).toThrow(/count/);
});

test("hints begin near LoRA's rate, higher for prompts, and decay no scales", () => {
  const parts = [methods.lora(base, {}, random(1)), methods.ia3(base), methods.prompt(base, {}, random(2))];
  const [lora, ia3, prompt] = suggestTraining(attach(base, ...parts));
  expect(prompt!.learningRate / lora!.learningRate).toBeGreaterThanOrEqual(10);
  expect([lora!.decays, ia3!.decays]).toEqual([true, false]);
  for (const { parameters } of parts) disposeParameters(parameters);
});

test("scales, gains and biases do not decay, whichever way they are named, and gains want more than LoRA's rate", () => {
  const parts = [
    methods.ia3(base),
    methods.norms(base),
    methods.bitFit(base),
    methods.road(base, { groupSize: 4 }),
    methods.boft(base, { blockSize: 2 }, random(2)),
    scaled(named("half", methods.norms(base)), 0.5),
  ];
  const hints = parts.map((part) => suggestTraining(attach(base, part))[0]!);
  expect(hints.map(({ delta, decays }) => [delta, decays])).toEqual(parts.map(({ name }) => [name, false]));
  const lora = methods.lora(base, {}, random(1));
  const [usual] = suggestTraining(attach(base, lora));
  expect(hints[1]!.learningRate).toBeGreaterThan(usual!.learningRate);
  expect(hints.at(-1)!.learningRate).toBe(hints[1]!.learningRate);
  for (const { parameters } of [...parts, lora]) disposeParameters(parameters);
});

test("an optimiser that was made before the deltas changed is told apart", () => {
  const [a, b] = [
    methods.lora(base, { rank: 2 }, random(1)),
    named("more", methods.lora(base, { rank: 1 }, random(2))),
  ];
  const both = attach(base, a, b);
  expect(compareTrainables(both, both.parameters)).toMatchObject({ isSame: true, missing: [], unexpected: [] });
  const one = deactivate(both, "more");
  expect(compareTrainables(one, both.parameters).unexpected).toHaveLength(b.parameters.size);
  const { isSame, missing } = compareTrainables(both, one.parameters);
  expect([isSame, missing.length]).toEqual([false, b.parameters.size]);
  for (const { parameters } of [a, b]) disposeParameters(parameters);
});

test("the tree folds blocks that are alike, and marks what is trained", () => {
  const parts = [methods.lora(base, { rank: 2, targets: "attn.q" }, random(1)), methods.head(base)];
  const text = formatTree(attach(base, ...parts));
  expect(text).toMatch(/\n {2}layer {2}[\d,]+, [\d,]+ trained\n {4}0-1 {2}/);
  expect(text).toMatch(/\+lora lora_A\.weight \[2, \d+\] \d+ {2}delta/);
  expect(text).toMatch(/classifier {2}.* trained\n {2}weight \[3, \d+\] \d+ {2}trained/);
  const trained = parts.reduce((sum, { parameters }) => sum + countParameters(parameters), 0);
  expect(text).toContain(`${countParameters(base.parameters)} scalars of the model`.replace(/^(\d+)(\d{3})/, "$1,$2"));
  expect(text.endsWith(`${trained.toLocaleString("en-US")} trained`)).toBe(true);
  expect(formatTree(base)).not.toContain("trained\n");
  for (const { parameters } of parts) disposeParameters(parameters);
});
