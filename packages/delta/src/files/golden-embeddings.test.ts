import { memory } from "@cambium/base";
import { disposeParameters, openSafetensors, random, saveSafetensors } from "@cambium/core";
import { createModel } from "@cambium/models";
import { add, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import {
  expectGolden,
  expectSavedAgain,
  goldenFolder,
  goldenJson,
  loadGoldenBase,
  withGolden,
} from "./golden.fixture.ts";
import { loadAdapter } from "./load-adapter.ts";
import { saveAdapter } from "./save-adapter.ts";

const adapters = [...["bert", "gpt2", "llama", "t5"].map((base) => `${base}-embeddings`), "llama-words"];
const biased = ["bert-biases", "bert-lora-biases", "gpt2-biases", "llama-biases"];

test.each([...adapters, ...biased])("%s computes what PEFT computes", (name) => expectGolden(name));

const fields = ["peft_type", "task_type", "r", "lora_alpha", "use_rslora", "bias"];

test.each([...adapters, ...biased])("%s saved again is PEFT's file, but for copies of what is not trained", (name) =>
  withGolden(name, async (tuned) => {
    const files = memory();
    expect(await saveAdapter(tuned, files)).toEqual({ format: "peft" });
    const [ours, theirs] = await Promise.all(
      [files, goldenFolder(name)].map((source) => openSafetensors(source, "adapter_model.safetensors")),
    );
    const isCopy = (key: string): boolean => /\.base_layer\.weight$|\.(original_module|modules_to_save)\./.test(key);
    const kept = [...theirs!.entries.keys()].filter((key) => !isCopy(key));
    expect([...ours!.entries.keys()].sort()).toEqual(kept.sort());
    for (const key of kept) expect(await ours!.values(key), key).toEqual(await theirs!.values(key));
    const [config, their] = [
      JSON.parse(new TextDecoder().decode(await files.read("adapter_config.json"))),
      goldenJson<Record<string, unknown>>(name, "adapter_config.json"),
    ];
    for (const field of fields) expect([field, config[field]]).toEqual([field, their[field]]);
  }),
);

test("P-tuning by an LSTM computes what PEFT computes, and saved again is PEFT's file", async () => {
  await expectGolden("gpt2-ptuning-lstm");
  await expectSavedAgain("gpt2-ptuning-lstm", ["peft_type", "task_type", "num_virtual_tokens", "token_dim"]);
});

test("a whole table beside an adapter has to be the base's", async () => {
  const base = await loadGoldenBase("models/fixtures/llama/linear");
  const source = await openSafetensors(goldenFolder("llama-embeddings"), "adapter_model.safetensors");
  const tensors = await source.load();
  const key = "base_model.model.model.embed_tokens.base_layer.weight";
  const copy = async (change: (name: string, value: ReturnType<typeof tensors.get> & object) => unknown) => {
    const files = memory({
      "adapter_config.json": JSON.stringify(goldenJson("llama-embeddings", "adapter_config.json")),
    });
    const changed = new Map(
      [...tensors].map(([name, value]) => [name, tidy(() => change(name, value) as typeof value)]),
    );
    await saveSafetensors(files, "adapter_model.safetensors", changed);
    for (const value of changed.values()) value.dispose();
    return files;
  };
  const moved = await copy((name, value) => (name === key ? add(value, 1e-3) : value.clone()));
  await expect(loadAdapter(base, moved)).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(/was made for another base: .*embed_tokens\.base_layer\.weight.*not this model's/),
  });
  const other = createModel(base.config, random(3), { head: base.head! });
  await expect(loadAdapter(other, goldenFolder("llama-embeddings"))).rejects.toThrow(/was made for another base/);
  for (const tree of [tensors, base.parameters, other.parameters]) disposeParameters(tree);
});
