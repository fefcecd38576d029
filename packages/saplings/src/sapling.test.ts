import { disposeParameters } from "@cambium/core";
import { countLayout, loadModel, loadTokenizer, modelLayout } from "@cambium/models";
import { expect, test } from "vitest";
import { saplings } from "./catalog.ts";
import { type SaplingOptions, sapling } from "./sapling.ts";

const masked = { kind: "masked-lm" } as const;

test.each(saplings)("$name version $version is shipped as the list says", async ({ name, version, ...info }) => {
  const files = sapling(name, { version });
  const weights = (await files.list()).find((file) => file.name === "model.safetensors");
  expect(weights?.sizeBytes).toBe(info.sizeBytes);
  const { config, parameters } = await loadModel(files);
  disposeParameters(parameters);
  expect(config).toMatchObject({
    num_hidden_layers: info.layers,
    hidden_size: info.width,
    num_attention_heads: info.heads,
    max_position_embeddings: info.maxLength,
    vocab_size: info.vocabularySize,
  });
  const pooler = info.width * (info.width + 1);
  expect(countLayout(modelLayout(config, { head: masked })) + pooler).toBe(info.parameterCount);
  expect((await loadTokenizer(files)).vocabularySize).toBe(info.vocabularySize);
});

test("all versions have one tokeniser", async () => {
  const tokenizers = await Promise.all(
    saplings.map(({ name, version }) => sapling(name, { version }).read("tokenizer.json")),
  );
  for (const bytes of tokenizers) expect(bytes).toEqual(tokenizers[0]);
});

test("the package stays below 30 MB", async () => {
  const sizes = await Promise.all(saplings.map(({ name, version }) => sapling(name, { version }).list()));
  expect(sizes.flat().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThan(30e6);
});

test("an unknown version names those there are", () => {
  expect(() => sapling("bert-2x128", { version: 2 })).toThrow(
    "there is no bert-2x128 version 2; there are bert-2x128 version 1, bert-4x256 version 1",
  );
  expect(() => sapling("bert-2x128", { version: 3 } as unknown as SaplingOptions)).toThrow("version 3");
});
