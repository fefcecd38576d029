import { type Files, memory as memoryFiles, result } from "@cambium/base";
import { disposeParameters, useBackend } from "@cambium/core";
import {
  capture,
  collate,
  createTokenizer,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type Tokenizer,
} from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { sapling } from "@cambium/saplings";
import { memory, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectActivations } from "./collect.ts";
import { collectWindows } from "./collect-windows.ts";
import { intervene } from "./intervene.ts";
import { withPositionOffset } from "./position-offset.ts";
import { openActivations, type RunCaptureOptions, runCapture } from "./run-capture.ts";

let model: LanguageModel;
let tokenizer: Tokenizer;
beforeAll(async () => {
  await useBackend("cpu");
  model = await loadModel(sapling("bert-2x128"));
  tokenizer = await loadTokenizer(sapling("bert-2x128"));
});
afterAll(() => disposeParameters(model.parameters));

const texts = ["joy", "i feel a great fear of the dark", "she felt [MASK] .", "the [MASK] of war", "love"];
const masked = ["she felt [MASK] .", "the [MASK] of the long war"];

/** What one text gives alone, by all tokens of a layer. */
function alone(text: string, layer: number): number[][] {
  return tidy(() => {
    const batch = collate(model, tokenizer, { maxLength: 32, padTo: [tokenizer.encode(text).ids.length] })([{ text }]);
    const values = capture(model, batch, ["ff.act"]).captured.get(`encoder.layer.${layer}.intermediate`)!;
    return (values.arraySync() as number[][][])[0]!;
  });
}

const close = { absolute: 1e-5, relative: 1e-4 }; // padding changes the order of sums

test.each(["start", "end"] as const)(
  "windows from the %s are means of the tokens that a text has in them",
  async (from) => {
    const given = texts.filter((text) => text !== "love");
    const options = { size: 3, step: 2, from, count: 2, batchSize: 2, sites: ["L1.ffn.act"] } as const;
    const { windows, sites, rows } = await collectWindows(model, tokenizer, given, options);
    expect(windows).toEqual(
      from === "start"
        ? [
            [0, 3],
            [2, 5],
          ]
        : [
            [-3, 0],
            [-5, -2],
          ],
    );
    const path = "encoder.layer.1.intermediate";
    expect(sites.map((site) => site.path)).toEqual(windows.map(([a, b]) => `${path}[${a}:${b}]`));
    expect(sites[0]).toMatchObject({ layer: 1, width: 512 });
    given.forEach((text, i) => {
      const tokens = alone(text, 1);
      for (const [a, b] of windows) {
        const inside =
          from === "start" ? tokens.slice(a, b) : tokens.slice(Math.max(0, tokens.length + a), tokens.length + b);
        const expected = tokens[0]!.map(
          (_, unit) => inside.reduce((sum, token) => sum + token[unit]!, 0) / inside.length,
        );
        expect([...rows.get(`${path}[${a}:${b}]`)![i]!], text).toBeAllClose(expected, close);
      }
    });
  },
);

test("without a count there are as many windows as the shortest text has whole, and a text without a token in one is named", async () => {
  const lengths = texts.map((text) => tokenizer.encode(text).ids.length);
  const { windows } = await collectWindows(model, tokenizer, texts, { size: 2 });
  expect(windows).toHaveLength(Math.min(...lengths) - 1);
  await expect(collectWindows(model, tokenizer, texts, { count: 5 })).rejects.toThrow(
    /text 0 has 3 tokens and none in window 5/,
  );
  await expect(collectWindows(model, tokenizer, texts, { size: 0 })).rejects.toThrow(/whole numbers from 1/);
  await expect(collectWindows(model, tokenizer, texts, { from: "middle" as never })).rejects.toThrow(
    /"start" or "end"/,
  );
});

test("a RoBERTa whose positions are counted from row 0 reads the table so, and the others refuse it", () => {
  const roberta = tinyModel({ type: "roberta" });
  const batch = tinyBatch(roberta);
  const name = [...roberta.parameters.keys()].find((each) => each.endsWith("position_embeddings.weight"))!;
  const table = roberta.parameters.get(name)!.arraySync() as number[][];
  const before = memory().numTensors;
  for (const offset of [0, 1, 2]) {
    const view = withPositionOffset(roberta, offset);
    const rows = view.parameters.get(name)!.arraySync() as number[][];
    expect(rows.slice(0, 2)).toEqual(table.slice(0, 2)); // of padding
    expect(rows[2]).toEqual(table[offset]);
    expect(rows[5]).toEqual(table[offset + 3]);
    expect(rows).toHaveLength(table.length);
    tidy(() => {
      const [own, other] = [roberta, view].map((each) => [...each.forward(batch).logits!.dataSync()]);
      if (offset === 2) expect(other).toEqual(own);
      else expect(other).not.toEqual(own);
    });
    view.dispose();
  }
  expect(memory().numTensors).toBe(before);
  expect(() => withPositionOffset(roberta, 3)).toThrow(/from 0 to 2/);
  expect(() => withPositionOffset(model, 0)).toThrow(/a bert counts its positions from row 0/);
  disposeParameters(roberta.parameters);
  disposeFields(batch);
});

test.each(["first", "last", "mean", "max"] as const)("%s reads of each text what the text has alone", async (at) => {
  const activations = await collectActivations(model, tokenizer, texts, { at, batchSize: 3, sites: ["L1.ffn.act"] });
  const rows = activations.get("encoder.layer.1.intermediate")!;
  texts.forEach((text, i) => {
    const tokens = alone(text, 1);
    const columns = tokens[0]!.map((_, unit) => tokens.map((token) => token[unit]!));
    const expected = {
      first: tokens[0]!,
      last: tokens.at(-1)!,
      mean: columns.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
      max: columns.map((values) => Math.max(...values)),
    }[at];
    expect(rows[i]).toBeAllClose(expected, close);
  });
});

test("at the mask is chosen where every text has one, and asks for it elsewhere", async () => {
  const found = await collectActivations(model, tokenizer, masked, { sites: ["L0.ffn.act"] });
  masked.forEach((text, i) => {
    const place = tokenizer.encode(text).ids.indexOf(tokenizer.special.mask!);
    expect(found.get("encoder.layer.0.intermediate")![i]).toBeAllClose(alone(text, 0)[place]!, close);
  });
  await expect(collectActivations(model, tokenizer, texts, { at: "mask" })).rejects.toThrow(
    "text 0 has no mask token, [MASK]",
  );
});

test("files hold what memory holds, and nothing leaks", async () => {
  const before = memory().numTensors;
  const files = memoryFiles();
  const events: string[] = [];
  const options: RunCaptureOptions = { to: files, batchSize: 2, sites: ["ff.act", "block"], at: "mean" };
  await result(runCapture(model, tokenizer, texts, options), ({ type, done }) => events.push(`${type} ${done}`));
  expect(events).toEqual(["batch 2", "batch 4", "batch 5", "end 5"]);
  const stored = await openActivations(files);
  const held = await collectActivations(model, tokenizer, texts, {
    sites: ["ff.act", "block"],
    at: "mean",
    batchSize: 2,
  });
  expect(stored.texts).toBe(5);
  for (const { path } of stored.sites) expect(await stored.read(path)).toEqual(held.get(path));
  expect(memory().numTensors).toBe(before);
  await expect(stored.read("nowhere")).rejects.toThrow('no site "nowhere"');
});

test("a run that was stopped resumes, and gives the same files", async () => {
  const [whole, stopped] = [memoryFiles(), memoryFiles()];
  const options = (to: Files): RunCaptureOptions => ({ to, batchSize: 2, at: "mean" });
  await result(runCapture(model, tokenizer, texts, options(whole)));
  const stop = new AbortController();
  const run = runCapture(model, tokenizer, texts, { ...options(stopped), signal: stop.signal });
  const { reason } = await result(run, () => stop.abort());
  expect(reason).toBe("stopped");
  await expect(openActivations(stopped).then((some) => some.read("encoder.layer.0.intermediate"))).rejects.toThrow(
    "only 2 of 5 texts are there",
  );
  await result(runCapture(model, tokenizer, texts, options(stopped)));
  for (const { name } of await whole.list()) expect(await stopped.read(name)).toEqual(await whole.read(name));
});

test("a folder of other texts, settings or hooks is refused", async () => {
  const to = memoryFiles();
  await result(runCapture(model, tokenizer, texts, { to, at: "mean" }));
  const again = (more: object, rows = texts) => result(runCapture(model, tokenizer, rows, { to, at: "mean", ...more }));
  await expect(again({}, [...texts, "more"])).rejects.toThrow("other texts, sites or settings");
  await expect(again({ at: "max" })).rejects.toThrow("other texts, sites or settings");
  const hooks = intervene(model, [{ site: "L0.ffn.act", op: { kind: "scale", by: 2 } }]);
  await expect(again({ hooks })).rejects.toThrow("another model, or under other hooks");
  await expect(again({})).resolves.toMatchObject({ reason: "done" });
});

test("what 16 bits cannot hold is refused, and so are parts of nobody knows what", async () => {
  const hooks = intervene(model, [{ site: "L0.ffn.act", units: [7], op: { kind: "set", to: 70_000 } }]);
  const options = { sites: ["L0.ffn.act"], at: "mean", hooks } as const;
  const half = result(runCapture(model, tokenizer, ["joy"], { ...options, to: memoryFiles(), dtype: "F16" }));
  await expect(half).rejects.toThrow("reaches 70000, and F16 holds up to 65504");
  const to = memoryFiles();
  await result(runCapture(model, tokenizer, ["joy"], { ...options, to }));
  await to.remove("activations.json");
  await expect(result(runCapture(model, tokenizer, ["joy"], { ...options, to }))).rejects.toThrow("without its");
});

test("of a model of two stacks the encoder is read, and head and target cost next to nothing", async () => {
  const t5 = tinyModel({ type: "t5", dropout: 0 });
  const words = { "[PAD]": 0, "[UNK]": 1, joy: 2, fear: 3, and: 4 };
  const small = createTokenizer({
    model: { type: "WordPiece", vocab: words, unk_token: "[UNK]" },
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "Whitespace" },
    post_processor: null,
    decoder: null,
  });
  const found = await collectActivations(t5, small, ["joy and fear", "joy"], { at: "first", maxLength: 8 });
  expect([...found.keys()].every((path) => path.startsWith("encoder."))).toBe(true);
  expect(found.size).toBe(t5.sites().filter(({ role, stack }) => role === "ff.act" && stack === "encoder").length);
  await expect(collectActivations(t5, small, ["joy"], { sites: ["decoder.ff.act"] })).rejects.toThrow(
    "name sites of the encoder",
  );
  disposeParameters(t5.parameters);
});

test("what has no tokens to read is an error", async () => {
  await expect(collectActivations(model, tokenizer, texts, { sites: ["attn.pattern"], at: "mean" })).rejects.toThrow(
    "an axis of heads",
  );
  await expect(collectActivations(model, tokenizer, [])).rejects.toThrow("at least one text");
  await expect(collectActivations(model, tokenizer, texts)).rejects.toThrow("2 of 5 texts have a [MASK]; say by at");
  await expect(collectActivations(model, tokenizer, texts, { at: "middle" as never })).rejects.toThrow(
    'at must be "last"',
  );
});

test("what is no number is an error that names the text, and leaves nothing behind", async () => {
  const before = memory().numTensors;
  const one = { site: "L0.ffn.act", units: [7] };
  const hooks = intervene(model, [
    { ...one, op: { kind: "set", to: 3e38 } },
    { ...one, op: { kind: "scale", by: 10 } },
  ]);
  const run = collectActivations(model, tokenizer, texts, { hooks, sites: ["L0.ffn.act"], at: "first" });
  await expect(run).rejects.toThrow(/unit 7 of encoder\.layer\.0\.intermediate is Infinity for text \d/);
  expect(memory().numTensors).toBe(before);
});
