import { result } from "@cambium/base";
import { describe, expect, test } from "vitest";
import { fixtureJson } from "../fixtures.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type TrainTokenizerEvent, trainByteLevelBpe, trainWordPiece } from "./train-tokenizer.ts";

interface File {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly unknown[] };
}

const { corpus } = fixtureJson<{ readonly corpus: readonly string[] }>("tokenizer-strings/golden.json");
const fileOf = ({ files }: Tokenizer): File =>
  JSON.parse(new TextDecoder().decode(files.get("tokenizer.json"))) as File;
const trained = async (run: AsyncGenerator<TrainTokenizerEvent>): Promise<Tokenizer> => {
  const end = await result(run);
  if (end.type !== "end") throw new Error("no end");
  return end.tokenizer;
};

describe("a byte-level vocabulary", () => {
  test("is the one that the Rust library trains on the same texts, with its merges", async () => {
    const golden = fixtureJson<File>("tokenizer-strings/gpt2.json");
    const { model } = fileOf(await trained(trainByteLevelBpe(corpus, { size: 360 })));
    expect(model.vocab).toEqual(golden.model.vocab);
    expect(model.merges).toEqual(golden.model.merges);
  });

  test("knows its special tokens, and every text", async () => {
    const tokenizer = await trained(
      trainByteLevelBpe(corpus, { size: 300, special: ["<end>", "<tool>"], addPrefixSpace: true }),
    );
    expect(tokenizer.special).toMatchObject({ eos: 0, bos: 0, pad: 0 });
    const { ids } = tokenizer.encode("日本 <tool> 😀\u0000");
    expect(ids).toContain(1);
    expect(tokenizer.decode(ids, { skipSpecial: false })).toBe(" 日本 <tool> 😀\u0000");
    expect(tokenizer.vocabularySize).toBe(300);
  });
});

describe("a WordPiece vocabulary", () => {
  test("begins with what the Rust library's begins with, and has as many pieces", async () => {
    const golden = fixtureJson<File>("tokenizer-strings/bert.json").model.vocab;
    const { vocab } = fileOf(await trained(trainWordPiece(corpus, { size: 300 }))).model;
    expect(Object.keys(vocab).length).toBe(Object.keys(golden).length);
    const isBegin = (piece: string): boolean => [...piece.replace(/^##/, "")].length === 1;
    expect(Object.keys(vocab).filter(isBegin).sort()).toEqual(Object.keys(golden).filter(isBegin).sort());
  });

  test("encodes its texts, with BERT's special tokens at their ids", async () => {
    const tokenizer = await trained(trainWordPiece(corpus, { size: 420, special: ["[USER]"] }));
    expect(tokenizer.special).toEqual({ pad: 0, unknown: 1, classification: 2, separator: 3, mask: 4 });
    expect(tokenizer.decode(tokenizer.encode(corpus[0]!).ids)).toBe(
      "the quick brown fox jumps over the lazy dog, and the dog doesn ' t mind ; it ' s 12345 o ' clock.",
    );
    expect(tokenizer.idOf("[USER]")).toBe(5);
    expect(tokenizer.encode("The", "the").types).toEqual([0, 0, 0, 1, 1]);
  });

  test("leaves words with rare characters out, and keeps capitals where it is told to", async () => {
    const tokenizer = await trained(
      trainWordPiece(["Ab Ab zb"], { size: 20, lowercase: false, leastCharacterCount: 2 }),
    );
    expect(Object.keys(fileOf(tokenizer).model.vocab).slice(5)).toEqual(["A", "b", "##b", "Ab"]);
    expect(tokenizer.pieces("zb Ab ab")).toEqual([1, tokenizer.idOf("Ab"), 1]);
  });
});

test("the order of the texts changes nothing, and they may come one after the other", async () => {
  async function* later(): AsyncGenerator<string> {
    yield* corpus.toReversed();
  }
  for (const train of [trainByteLevelBpe, trainWordPiece]) {
    const first = await trained(train(corpus, { size: 330 }));
    expect((await trained(train(later(), { size: 330 }))).fingerprint).toBe(first.fingerprint);
  }
});

test("progress is reported as events, and a signal stops the training", async () => {
  const texts = Array.from({ length: 2500 }, (_, i) => `${corpus[i % corpus.length]} ${i}`);
  const events: TrainTokenizerEvent[] = [];
  for await (const event of trainByteLevelBpe(texts, { size: 500 })) events.push(event);
  expect(events.map(({ type }) => type)).toEqual(["texts", "texts", "merges", "merges", "end"]);
  expect(events[1]).toMatchObject({ texts: 2000 });
  const stop = new AbortController();
  const run = trainByteLevelBpe(texts, { size: 500, signal: stop.signal });
  await run.next();
  stop.abort(new Error("enough"));
  await expect(run.next()).rejects.toThrow("enough");
});

test.each([
  ["a size without room", { size: 4 }, "size must be a whole number from 5"],
  ["a count below one", { size: 50, leastCount: 0 }, "leastCount must be"],
  ["an unknown option", { size: 50, minFrequency: 2 } as never, 'unknown option "minFrequency"'],
  ["a special token twice", { size: 50, special: ["[PAD]"] }, "special token 5 must be a text, and no two alike"],
])("%s is an error", async (_, options, message) => {
  expect(() => trainWordPiece(corpus, options)).toThrow(message);
});

test("what is no text is an error with its index", async () => {
  await expect(result(trainWordPiece(["a", 3 as never], { size: 50 }))).rejects.toThrow(
    "trainWordPiece: text 1 must be a string",
  );
});
