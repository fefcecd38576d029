import { disposeParameters } from "@cambium/core";
import { countLayout, loadModel, loadTokenizer, modelLayout } from "@cambium/models";
import { expect, test } from "vitest";
import { type SaplingInfo, saplings } from "./catalog.ts";
import { type SaplingOptions, sapling } from "./sapling.ts";

const heads = { encoder: "masked-lm", decoder: "causal-lm", "encoder-decoder": "sequence-to-sequence" } as const;

/** Sizes under the names of a family's config. */
function sizesOf({ kind, layers, width, heads: count, maxLength }: Omit<SaplingInfo, "name" | "version">): object {
  if (kind === "encoder-decoder")
    return { num_layers: layers, num_decoder_layers: layers, d_model: width, num_heads: count };
  const shared = { num_hidden_layers: layers, hidden_size: width, num_attention_heads: count };
  return { ...shared, max_position_embeddings: maxLength };
}

test.each(saplings)("$name version $version is shipped as the list says", async ({ name, version, ...info }) => {
  const files = sapling(name, { version });
  const weights = (await files.list()).find((file) => file.name === "model.safetensors");
  expect(weights?.sizeBytes).toBe(info.sizeBytes);
  const { config, parameters } = await loadModel(files);
  disposeParameters(parameters);
  expect(config).toMatchObject({ ...sizesOf(info), vocab_size: info.vocabularySize });
  const pooler = info.kind === "encoder" ? info.width * (info.width + 1) : 0;
  expect(countLayout(modelLayout(config, { head: { kind: heads[info.kind] } })) + pooler).toBe(info.parameterCount);
  expect((await loadTokenizer(files)).vocabularySize).toBe(info.vocabularySize);
});

test("no version of a model is listed twice", () => {
  const names = saplings.map(({ name, version }) => `${name}-v${version}`);
  expect(new Set(names).size).toBe(names.length);
});

test("all versions of a model have one tokeniser", async () => {
  for (const { name, version } of saplings) {
    const [one, first] = await Promise.all(
      [sapling(name, { version }), sapling(name)].map((files) => files.read("tokenizer.json")),
    );
    expect(one).toEqual(first);
  }
});

test("the package stays below 40 MB", async () => {
  const sizes = await Promise.all(saplings.map(({ name, version }) => sapling(name, { version }).list()));
  expect(sizes.flat().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThan(40e6);
});

test("an unknown version names those there are", () => {
  expect(() => sapling("bert-2x128", { version: 2 })).toThrow(
    "there is no bert-2x128 version 2; there are bert-2x128 version 1, bert-4x256 version 1",
  );
  expect(() => sapling("bert-2x128", { version: 3 } as unknown as SaplingOptions)).toThrow("version 3");
});
