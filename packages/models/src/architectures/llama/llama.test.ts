import { memory } from "@cambium/base";
import { disposeParameters, saveSafetensors } from "@cambium/core";
import { ones } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fixture } from "../../fixtures.ts";
import { describeGoldenDecoder } from "../../golden-decoder.fixture.ts";
import { loadModel } from "../../load.ts";
import { saveModel } from "../../save.ts";

describeGoldenDecoder("llama", ["llama3", "linear"]);

test("frequencies that old files hold are no parameters", async () => {
  const model = await loadModel(fixture("llama/bare"));
  const files = memory();
  await saveModel(model, files);
  const held = ["layers.0.self_attn.rotary_emb.inv_freq", "rotary_emb.inv_freq"];
  const stored = [...model.parameters].map(([name, tensor]) => [model.fileName(name), tensor] as const);
  const frequencies = ones([2]);
  await saveSafetensors(
    files,
    "model.safetensors",
    new Map([...stored, ...held.map((name) => [name, frequencies] as const)]),
  );
  const again = await loadModel(files);
  expect([...again.parameters.keys()]).toEqual([...model.parameters.keys()]);
  for (const { parameters } of [model, again]) disposeParameters(parameters);
  frequencies.dispose();
});
