import { disposeParameters, random } from "@cambium/core";
import { tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createModel, modelLayout } from "../../create.ts";
import { countLayout } from "../../layout.ts";
import { parseDistilBertConfig } from "./config.ts";

const small = { model_type: "distilbert", vocab_size: 53, dim: 20, n_layers: 3, n_heads: 5, hidden_dim: 28 } as const;

const parse = (more: object, from: "user" | "file" = "file") =>
  parseDistilBertConfig("test", { ...small, ...more }, from);

test("what is left out has transformers' defaults", () => {
  expect(parse({}, "user")).toEqual({
    ...small,
    max_position_embeddings: 512,
    sinusoidal_pos_embds: false,
    activation: "gelu",
    dropout: 0.1,
    attention_dropout: 0.1,
    seq_classif_dropout: 0.2,
    qa_dropout: 0.1,
    initializer_range: 0.02,
  });
});

test("what stands in released files is read and kept", () => {
  const given = { tie_weights_: true, qa_dropout: 0.1, pad_token_id: 0, architectures: ["DistilBertForMaskedLM"] };
  expect(parse(given)).toMatchObject(given);
});

test.each([
  [{ n_heads: 3 }, "dim must be a multiple of n_heads, got 20 and 3"],
  [{ is_decoder: true }, '"is_decoder"'],
  [{ tie_word_embeddings: false }, '"tie_word_embeddings"'],
  [{ activation: "gloo" }, '"activation"'],
])("a variant that is not supported is refused by name: %j", (given, message) => {
  expect(() => parse(given)).toThrow(message);
});

test("it has as many parameters as its release", () => {
  const count = (head?: { readonly kind: "masked-lm" }): number =>
    countLayout(modelLayout({ model_type: "distilbert" }, head === undefined ? {} : { head }));
  expect([count(), count({ kind: "masked-lm" })]).toEqual([66_362_880, 66_985_530]);
});

test("positions that start as waves are sines and cosines", () => {
  const config = { ...small, dim: 4, n_heads: 2, max_position_embeddings: 3, sinusoidal_pos_embds: true };
  const { parameters } = createModel(config, random(1));
  const positions = parameters.get("embeddings.position_embeddings.weight")!;
  const rows = [0, 1, 2].map((row) => [row, row / 100].flatMap((angle) => [Math.sin(angle), Math.cos(angle)]));
  tidy(() => {
    expect(positions).toBeAllClose(tensor2d(rows));
  });
  disposeParameters(parameters);
});
