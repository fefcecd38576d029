import { memory, readJson } from "@cambium/base";
import { disposeParameters, openSafetensors, random } from "@cambium/core";
import { type LanguageModel, modelLayout } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { slice, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import { describeTargets } from "../describe.ts";
import { expectGolden, expectSavedAgain } from "../files/golden.fixture.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { perRow, rowsOf } from "../per-row.ts";
import { disposeDelta } from "../testing/laws.ts";
import { head } from "./head.ts";
import { vera } from "./vera.ts";

const adapters = ["bert-vera", "bert-vera-slices"];

test.each(adapters)("%s computes what PEFT computes", (name) => expectGolden(name));

test.each(adapters)("%s saved again is PEFT's file, projections included", (name) =>
  expectSavedAgain(name, ["peft_type", "r", "d_initial", "projection_prng_key", "save_projection", "vera_dropout"]),
);

let model: LanguageModel;
beforeEach(() => {
  model = tinyModel({ dropout: 0 });
});
afterEach(() => {
  disposeParameters(model.parameters);
});

test("the projections are drawn from the config's seed, whatever else is random, and as large as a layer needs", () => {
  const options = { targets: ["attn.q", "ff.up", "ff.down"], rank: 4 };
  const deltas = [
    vera(model, options, random(1)),
    vera(model, options, random(2)),
    vera(model, { ...options, projectionSeed: 1 }, random(1)),
  ];
  const [first, second, other] = deltas.map(({ buffers }) => buffers.get("vera_A")!);
  expect(first!.shape).toEqual([4, 12]);
  expect(deltas[0]!.buffers.get("vera_B")!.shape).toEqual([12, 4]);
  expect(second!.dataSync()).toEqual(first!.dataSync());
  expect(other!.dataSync()).not.toEqual(first!.dataSync());
  expect(Math.max(...first!.dataSync().map(Math.abs))).toBeLessThanOrEqual(Math.sqrt(6 / 12));
  for (const delta of deltas) disposeDelta(delta);
});

test("a file without projections is small, none of PEFT's, and reads back as the same delta", async () => {
  const delta = vera(model, { rank: 6, saveProjection: false }, random(1));
  const files = memory();
  expect(await saveAdapter(attach(model, delta), files, { untrained: true })).toEqual({
    format: "native",
    reason: "PEFT would draw VeRA's projections with another generator",
  });
  const { entries } = await openSafetensors(files, "delta_model.safetensors");
  expect([...entries.keys()].filter((name) => name.includes("vera_A"))).toEqual([]);
  const again = await loadAdapter(model, files);
  for (const [name, tensor] of delta.buffers) expect(again.buffers.get(name)!.dataSync()).toEqual(tensor.dataSync());
  disposeDelta(delta);
  disposeDelta(again);
});

test("PEFT's file without projections is refused with the way to save it", async () => {
  const delta = vera(model, { rank: 2 }, random(1));
  const top = head(model);
  const files = memory();
  await saveAdapter(attach(model, delta, top), files, { untrained: true });
  const config = (await readJson(files, "adapter_config.json")) as object;
  await files.write("adapter_config.json", JSON.stringify({ ...config, save_projection: false }));
  await expect(loadAdapter(model, files)).rejects.toThrow(/save it in Python with save_projection=True/);
  disposeDelta(delta);
  disposeDelta(top);
});

test.each([
  ["bert", 768, 12, 24_576],
  ["roberta", 1024, 24, 61_440],
] as const)(
  "of rank 256 on queries and values it trains 2 · layers · (256 + d) scalars (%s, d = %i)",
  (type, dModel, layers, count) => {
    const layout = modelLayout({
      model_type: type,
      vocab_size: 30_522,
      hidden_size: dModel,
      num_hidden_layers: layers,
      num_attention_heads: 16,
      intermediate_size: 4 * dModel,
    });
    expect(describeTargets(layout, vera, {}).trained).toBe(count);
  },
);

test("rows of a batch name VeRAs of other ranks", () => {
  const deltas = [2, 5].map((rank) => vera(model, { rank, start: 0.7 }, random(1)));
  const [a, b] = deltas.map((delta) => ({
    ...delta,
    parameters: new Map(
      [...delta.parameters].map(([name, value]) => [name, random(3).at(name).normal(value.shape) as Tensor]),
    ),
  }));
  const batch = tinyBatch(model);
  tidy(() => {
    const mixed = perRow({ a: a!, b: b! });
    const rows = rowsOf(mixed, ["b", "a", undefined]);
    const together = attach(model, mixed).forward({ ...batch, rows }).logits!;
    [attach(model, b!), attach(model, a!), model].forEach((alone, row) => {
      const expected = alone.forward(batch).logits!;
      const [received, wanted] = [together, expected].map((logits) => slice(logits, [row, 0], [1, -1]));
      expect(received!).toBeAllClose(wanted!, { absolute: 1e-5, relative: 1e-5 });
    });
  });
  for (const delta of [...deltas, a!, b!]) disposeParameters(delta.parameters);
  for (const { buffers } of deltas) disposeParameters(buffers);
  disposeFields(batch);
});
