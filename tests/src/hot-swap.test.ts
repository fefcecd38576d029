/** Deltas that take each other's place in a running model, on onnx: nothing is compiled again. */
import { disposeParameters, mapParameters, random, useBackend } from "@cambium/core";
import { attach, type Delta, lora, named, padLora, perRow, rowsOf, swap } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, mul, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";

type Backend = typeof import("@cambium/backend-onnx");
let compileCount: () => number;
beforeAll(async () => {
  await useBackend("onnx");
  const { backendReport }: Backend = await import("@cambium/backend-onnx");
  compileCount = () => backendReport().compileCount;
});
afterAll(() => useBackend("cpu"));

function trained(model: LanguageModel, options: object, seed: number): Delta {
  const start = lora(model, options, random(seed));
  const parameters = mapParameters(start.parameters, (value, name) =>
    tidy(() => add(value, mul(random(seed).at(name).normal(value.shape), 0.3))),
  );
  disposeParameters(start.parameters);
  return { ...start, parameters };
}

async function logits(model: Pick<LanguageModel, "forward">, batch: TokenBatch): Promise<number[]> {
  const output = model.forward(batch);
  const values = Array.from(await output.logits!.data());
  disposeFields(output);
  return values;
}

test("LoRAs of other ranks, layers and scales follow each other without a compile, and do what they do alone", async () => {
  const model = tinyModel({ dropout: 0 });
  const batch = tinyBatch(model);
  const all = [
    trained(model, { rank: 2, alpha: 5, targets: "attn.q" }, 1),
    trained(model, { rank: 4, rsLora: true, targets: ["attn.v", "ff.up"] }, 2),
    trained(model, { rank: 3 }, 3),
  ];
  const alone: number[][] = [];
  for (const delta of all) alone.push(await logits(attach(model, delta), batch));
  const padded = all.map((delta) => padLora(delta, { rank: 4, targets: "all-linear" }));
  let tuned = attach(model, named("slot", padded[0]!));
  for (let i = 0; i < 2; i++) await logits(tuned, batch); // the first makes what is pending as well
  const before = compileCount();
  for (const [i, delta] of [...padded.entries(), ...padded.entries()]) {
    tuned = swap(tuned, "slot", delta);
    const here = await logits(tuned, batch);
    expect(Math.max(...here.map((value, j) => Math.abs(value - alone[i]![j]!)))).toBeLessThan(1e-4);
  }
  expect(compileCount()).toBe(before);
  for (const { parameters } of [...all, ...padded, model]) disposeParameters(parameters);
  disposeFields(batch);
});

test("rows that name other deltas from batch to batch run in one compiled pass", async () => {
  const model = tinyModel({ dropout: 0 });
  const { rows: _, ...batch } = tinyBatch(model);
  const [a, b] = [trained(model, { rank: 2 }, 1), trained(model, { rank: 3, targets: "attn.q" }, 2)];
  const mixed = perRow({ a, b });
  const tuned = attach(model, mixed);
  const run = async (names: readonly (string | undefined)[]): Promise<void> => {
    const rows = rowsOf(mixed, names);
    await logits(tuned, { ...batch, rows });
    rows.dispose();
  };
  for (const names of [
    ["a", "b", undefined],
    ["b", "a", "a"],
  ])
    await run(names); // the first makes what is pending as well
  const before = compileCount();
  for (const names of [
    ["b", "b", "a"],
    [undefined, "a", undefined],
    ["a", "a", "a"],
  ])
    await run(names);
  expect(compileCount()).toBe(before);
  for (const { parameters } of [a, b, model]) disposeParameters(parameters);
  disposeFields(batch);
});
