import { type Files, memory } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { expect, test } from "vitest";
import { type EmbedOptions, embed } from "../embed.ts";
import { type Family, fixture, fixtureJson, type Numbers } from "../fixtures.ts";
import { loadModel } from "../load.ts";
import { saveModel } from "../save.ts";
import { loadTokenizer } from "../tokenizer.ts";

interface Folder {
  readonly name: string;
  readonly family: Family;
  /** Besides those of the model and the tokenizer, base64 by name. */
  readonly files: Readonly<Record<string, string>>;
  readonly options: EmbedOptions;
  readonly vectors: Numbers;
}

const golden = fixtureJson<{ readonly texts: readonly string[]; readonly folders: readonly Folder[] }>(
  "embeddings/golden.json",
);
const folders = golden.folders.map((each) => [each.name, each] as const);

/** The folder as the library had it. */
async function filesOf({ family, files }: Pick<Folder, "family" | "files">): Promise<Files> {
  const [base, tokens] = [fixture(`${family}/base`), fixture(family)];
  const decoded = Object.entries(files).map(([name, text]) => [name, Buffer.from(text, "base64")] as const);
  return memory({
    "config.json": await base.read("config.json"),
    "model.safetensors": await base.read("model.safetensors"),
    "tokenizer.json": await tokens.read("tokenizer.json"),
    ...Object.fromEntries(decoded),
  });
}

const rowsOf = ({ shape, values }: Numbers): number[][] =>
  Array.from({ length: shape[0]! }, (_, i) => values.slice(i * shape[1]!, (i + 1) * shape[1]!));

test.each(folders)("a folder gives sentence-transformers' vectors: %s", async (_, folder) => {
  const files = await filesOf(folder);
  const model = await loadModel(files);
  const vectors = await embed(model, await loadTokenizer(files), golden.texts, folder.options);
  for (const [i, expected] of rowsOf(folder.vectors).entries()) {
    expect(vectors[i]).toBeAllClose(expected, { absolute: 1e-5, relative: 1e-5 });
  }
  disposeParameters(model.parameters);
});

const named = (name: string): Folder => golden.folders.find((each) => each.name === name)!;

test("lower case changes what a cased tokenizer reads", () => {
  const [lower, kept] = [named("old folder, lower case"), named("old folder, case kept")];
  const mixed = golden.texts.findIndex((text) => text.toLowerCase() !== text);
  expect(rowsOf(lower.vectors)[mixed]).not.toBeAllClose(rowsOf(kept.vectors)[mixed]!);
});

test("an adjusted copy of a folder keeps what it says of vectors, dense layers included", async () => {
  const folder = named("saved, two dense modules and normalised");
  const files = await filesOf(folder);
  const model = await loadModel(files);
  const copy = memory();
  await saveModel(model, copy, { tokenizer: await loadTokenizer(files) });
  const [first] = await embed(model, await loadTokenizer(copy), golden.texts);
  expect(first).toBeAllClose(rowsOf(folder.vectors)[0]!, { absolute: 1e-5 });
  disposeParameters(model.parameters);
});

test("a folder that cannot be listed, as over HTTP, has its dense layers", async () => {
  const folder = named("saved, normalised before a linear module");
  const files = await filesOf(folder);
  const list = (): Promise<never> => Promise.reject(new Error("there is no listing"));
  const model = await loadModel(files);
  const [first] = await embed(model, await loadTokenizer({ ...files, list }), golden.texts);
  expect(first).toBeAllClose(rowsOf(folder.vectors)[0]!, { absolute: 1e-5 });
  disposeParameters(model.parameters);
});

test("options go before the folder", async () => {
  const files = await filesOf(named("old folder, two modes, cut to seven tokens"));
  const model = await loadModel(files);
  const tokenizer = await loadTokenizer(files);
  const plain = rowsOf(named("old folder, weightedmean").vectors);
  const options: EmbedOptions = { pooling: "weighted-mean", normalise: false, maxLength: 24 };
  const vectors = await embed(model, tokenizer, golden.texts, options);
  for (const [i, vector] of vectors.entries()) expect(vector).toBeAllClose(plain[i]!, { absolute: 1e-5 });
  disposeParameters(model.parameters);
});

const dense = {
  "modules.json": [
    { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
    { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
    { idx: 2, name: "2", path: "2_Dense", type: "sentence_transformers.models.Dense" },
  ],
  "1_Pooling/config.json": { word_embedding_dimension: 20, pooling_mode_mean_tokens: true },
  "2_Dense/config.json": { in_features: 20, out_features: 7 },
};
const modulesWith = (type: string) => ({
  ...dense,
  "modules.json": [...dense["modules.json"].slice(0, 2), { path: "2", type }],
});
const general = "config_sentence_transformers.json";

test.each<[string, Readonly<Record<string, unknown>>, EmbedOptions, string]>([
  [
    "a module of another kind",
    modulesWith("sentence_transformers.models.LayerNorm"),
    {},
    'the module "sentence_transformers.models.LayerNorm"',
  ],
  ["a module of somebody's own", modulesWith("custom.Pooling"), {}, 'the module "custom.Pooling"'],
  [
    "two poolings in a row",
    modulesWith("sentence_transformers.models.Pooling"),
    {},
    "read are a Transformer in the folder itself",
  ],
  [
    "a key of pooling",
    { ...dense, "1_Pooling/config.json": { pooling_mode_mean: true } },
    {},
    'embed: 1_Pooling/config.json: unknown key "pooling_mode_mean"',
  ],
  ["a pooling by name", { ...dense, "1_Pooling/config.json": { pooling_mode: "median" } }, {}, "pooling_mode"],
  ["a key of the transformer", { "sentence_bert_config.json": { max_seq_len: 3 } }, {}, 'is "max_seq_length" meant?'],
  ["another task", { "sentence_bert_config.json": { transformer_task: "fill-mask" } }, {}, "transformer_task"],
  ["another model type", { [general]: { model_type: "SparseEncoder" } }, {}, "model_type"],
  [
    "a residual dense layer",
    { ...dense, "2_Dense/config.json": { in_features: 20, out_features: 7, use_residual: true } },
    {},
    "use_residual",
  ],
  [
    "an activation",
    { ...dense, "2_Dense/config.json": { in_features: 20, out_features: 7, activation_function: "mine.Swish" } },
    {},
    'the activation "mine.Swish"',
  ],
  ["weights that are absent", dense, {}, "lacks 2_Dense/model.safetensors"],
  [
    "a prompt that does not exist",
    { [general]: { prompts: { query: "q: " } } },
    { prompt: "quary" },
    'no prompt "quary"; is "query" meant?',
  ],
  ["more dimensions than there are", {}, { dimensions: 21 }, "dimensions must be at most 20"],
  ["no dimensions", {}, { dimensions: 0 }, "dimensions must be a whole number from 1"],
  ["a file that is no JSON", { "modules.json": "[" }, {}, "modules.json is no JSON"],
])("%s is refused by name", async (_, files, options, message) => {
  const bytes = Object.entries(files).map(([name, value]) => [
    name,
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64"),
  ]);
  const folder = await filesOf({ family: "bert", files: Object.fromEntries(bytes) });
  const model = await loadModel(folder);
  await expect(embed(model, await loadTokenizer(folder), ["a dog"], options)).rejects.toThrow(message);
  disposeParameters(model.parameters);
});
