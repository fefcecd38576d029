import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fixtureJson } from "../fixtures.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";

const load = (name: string, more: object = {}): Tokenizer =>
  createTokenizer({ ...fixtureJson<object>(`tokenizer-strings/${name}.json`), ...more });

const families = [
  "bert",
  "gpt2",
  "roberta",
  "llama3",
  "qwen2",
  "llama",
  "mistral",
  "t5",
  "xlm-roberta",
  "albert",
  "added",
];
const tokenizers = new Map(families.map((name) => [name, load(name)]));

const odd = fc.constantFrom(
  ..."aé e\u0301日😀👍🏽 \n\t\u00a0\u0000ß'!",
  "<mask>",
  "</s>",
  "<|endoftext|>",
  "the ",
  " fox",
  "\ud83d",
  "\udc4d",
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(odd).map((parts) => parts.join("")),
);

describe.each(families)("%s", (name) => {
  const tokenizer = tokenizers.get(name)!;

  test("places lie in the text and never go back by more than a character", () => {
    fc.assert(
      fc.property(text, (given) => {
        const { ids, types, offsets, words, sequences } = tokenizer.encode(given);
        expect(new Set([ids.length, types.length, offsets.length, words.length, sequences.length]).size).toBe(1);
        let last = 0;
        offsets.forEach(([from, to], i) => {
          if (sequences[i] === undefined) return;
          expect(from).toBeGreaterThanOrEqual(0);
          expect(to).toBeGreaterThanOrEqual(from);
          expect(to).toBeLessThanOrEqual(given.length);
          if (words[i] !== words[i - 1]) expect(to).toBeGreaterThanOrEqual(last);
          last = to;
        });
      }),
    );
  });

  test("ids that come one by one give the text of the whole, and never half a character", () => {
    const id = fc.integer({ min: 0, max: tokenizer.vocabularySize + 2 });
    const ids = fc.oneof(
      fc.array(id),
      text.map((given) => tokenizer.encode(given).ids),
    );
    fc.assert(
      fc.property(ids, fc.boolean(), fc.boolean(), (given, skipSpecial, cleanUp) => {
        const stream = tokenizer.decodeStream({ skipSpecial, cleanUp });
        const parts = [...given.map((each) => stream.push(each)), stream.end()];
        expect(parts.join("")).toBe(tokenizer.decode(given, { skipSpecial, cleanUp }));
        expect(parts.join("")).not.toMatch(/\p{Surrogate}/u);
        for (const part of parts) expect(part).not.toMatch(/\p{Surrogate}/u);
      }),
    );
  });

  test("windows hold all of a text, each at most so much, and overlap by the stride", () => {
    const spec = fc.record({ maxLength: fc.integer({ min: 8, max: 20 }), stride: fc.integer({ min: 0, max: 4 }) });
    fc.assert(
      fc.property(text, spec, fc.constantFrom("start", "end"), (given, options, truncation) => {
        const inner = ({ ids, sequences }: ReturnType<Tokenizer["encode"]>): number[] =>
          ids.filter((_, i) => sequences[i] === 0);
        const windows = tokenizer.windows(given, undefined, { ...options, truncation });
        for (const { ids } of windows) expect(ids.length).toBeLessThanOrEqual(options.maxLength);
        const ordered = truncation === "end" ? windows : windows.toReversed();
        const joined = ordered.flatMap((window, i) => inner(window).slice(i === 0 ? 0 : options.stride));
        const whole = inner(tokenizer.encode(given));
        expect(truncation === "end" ? joined : joined.length).toEqual(truncation === "end" ? whole : whole.length);
        expect(windows[0]).toEqual(tokenizer.encode(given, undefined, { maxLength: options.maxLength, truncation }));
      }),
      { numRuns: 50 },
    );
  });

  test("a lone surrogate counts as U+FFFD", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (given) => {
        const broken = `a\ud83d${given}\udc4d b`;
        expect(tokenizer.encode(broken)).toEqual(tokenizer.encode(broken.replace(/\p{Surrogate}/gu, "\ufffd")));
      }),
    );
  });

  test("a text of a hundred thousand letters without a blank takes no more than its time", () => {
    const { ids, offsets } = tokenizer.encode("abcdefghij".repeat(10_000));
    expect(ids.length).toBeGreaterThan(0);
    expect(Math.max(...offsets.map(([, to]) => to))).toBe(100_000);
  });
});

test.each(["gpt2", "llama3", "smollm", "o200k", "cl100k"])("%s decodes what it encodes to the same text", (name) => {
  const tokenizer = load(name);
  fc.assert(
    fc.property(text, (given) => {
      const whole = given.replace(/\p{Surrogate}/gu, "\ufffd");
      const { ids, sequences } = tokenizer.encode(given);
      const inner = ids.filter((_, i) => sequences[i] === 0);
      expect(tokenizer.decode(inner, { skipSpecial: false })).toBe(whole);
    }),
  );
});

test("places of a byte-level vocabulary cover the text", () => {
  const tokenizer = load("gpt2");
  fc.assert(
    fc.property(text, (given) => {
      const { offsets } = tokenizer.encode(given);
      const covered = new Set(offsets.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i)));
      expect(covered.size).toBe(given.length);
    }),
  );
});

test("text is given as soon as nothing behind can change it", () => {
  const stream = (name: string, ids: readonly number[]): string[] => {
    const decoding = tokenizers.get(name)!.decodeStream();
    return [...ids.map((id) => decoding.push(id)), decoding.end()];
  };
  const emoji = stream("gpt2", tokenizers.get("gpt2")!.encode("a😀b").ids);
  expect(emoji.filter((part) => part !== "")).toEqual(["a", "😀", "b"]);
  const pieces = stream("llama", tokenizers.get("llama")!.encode("the 😀 fox").ids).filter((part) => part !== "");
  expect(pieces).toEqual(["the", " ", "😀 f", "ox"]); // a run of byte tokens may still turn out to be no character
});

describe("what is not known is refused by its name", () => {
  const whole = fixtureJson<Record<string, unknown>>("tokenizer-strings/gpt2.json");
  const model = whole["model"] as object;
  test.each([
    ["normalizer", { normalizer: { type: "Rot13" } }, 'the normalizer "Rot13"'],
    ["pre-tokenizer", { pre_tokenizer: { type: "UnicodeScripts" } }, 'the pre-tokenizer "UnicodeScripts"'],
    ["post-processor", { post_processor: { type: "Wrap" } }, 'the post-processor "Wrap"'],
    ["decoder", { decoder: { type: "Morse" } }, 'the decoder "Morse"'],
    ["model", { model: { ...model, type: "LSTM" } }, 'the model "LSTM"'],
    ["dropout", { model: { ...model, dropout: 0.1 } }, '"dropout": 0.1'],
    [
      "part of a sequence",
      { normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "constructor" }] } },
      '"constructor"',
    ],
    [
      "setting",
      { pre_tokenizer: { type: "ByteLevel", add_prefix_space: "yes" } },
      '"add_prefix_space" of ByteLevel must be true or false',
    ],
    ["merge", { model: { ...model, merges: ["x yz"] } }, 'merge 0 has "yz", which the vocabulary lacks'],
    [
      "template",
      {
        post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: "[X]", type_id: 0 } }], pair: [] },
      },
      '"single" of TemplateProcessing',
    ],
    ["charsmap", { normalizer: { type: "Precompiled", precompiled_charsmap: "AAAA" } }, "is cut off"],
  ])("%s", (_, more, message) => {
    expect(() => createTokenizer({ ...whole, ...more })).toThrow(
      expect.objectContaining({ code: "FORMAT", message: expect.stringContaining(message) }),
    );
  });
});

describe("windows", () => {
  const tokenizer = tokenizers.get("bert")!;
  test.each([
    ["a window without room", { maxLength: 2 }, "leaves no room"],
    ["a stride as long as the room", { maxLength: 5, stride: 3 }, "stride 3 must be less than the 3 tokens"],
    ["a stride that is no number", { maxLength: 5, stride: 0.5 }, "stride must be a whole number"],
    ["only without a pair", { maxLength: 5, only: "first" as const }, "of a pair"],
    ["an unknown option", { maxLength: 5, overlap: 2 }, 'unknown option "overlap"'],
  ])("%s is an error", (_, options, message) => {
    expect(() => tokenizer.windows("the quick brown fox jumps", undefined, options)).toThrow(message);
  });

  test("a question stands whole in every window of its text", () => {
    const windows = tokenizer.windows("the fox", "the quick brown fox jumps over the dog", {
      maxLength: 14,
      stride: 2,
      only: "second",
    });
    const question = tokenizer.pieces("the fox");
    expect(windows.length).toBeGreaterThan(2);
    for (const { ids, sequences } of windows) expect(ids.filter((__, i) => sequences[i] === 0)).toEqual(question);
  });
});
