import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { attach, head, lora, saveAdapter } from "@cambium/delta";
import { embed, loadModel, loadTokenizer, saveModel } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import type { Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-models-"));
const [model, adapter] = [join(folder, "sapling"), join(folder, "adapter")];
afterAll(() => rmSync(folder, { recursive: true }));

/** A sapling in a folder, and an adapter for it whose values are random. */
beforeAll(async () => {
  await useBackend("cpu");
  const source = sapling("bert-2x128");
  const base = await loadModel(source, {
    head: { kind: "sequence-classification", labels: ["ham", "spam"] },
    random: random(1),
  });
  const tokenizer = await loadTokenizer(source);
  const body = await loadModel(source);
  await saveModel(body, model, { tokenizer });
  const tuned = attach(base, lora(base, { rank: 2 }, random(2)), head(base));
  const values = new Map(
    [...tuned.parameters].map(([name, { shape }]) => [name, random(3).at(name).normal(shape, 0, 0.5) as Tensor]),
  );
  await saveAdapter(tuned.with(values), adapter);
  for (const tree of [base.parameters, body.parameters, tuned.parameters, values]) disposeParameters(tree);
});

writeFileSync(join(folder, "there.gguf"), "");
writeFileSync(join(folder, "rows.csv"), 'id,message\n1,"a, b c"\n2,\n3,"d\ne f"\n');
writeFileSync(join(folder, "rows.xlsx"), "PK");
writeFileSync(join(folder, "latin.txt"), Uint8Array.of(0x63, 0x61, 0x66, 0xe9));

const texts = ["you have won a prize", "see you tomorrow"];

interface Predicted {
  readonly text: string;
  readonly prediction: readonly { readonly label: string; readonly score: number }[];
}

async function predictions(args: readonly string[]): Promise<readonly Predicted[]> {
  const { code, out, errors } = await recorded(["predict", ...args, "--json"]);
  expect(errors).toEqual([]);
  expect(code).toBe(0);
  return out.map((line) => JSON.parse(line));
}

test("an adapter brings its labels along, and merged into the model it predicts the same", async () => {
  const apart = await predictions([model, "--adapter", adapter, ...texts]);
  expect(apart.map(({ text }) => text)).toEqual(texts);
  for (const { prediction } of apart) {
    expect(prediction.map(({ label }) => label).sort()).toEqual(["ham", "spam"]);
    expect(prediction[0]!.score + prediction[1]!.score).toBeCloseTo(1, 6);
  }
  const out = join(folder, "merged");
  expect(await recorded(["merge", model, "--adapter", adapter, "--out", out])).toMatchObject({
    code: 0,
    out: [`bert with a sequence-classification head in ${out}`],
  });
  const merged = await predictions([out, ...texts]);
  merged.forEach(({ prediction }, i) => {
    for (const [j, { label, score }] of prediction.entries()) {
      expect(label).toBe(apart[i]!.prediction[j]!.label);
      expect(score).toBeCloseTo(apart[i]!.prediction[j]!.score, 5);
    }
  });
  const again = await recorded(["merge", model, "--adapter", adapter, "--out", out]);
  expect(again).toMatchObject({ code: 2, errors: [expect.stringContaining("is not empty")] });
});

test("layers are held in few bits where that is asked for, and refused where they cannot be", async () => {
  const [plain, ...held] = await Promise.all(
    [[], ["--frozen", "int8"], ["--frozen", "int4"]].map((flags) =>
      predictions([model, "--adapter", adapter, ...flags, texts[0]!]),
    ),
  );
  const scoreOf = (rows: readonly Predicted[]): number =>
    rows[0]!.prediction.find(({ label }) => label === "ham")!.score;
  for (const rows of held) {
    expect(scoreOf(rows)).not.toBe(scoreOf(plain!));
    expect(Math.abs(scoreOf(rows) - scoreOf(plain!))).toBeLessThan(0.1);
  }
  const run = (form: string) => recorded(["predict", model, "--adapter", adapter, "--frozen", form, texts[0]!]);
  expect(await run("int3")).toMatchObject({
    code: 2,
    errors: [expect.stringContaining("int8, int4, as-stored"), expect.anything()],
  });
  expect(await run("as-stored")).toMatchObject({ code: 2, errors: [expect.stringContaining("no matrix in")] });
});

test("a model with its adapter becomes a folder for transformers.js", async () => {
  const out = join(folder, "onnx");
  expect(await recorded(["export", model, "--adapter", adapter, "--format", "onnx", "--out", out])).toMatchObject({
    code: 0,
    out: [`bert as onnx in ${out}`],
  });
  expect(readdirSync(out)).toEqual(expect.arrayContaining(["config.json", "onnx", "tokenizer.json"]));
  expect(readdirSync(join(out, "onnx"))).toEqual(["model.onnx"]);
  expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8"))).toMatchObject({
    architectures: ["BertForSequenceClassification"],
    id2label: { 0: "ham", 1: "spam" },
  });
});

test("vectors of a file are those of the library, and the file is there whole", async () => {
  const [input, out] = [join(folder, "texts.txt"), join(folder, "vectors.jsonl")];
  writeFileSync(input, `\uFEFF${texts[0]}\r\n\r\n${texts[1]}\n`);
  const { code, errors } = await recorded(["embed", model, "--input", input, "--out", out, "--normalise"]);
  expect([code, errors]).toEqual([0, [`2 vectors in ${out}`]]);
  const lines = readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const base = await loadModel(model);
  const wanted = await embed(base, await loadTokenizer(model), texts, { normalise: true });
  expect(lines.map(({ text }) => text)).toEqual(texts);
  for (const [i, { vector }] of lines.entries()) {
    for (const [j, value] of vector.entries()) expect(value).toBeCloseTo(wanted[i]![j]!, 5);
  }
  disposeParameters(base.parameters);
});

test("texts that are cut are counted", async () => {
  const long = "a cat sat on a mat ".repeat(100);
  const embedded = await recorded(["embed", model, "a cat", long]);
  expect(embedded).toMatchObject({ code: 0, errors: [expect.stringMatching(/^1 text of 2 cut to \d+ tokens: /)] });
  const predicted = await recorded(["predict", model, "--adapter", adapter, "a cat", long]);
  expect(predicted).toMatchObject({ code: 0, errors: [expect.stringMatching(/^1 text of 2 cut: \d+ tokens were/)] });
});

test("a table's texts are predicted for with their rows, and those that have none are said", async () => {
  const args = ["predict", model, "--adapter", adapter, "--input", join(folder, "rows.csv"), "--json"];
  const { code, out, errors } = await recorded(args);
  expect(code).toBe(0);
  expect(errors).toEqual(['1 row left out, there is no text (column "message"): 3']);
  expect(out.map((line) => JSON.parse(line))).toMatchObject([
    { text: "a, b c", row: 2 },
    { text: "d\ne f", row: 4 },
  ]);
});

test("pairs come from .jsonl files, and go back into the results", async () => {
  const input = join(folder, "pairs.jsonl");
  const rows = [{ text: "a premise", pair: "a hypothesis" }, { text: "alone" }];
  writeFileSync(input, rows.map((row) => JSON.stringify(row)).join("\n"));
  const predicted = await predictions([model, "--adapter", adapter, "--input", input]);
  expect(predicted).toMatchObject(rows);
});

test.each([
  ["no texts", ["embed", model], "give texts as arguments, or --input"],
  ["texts twice", ["embed", model, "a", "--input", "b.txt"], "not both"],
  ["a file that is not there", ["embed", model, "--input", "b.txt"], "there is no file b.txt"],
  [
    "a spreadsheet",
    ["predict", model, "--input", join(folder, "rows.xlsx")],
    "is a .xlsx file; give a file with one text a line",
  ],
  ["a folder that is not there", ["embed", model, "a", "--out", join(folder, "no", "a.jsonl")], "there is no folder"],
  ["another encoding", ["embed", model, "--input", join(folder, "latin.txt")], "latin.txt is not UTF-8"],
  ["a folder of texts", ["embed", model, "--input", folder], "is a folder; give a file with one text a line"],
  [
    "a column of no table",
    ["predict", model, "--text", "message", "a"],
    "--text is a column of a table; give one by --input",
  ],
  [
    "a column that the table lacks",
    ["predict", model, "--adapter", adapter, "--input", join(folder, "rows.csv"), "--text", "mesage"],
    'rows.csv has no column "mesage" for text, it has id, message; was "message" meant',
  ],
  ["a model without a head", ["predict", model, "a"], "without a head"],
  [
    "labels that nothing was trained for",
    ["predict", model, "--labels", "a,b", "x"],
    "random values say would mean nothing",
  ],
  [
    "other labels than the adapter's",
    ["predict", model, "--adapter", adapter, "--labels", "spam,ham", "x"],
    "in this order",
  ],
  ["no adapter", ["merge", model, "--out", "x"], "--adapter"],
  ["no format", ["export", model, "--out", "x"], "--format"],
  [
    "an adapter that is missing",
    ["export", model, "--format", "gguf-lora", "--out", "x.gguf"],
    "name one by --adapter",
  ],
  ["a folder for a file", ["export", model, "--format", "gguf", "--out", "x"], "must be a file that ends in .gguf"],
  ["a type for ONNX", ["export", model, "--format", "onnx", "--out", "x", "--dtype", "q8_0"], "is for GGUF files"],
  ["a family without GGUF files", ["export", model, "--format", "gguf", "--out", "x.gguf"], "saveGguf"],
  [
    "a file that is there",
    ["export", model, "--format", "gguf", "--out", join(folder, "there.gguf")],
    "is there already",
  ],
  [
    "another type",
    ["merge", model, "--adapter", adapter, "--out", "x", "--dtype", "F8"],
    "Allowed choices are F32, F16, BF16",
  ],
])("%s is told", async (_, args, message) => {
  const { code, errors } = await recorded(args);
  expect(code).toBeGreaterThan(0);
  expect(errors.join("\n")).toContain(message);
});

test("a bad line in the middle leaves no file behind", async () => {
  const [input, out] = [join(folder, "bad.jsonl"), join(folder, "none.jsonl")];
  writeFileSync(input, '{"text":"fine"}\n{"txt":"not"}\n');
  const { code, errors } = await recorded(["embed", model, "--input", input, "--out", out]);
  expect(code).toBe(2);
  expect(errors[0]).toContain("line 2 of");
  expect(existsSync(out)).toBe(false);
  expect(readdirSync(folder).filter((name) => name.includes(".part"))).toEqual([]);
});
