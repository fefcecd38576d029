import { memory } from "@cambium/base";
import { disposeParameters, openSafetensors } from "@cambium/core";
import { replicateLayers } from "@cambium/models";
import { disposeFields } from "@cambium/models/testing";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { type Golden, goldenBatch, goldenFolder, goldenJson, goldenLogits, loadGoldenBase } from "./golden.fixture.ts";
import { loadAdapter } from "./load-adapter.ts";
import { saveAdapter } from "./save-adapter.ts";

test("an adapter on repeated layers does what PEFT's does, wants these layers, and is written as it was", async () => {
  const name = "llama-replicated";
  const golden = goldenJson<Golden>(name, "expected.json");
  const base = await loadGoldenBase(golden.base);
  const ranges = [
    [0, 2],
    [0, 1],
    [1, 2],
  ] as const;
  await expect(loadAdapter(base, goldenFolder(name))).rejects.toThrow(
    /"layer_replication" \[\[0,2\],\[0,1\],\[1,2\]\].*replicateLayers\(base, \[\[0,2\],\[0,1\],\[1,2\]\]\)/,
  );
  const deep = replicateLayers(base, ranges);
  await expect(loadAdapter(deep, goldenFolder("llama-lora"))).rejects.toThrow(/has no "layer_replication"/);
  const delta = await loadAdapter(deep, goldenFolder(name));
  const tuned = attach(deep, delta);
  const batch = goldenBatch(golden.batch);
  const logits = goldenLogits(tuned, batch, deep);
  // Float32 implementations of random models differ by up to 9e-6 in logits.
  expect(Array.from(logits.dataSync())).toBeAllClose(golden.logits.values, { absolute: 1e-4, relative: 1e-4 });
  const files = memory();
  expect(await saveAdapter(tuned, files)).toEqual({ format: "peft" });
  const config = JSON.parse(new TextDecoder().decode(await files.read("adapter_config.json"))) as object;
  expect(config).toMatchObject({ layer_replication: ranges });
  const keysOf = async (source: typeof files): Promise<string[]> =>
    [...(await openSafetensors(source, "adapter_model.safetensors")).entries.keys()].sort();
  expect(await keysOf(files)).toEqual(await keysOf(goldenFolder(name)));
  logits.dispose();
  for (const { parameters } of [delta, base]) disposeParameters(parameters);
  disposeFields(batch);
});
