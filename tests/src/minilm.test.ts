import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { disposeParameters, useBackend } from "@cambium/core";
import { capture, collate, embed, type LanguageModel, loadModel, loadTokenizer, type Tokenizer } from "@cambium/models";
import "@cambium/testing";
import { norm, slice, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";

// A real model beside what transformers computed with it, where the model is at hand: a folder of
// sentence-transformers/all-MiniLM-L6-v2 with its golden.json, named by CAMBIUM_MINILM.

const folder = process.env["CAMBIUM_MINILM"] ?? join(root, "../shared/models/all-minilm-l6-v2");
const isThere = existsSync(join(folder, "golden.json"));
if (!isThere) console.log(`skipped: no MiniLM at ${folder}; set CAMBIUM_MINILM to its folder`);

interface Golden {
  readonly max_length: number;
  readonly sentences: readonly string[];
  readonly input_ids: readonly (readonly number[])[];
  readonly embedding_first8: readonly (readonly number[])[];
  readonly cosine: readonly (readonly number[])[];
  readonly cls_hidden_norm_per_layer: readonly (readonly number[])[];
}

describe.runIf(isThere)("MiniLM gives transformers' numbers", () => {
  let golden: Golden;
  let model: LanguageModel;
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    await useBackend();
    golden = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as Golden;
    model = await loadModel(folder);
    tokenizer = await loadTokenizer(folder);
  });
  afterAll(() => disposeParameters(model.parameters));

  test("ids are equal", () => {
    const ids = golden.sentences.map((text) => tokenizer.encode(text, undefined, { maxLength: golden.max_length }).ids);
    expect(ids).toEqual(golden.input_ids);
  });

  test("embeddings and their cosines are equal", async () => {
    const options = { pooling: "mean", normalise: true, maxLength: golden.max_length } as const;
    const vectors = await embed(model, tokenizer, golden.sentences, options);
    expect(vectors.map((vector) => [...vector.slice(0, 8)])).toBeAllClose(golden.embedding_first8, { absolute: 1e-4 });
    const cosines = vectors.map((a) => vectors.map((b) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)));
    expect(cosines).toBeAllClose(golden.cosine, { absolute: 1e-4 });
  });

  test("embeddings of the model in 8 bits point nearly the same way", async () => {
    const rounded = await loadModel(folder, { frozen: "int8" });
    const options = { pooling: "mean", normalise: true, maxLength: golden.max_length } as const;
    const vectors = await embed(rounded, tokenizer, golden.sentences, options);
    const plain = await embed(model, tokenizer, golden.sentences, options);
    for (const [i, vector] of vectors.entries())
      expect(vector.reduce((sum, value, j) => sum + value * plain[i]![j]!, 0)).toBeGreaterThan(0.985); // 0.994 was the least of 32
    disposeParameters(rounded.parameters);
  });

  test("the first token's norm is equal after every layer", async () => {
    const batch = collate(model, tokenizer, { maxLength: golden.max_length })(
      golden.sentences.map((text) => ({ text })),
    );
    const norms = tidy(() => {
      const { captured } = capture(model, batch, ["embed.norm", "block"]);
      return [...captured.values()].map((hidden) => norm(slice(hidden, [0, 0, 0], [-1, 1, -1]), "euclidean", [1, 2]));
    });
    const byLayer = await Promise.all(norms.map(async (tensor: Tensor) => [...(await tensor.data())]));
    const bySentence = golden.sentences.map((_, i) => byLayer.map((layer) => layer[i]!));
    expect(bySentence).toBeAllClose(golden.cls_hidden_norm_per_layer, { absolute: 1e-4 });
    disposeParameters(new Map(norms.map((tensor, i) => [String(i), tensor])));
    disposeParameters(new Map(Object.entries(batch)));
  });
});
