import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, openSafetensors, random, saveSafetensors } from "@cambium/core";
import { tinyModel } from "@cambium/models/testing";
import { tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { expectGolden, expectSavedAgain, goldenFolder, loadGoldenBase, withGolden } from "../files/golden.fixture.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { disposeDelta } from "../testing/laws.ts";
import { arbitrary } from "./arbitrary.ts";
import type { ArbitraryOptions } from "./options.ts";

const adapters = ["bert-shira", "llama-shira"];

test.each(adapters)("%s computes what PEFT computes", (name) => expectGolden(name));

test.each(adapters)("%s saved again is PEFT's file", (name) =>
  expectSavedAgain(name, ["peft_type", "task_type", "r", "mask_type", "fan_in_fan_out", "init_weights"]),
);

/** Saves a delta away from its start. */
async function saved(options: ArbitraryOptions, type = "bert") {
  const model = tinyModel({ type });
  const start = arbitrary(model, options, random(1));
  const parameters = mapParameters(start.parameters, (value) => random(2).normal(value.shape));
  const files = memory();
  const { format, reason } = await saveAdapter(attach(model, { ...start, parameters }), files, { withoutHead: true });
  disposeDelta(start);
  disposeParameters(parameters);
  disposeParameters(model.parameters);
  return { format, reason, files };
}

test("a choice with as many entries in each layer as a LoRA becomes a PEFT folder", async () => {
  // Queries are 8 x 8, so that a rank of 2 is 32 entries of each of the two.
  const options = { count: 64, roles: ["attn.q"], excludeVectors: true, minPerLayer: 32, maxPerLayer: 32 };
  const { format, files } = await saved(options);
  expect(format).toBe("peft");
  const config = JSON.parse(new TextDecoder().decode(await files.read("adapter_config.json")));
  expect(config).toMatchObject({ peft_type: "SHIRA", r: 2, target_modules: ["query"] });
  const { entries } = await openSafetensors(files, "adapter_model.safetensors");
  expect([...entries].map(([key, { dtype, shape }]) => [key, dtype, shape])).toEqual(
    expect.arrayContaining([
      ["base_model.model.bert.encoder.layer.0.attention.self.query.shira_indices", "I32", [2, 32]],
      ["base_model.model.bert.encoder.layer.0.attention.self.query.shira_weight", "F32", [32]],
    ]),
  );
});

test.each<[string, ArbitraryOptions, string, string | undefined]>([
  ["biases", { count: 10, pool: "bias" }, "linear layers alone", undefined],
  ["rows", { count: 64, granularity: "row", roles: ["attn.q"], excludeVectors: true }, "single entries", undefined],
  [
    "another number of entries",
    { count: 10, roles: ["attn.q"], layers: [0], excludeVectors: true },
    "a multiple of 8 + 8",
    undefined,
  ],
  [
    "weights stored transposed",
    { count: 32, roles: ["attn.qkv"], excludeVectors: true },
    "linear layers alone",
    "gpt2",
  ],
])("%s are no PEFT file, with the reason", async (_, options, reason, type) => {
  const result = await saved(options, type);
  expect(result.format).toBe("native");
  expect(result.reason).toContain(reason);
});

test("entries out of order or twice are refused", () =>
  withGolden("bert-shira", async ({ base }) => {
    const theirs = await openSafetensors(goldenFolder("bert-shira"), "adapter_model.safetensors");
    const files = memory();
    await files.write("adapter_config.json", await goldenFolder("bert-shira").read("adapter_config.json"));
    const tensors = new Map();
    for (const key of theirs.entries.keys()) tensors.set(key, await theirs.tensor(key));
    const key = [...tensors.keys()].find((name) => name.endsWith("shira_indices"))!;
    const [rows, columns] = [await theirs.values(key)]
      .map((all) => [...(all as Int32Array)])
      .flatMap((all) => [all.slice(0, all.length / 2), all.slice(all.length / 2)]);
    tensors.get(key).dispose();
    tensors.set(key, tensor2d([rows!.with(1, rows![0]!), columns!.with(1, columns![0]!)], undefined, "int32"));
    await saveSafetensors(files, "adapter_model.safetensors", tensors);
    await expect(loadAdapter(base, files)).rejects.toThrow("twice, or not in the order of its rows");
    disposeParameters(tensors);
  }));

test("a SHiRA on a model of other widths is an error that names the layer", async () => {
  const base = await loadGoldenBase("models/fixtures/llama/linear");
  await expect(loadAdapter(base, goldenFolder("bert-shira"))).rejects.toMatchObject({ code: "FORMAT" });
  disposeParameters(base.parameters);
});
