import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { add, tidy } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { type AdapterConfig, type AdapterOptions, adapter } from "./adapter.ts";
import { adapterFusion } from "./adapter-fusion.ts";
import { lora } from "./lora.ts";

const made: Parameters[] = [];
afterEach(() => {
  for (const tree of made.splice(0)) disposeParameters(tree);
});
const own = <D extends { readonly parameters: Parameters; readonly buffers?: Parameters }>(owner: D): D => {
  made.push(owner.parameters, owner.buffers ?? new Map());
  return owner;
};

/** An adapter away from its start. */
function trained(model: LanguageModel, options: AdapterOptions, seed: number): Delta<AdapterConfig> {
  const delta = own(adapter(model, options, random(seed)));
  const parameters = mapParameters(delta.parameters, (value, name) =>
    tidy(() => add(value, random(seed).at(name).normal(value.shape, 0, 0.3))),
  );
  return own({ ...delta, parameters });
}

const logitsOf = (model: Pick<LanguageModel, "forward" | "sites">, batch: ReturnType<typeof tinyBatch>): number[] =>
  tidy(() => Array.from(model.forward(batch).logits!.dataSync()));

// V is 1e-6 off the identity at the start.
const nearly = { absolute: 1e-4, relative: 1e-4 };

test.each(["houlsby", "pfeiffer", "parallel", "feed-forward"] as const)(
  "at the start one adapter alone, and two that are equal, do what it does by itself (%s)",
  (placement) => {
    const model = own(tinyModel());
    const batch = tinyBatch(model);
    const news = trained(model, { placement, bottleneck: 3 }, 1);
    const alone = logitsOf(attach(model, news), batch);
    for (const adapters of [{ news }, { news, again: news }]) {
      const fused = own(adapterFusion(model, { adapters }, random(3)));
      expect(logitsOf(attach(model, fused), batch)).toBeAllClose(alone, nearly);
    }
    disposeFields(batch);
  },
);

test("the adapters come along frozen, in a stack, in files, and with their own settings", async () => {
  const model = own(tinyModel());
  const batch = tinyBatch(model);
  const news = trained(model, { bottleneck: 3, activation: "tanh" }, 1);
  const reviews = trained(model, { bottleneck: 2, scale: 0.5 }, 2);
  const fused = own(adapterFusion(model, { adapters: { news, reviews } }, random(3)));
  expect([...fused.parameters.keys()].every((name) => name.includes(".fusion."))).toBe(true);
  expect(fused.config.adapters).toEqual({ news: news.config, reviews: reviews.config });
  for (const [name, value] of news.parameters)
    expect(fused.buffers.get(`news/${name}`)!.dataSync()).toEqual(value.dataSync());
  const files = memory();
  const tuned = attach(model, fused);
  expect(await saveAdapter(tuned, files, { untrained: true })).toEqual({
    format: "native",
    reason: 'PEFT has no method "adapterFusion"',
  });
  const loaded = own(await loadAdapter(model, files));
  expect(logitsOf(attach(model, loaded), batch)).toEqual(logitsOf(tuned, batch));
  disposeFields(batch);
});

test("adapters at different places, of other models and other methods are refused by name", () => {
  const model = own(tinyModel());
  const fuse = (adapters: Readonly<Record<string, unknown>>) => () =>
    adapterFusion(model, { adapters } as never, random(1));
  expect(fuse({})).toThrow(/pass adapters by name, got none/);
  expect(fuse({ a: {}, b: { placement: "parallel" } })).toThrow(/"a" sits at "houlsby" .* and "b" at "parallel"/);
  expect(fuse({ a: {}, b: { layers: [1] } })).toThrow(/in the layers 0, 1, and "b" at "houlsby" in the layers 1/);
  expect(fuse({ a: own(lora(model, {}, random(1))) })).toThrow(/"a" is a delta of the kind "lora"/);
  expect(fuse({ a: { botleneck: 2 } })).toThrow(/is "bottleneck" meant/);
  const wide = own(tinyModel({ type: "llama" }));
  expect(fuse({ a: own(adapter(wide, { bottleneck: 2 }, random(1))) })).toThrow(/"a" was made for another model/);
});
