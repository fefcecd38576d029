import { memory, result } from "@cambium/base";
import { disposeParameters, mapParameters, random } from "@cambium/core";
import { type LanguageModel, loadModel, saveModel } from "@cambium/models";
import { tinyBatch, tinyModel } from "@cambium/models/testing";
import { adamW, batches, train } from "@cambium/train";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach, type Tuned } from "./attach.ts";
import { loadAdapter } from "./files/load-adapter.ts";
import { saveAdapter } from "./files/save-adapter.ts";
import { merge } from "./merge.ts";
import { bitFit } from "./methods/bit-fit.ts";
import { head } from "./methods/head.ts";
import { lora } from "./methods/lora.ts";
import { whole } from "./methods/whole.ts";

const labels = ["a", "b", "c"];
let base: LanguageModel;
const owned: { dispose(): void }[] = [];

/** A classifier on the body that a file holds: its head is random. */
beforeEach(async () => {
  const body = tinyModel({ head: undefined });
  const files = memory();
  await saveModel(body, files);
  disposeParameters(body.parameters);
  base = await loadModel(files, { head: { kind: "sequence-classification", labels } });
});
afterEach(() => {
  disposeParameters(base.parameters);
  for (const tensor of owned.splice(0)) tensor.dispose();
});

function tune(
  ...make: ((base: LanguageModel) => ReturnType<typeof lora> | ReturnType<typeof head>)[]
): Tuned<LanguageModel> {
  const start = attach(base, ...(make.map((each) => each(base)) as never[]));
  owned.push(...start.parameters.values());
  const moved = mapParameters(start.parameters, (value, name) => random(2).at(name).normal(value.shape));
  owned.push(...moved.values());
  return start.with(moved);
}

const low = (model: LanguageModel) => lora(model, { rank: 2 }, random(1));

test("a run with a random head that no delta carries says so before its first step", async () => {
  const tuned = tune(low);
  const data = batches([0], () => tinyBatch(base), { size: 1 });
  const warnings: string[] = [];
  const { parameters } = await result(
    train(tuned, data, { optimiser: adamW({ learningRate: 1e-3 }), steps: 1 }),
    (event) => event.type === "warning" && warnings.push(event.message),
  );
  disposeParameters(parameters);
  expect(warnings).toEqual([expect.stringMatching(/classifier\.weight.*random.*head\(base\)/)]);
});

test.each([
  ["head", [low, head]],
  ["whole", [low, whole]],
] as const)("with %s there is nothing to warn of, and the adapter holds the head", async (_, deltas) => {
  const tuned = tune(...(deltas as never as [typeof low]));
  expect(tuned.warnings).toBeUndefined();
  const files = memory();
  await saveAdapter(tuned, files);
  const again = await loadAdapter(base, files);
  owned.push(...again.parameters.values());
});

test("a delta that only adds to random weights does not carry them", () => {
  expect(tune(bitFit as never).warnings).toHaveLength(1);
  expect(tune(low, (model) => whole(model, { modules: ["encoder"] }) as never).warnings).toHaveLength(1);
});

test("saving without the head is refused, and names the head and the way", async () => {
  const tuned = tune(low);
  const saving = saveAdapter(tuned, memory());
  await expect(saving).rejects.toMatchObject({ code: "STATE" });
  await expect(saving).rejects.toThrow(/classifier\.weight.*classifier\.bias.*head\(base\).*withoutHead/);
  expect(await saveAdapter(tuned, memory(), { withoutHead: true })).toEqual({ format: "peft" });
});

test("a merged model keeps the head, and knows which of its weights are still random", async () => {
  const [left, carried] = [merge(tune(low)), merge(tune(low, head as never))];
  owned.push(...left.parameters.values(), ...carried.parameters.values());
  expect(left.parameters.get("classifier.weight")!.dataSync()).toEqual(
    base.parameters.get("classifier.weight")!.dataSync(),
  );
  expect(left.created).toEqual(base.created);
  expect(carried.created).toEqual([]);
});

test("an adapter that relies on its base's head is refused on a base whose head is random", async () => {
  const [whole, adapter] = [memory(), memory()];
  await saveModel(base, whole);
  const stored = await loadModel(whole, { head: { kind: "sequence-classification", labels } });
  const tuned = attach(stored, low(stored));
  await saveAdapter(tuned, adapter, { untrained: true });
  for (const tree of [tuned.parameters, stored.parameters]) disposeParameters(tree);
  await expect(loadAdapter(base, adapter)).rejects.toThrow(
    /trained under a head that its base's file held; .* lacks it, so that classifier\.weight.* are random here/,
  );
});

test("an adapter that was saved without its random head goes to any head", async () => {
  const files = memory();
  await saveAdapter(tune(low), files, { withoutHead: true });
  owned.push(...(await loadAdapter(base, files)).parameters.values());
  const other = tinyModel({ head: { kind: "sequence-classification", labels: ["c", "b"] } });
  owned.push(...other.parameters.values(), ...(await loadAdapter(other, files)).parameters.values());
});

test("a head that the file holds needs no delta", async () => {
  const files = memory();
  await saveModel(base, files);
  const stored = await loadModel(files, { head: { kind: "sequence-classification", labels } });
  const tuned = attach(stored, low(stored));
  expect(tuned.warnings).toBeUndefined();
  await saveAdapter(tuned, memory(), { untrained: true });
  for (const tree of [tuned.parameters, stored.parameters]) disposeParameters(tree);
});
