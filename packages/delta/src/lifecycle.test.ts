import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, random, valueAndGradients } from "@cambium/core";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, mul, tidy } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach, detach, type Tuned } from "./attach.ts";
import { padLora } from "./combine/pad-lora.ts";
import { type Delta, named } from "./delta.ts";
import { loadAdapter } from "./files/load-adapter.ts";
import { saveAdapter } from "./files/save-adapter.ts";
import { activate, deactivate, remove, rename, swap } from "./lifecycle.ts";
import { merge, unmerge } from "./merge.ts";
import { adapter, bitFit, head, ia3, lora, prompt, whole } from "./methods/index.ts";
import { scaled } from "./scaled.ts";

let model: LanguageModel;
let batch: TokenBatch;
const made: Parameters[] = [];
function own<D extends { readonly parameters: Parameters }>(owner: D): D {
  made.push(owner.parameters);
  return owner;
}
function moved<D extends Delta>(delta: D, seed = 1): D {
  own(delta);
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, mul(random(seed).at(name).normal(value.shape), 0.2))),
  );
  return own({ ...delta, parameters });
}
const logits = (from: Pick<LanguageModel, "forward">): number[] =>
  tidy(() => Array.from(from.forward(batch).logits!.dataSync()));

let [a, b, c] = [] as unknown as [Delta, Delta, Delta];
let tuned: Tuned<LanguageModel>;
beforeEach(() => {
  model = own(tinyModel());
  batch = tinyBatch(model);
  a = named("a", moved(lora(model, { rank: 2, targets: "attn.v" }, random(1))));
  b = named("b", moved(ia3(model, { targets: "attn.v" })));
  c = named("c", moved(adapter(model, { bottleneck: 2 }, random(3))));
  tuned = attach(model, a, b, c);
});
afterEach(() => {
  for (const parameters of made.splice(0)) disposeParameters(parameters);
  disposeFields(batch);
});

const namesOf = ({ deltas, inactive }: Tuned<LanguageModel>) => [
  deltas.map(({ name }) => name),
  inactive.map(({ name }) => name),
];

test("those that are active act, in the order that is asked for, and the others wait", () => {
  const some = activate(tuned, ["c", "a"]);
  expect(namesOf(some)).toEqual([["c", "a"], ["b"]]);
  expect(logits(some)).toEqual(logits(attach(model, c, a)));
  const [inner, outer] = [activate(tuned, ["a", "b"]), activate(tuned, ["b", "a"])];
  expect(logits(inner)).toEqual(logits(attach(model, a, b)));
  expect(logits(outer)).toEqual(logits(attach(model, b, a)));
  expect(logits(inner)).not.toEqual(logits(outer));
  expect(logits(activate(some, ["a", "b", "c"]))).toEqual(logits(tuned));
});

test("with none active the output is the base's to the bit, and detaching leaves the choice", () => {
  const none = deactivate(tuned);
  expect(namesOf(none)).toEqual([[], ["a", "b", "c"]]);
  expect(logits(none)).toEqual(logits(model));
  expect(none.parameters.size).toBe(0);
  expect(detach(tuned)).toBe(model);
  expect(namesOf(deactivate(tuned, "b"))).toEqual([["a", "c"], ["b"]]);
});

test("what waits is not trained, and comes along to other points, other bases and further deltas", () => {
  const some = activate(tuned, ["a"]);
  const { value, gradients } = valueAndGradients(
    (q) => some.loss(q, batch, { random: random(1), training: false }),
    some.parameters,
  );
  expect([...gradients.keys()].every((name) => name.startsWith("a/"))).toBe(true);
  value.dispose();
  disposeParameters(gradients);
  expect(namesOf(some.with(some.parameters))).toEqual([["a"], ["b", "c"]]);
  const elsewhere = some.on({ ...model });
  expect(logits(activate(elsewhere, ["a", "b", "c"]))).toEqual(logits(tuned));
  const more = attach(some, named("d", moved(prompt(model, { length: 2 }, random(1)))));
  expect(namesOf(more)).toEqual([
    ["a", "d"],
    ["b", "c"],
  ]);
  expect(() => attach(some, b)).toThrow(/two deltas have the name "b"/);
});

test("a delta that is removed is gone, and its tensors are not", () => {
  expect(namesOf(remove(activate(tuned, ["a"]), ["b", "a"]))).toEqual([[], ["c"]]);
  expect(logits(remove(tuned, "c"))).toEqual(logits(attach(model, a, b)));
  for (const tensor of c.parameters.values()) expect(tensor.isDisposed).toBe(false);
});

test("a renamed delta has its parameters under the new name, and does the same", () => {
  const other = rename(tuned, "b", "gain");
  expect(namesOf(other)[0]).toEqual(["a", "gain", "c"]);
  expect([...other.parameters.keys()].filter((name) => name.startsWith("gain/"))).toHaveLength(b.parameters.size);
  expect(logits(other)).toEqual(logits(tuned));
  expect(() => rename(tuned, "b", "a")).toThrow(/there is a delta "a" already/);
  expect(() => rename(tuned, "b", "")).toThrow(/must not be empty/);
});

test("names that there are not are refused, with the nearest", () => {
  const long = rename(tuned, "a", "style");
  for (const call of [activate, deactivate, remove])
    expect(() => call(long, ["stlye"])).toThrow(/there is no delta "stlye"; is "style" meant\? There are style, b, c/);
  expect(() => activate(tuned, ["a", "a"])).toThrow(/"a" is given twice/);
  expect(() => swap(tuned, "d", a)).toThrow(/there is no delta "d"/);
  expect(() => activate(model as never, "a")).toThrow(/expected a tuned model/);
});

test("files take what acts, and say what waits", async () => {
  const files = memory();
  expect(await saveAdapter(activate(tuned, ["a"]), files)).toMatchObject({ format: "peft", left: ["b", "c"] });
  const loaded = own((await loadAdapter(model, files)) as Delta);
  expect(logits(attach(model, loaded))).toEqual(logits(attach(model, a)));
});

test("swapping puts a delta of the same form in the place of another, whether it acts or waits", () => {
  const other = moved(lora(model, { rank: 2, targets: "attn.v", alpha: 5 }, random(7)), 8);
  const swapped = swap(tuned, "a", other);
  expect(namesOf(swapped)[0]).toEqual(["a", "b", "c"]);
  expect(logits(swapped)).toEqual(logits(attach(model, named("a", other), b, c)));
  expect(logits(activate(swap(activate(tuned, ["b"]), "a", other), "a"))).toEqual(logits(attach(model, other)));
  expect(() => swap(tuned, "a", b)).toThrow(/of the method "ia3", not "lora"/);
  const high = own(lora(model, { rank: 3, targets: "attn.v" }, random(1)));
  expect(() => swap(tuned, "a", high)).toThrow(/it has float32 \[3,\d+\] as .* Make LoRAs alike by padLora/);
  const wide = own(lora(model, { rank: 2 }, random(1)));
  expect(() => swap(tuned, "a", wide)).toThrow(/it also has/);
});

test("LoRAs of any rank, layers and scale become alike by padding, and do the same", () => {
  const other = named(
    "o",
    moved(lora(model, { rank: 3, rsLora: true, alpha: 5, targets: ["attn.q", "ff.up"] }, random(1))),
  );
  const [first, second] = [a, other].map((delta) => own(padLora(delta, { rank: 4, targets: "all-linear" })));
  const slot = attach(model, named("slot", first!));
  const close = { absolute: 1e-5 };
  expect(logits(slot)).toBeAllClose(logits(attach(model, a)), close);
  expect(logits(swap(slot, "slot", second!))).toBeAllClose(logits(attach(model, other)), close);
  expect(own(padLora(a, { rank: 2 })).config.targets).toEqual((a.config as { targets: unknown }).targets);
  expect(() => padLora(a, { rank: 1 })).toThrow(/has rank 2, above 1/);
  expect(() => padLora(a, { rank: 2, targets: "attn.q" })).toThrow(/leave out/);
  expect(() => padLora(b, { rank: 2 })).toThrow(/kind "ia3"/);
});

test("a LoRA scaled by a positive factor is a LoRA of another alpha, patterns included", () => {
  const delta = moved(lora(model, { rank: 2, alpha: 3, alphaPattern: { query: 8 } }, random(1)));
  const half = scaled(delta, 0.5);
  expect(half.config).toMatchObject({ alpha: 1.5, alphaPattern: { query: 4 } });
  expect(half.parameters).toBe(delta.parameters);
  expect(scaled(delta, 1)).toBe(delta);
});

test("a negative factor takes an additive delta out of merged weights again", () => {
  const delta = activate(tuned, "a").deltas[0]!;
  const merged = own(merge(attach(model, delta)));
  const back = own(merge(attach(merged, scaled(delta, -1))));
  for (const [name, value] of model.parameters)
    expect(back.parameters.get(name)!).toBeAllClose(value, { absolute: 1e-6 });
  expect(unmerge(merged).base).toBe(model);
  expect(() => unmerge(model)).toThrow(/was not made by merge here/);
});

test("scaling what is scaled multiplies, and what puts rows in front has no scale", () => {
  const [once, twice] = [scaled(b, 0.25), scaled(scaled(b, 0.5), 0.5)];
  expect(twice.config).toEqual(once.config);
  expect(twice.name).toBe("b");
  expect(logits(attach(model, twice))).toEqual(logits(attach(model, once)));
  expect(() => scaled(own(prompt(model, { length: 2 }, random(1))), 0.5)).toThrow(/there is no part of a row/);
  expect(() => scaled(a, Number.NaN)).toThrow(/must be a finite number, got NaN/);
});

test.each([-1, 0, 0.3, 2])("files bring a delta that is scaled by %d back, and its equal logits", async (factor) => {
  for (const delta of [
    a,
    b,
    c,
    moved(bitFit(model)),
    moved(head(model)),
    moved(whole(model, { modules: ["pooler"] })),
  ]) {
    const files = memory();
    const weak = attach(model, scaled(delta, factor));
    const { format } = await saveAdapter(weak, files);
    expect(format).toBe(delta === a && factor > 0 ? "peft" : "native");
    const loaded = (await loadAdapter(model, files)) as Delta;
    own(loaded);
    if (loaded.buffers.size > 0) made.push(loaded.buffers);
    expect(logits(attach(model, loaded))).toBeAllClose(logits(weak), { absolute: 1e-6 });
  }
});
