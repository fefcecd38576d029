import { memory } from "@cambium/base";
import { describe, expect, test } from "vitest";
import { fixtureJson } from "./fixtures.ts";
import type { SpecialTokens } from "./special-tokens.ts";
import type { Tokens as AllTokens } from "./tokenizer/frame.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "./tokenizer.ts";

type Tokens = Pick<AllTokens, "ids" | "types">;

interface Case {
  readonly family: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly special: SpecialTokens;
  readonly single: readonly ({ readonly text: string } & Tokens)[];
  readonly pairs: readonly ({ readonly text: string; readonly pair: string } & Tokens)[];
  readonly cut: Readonly<Record<"end" | "start" | "pairEnd" | "pairStart", Tokens>>;
  readonly decoded: readonly string[];
}

const { long, cases } = fixtureJson<{ readonly long: readonly [string, string]; readonly cases: readonly Case[] }>(
  "tokenizers/golden.json",
);
const [longText, longPair] = long;
const json = (family: string): Record<string, unknown> => fixtureJson(`tokenizers/${family}.json`);
const titled = cases.map((each) => ({
  ...each,
  title: `${each.family} with ${JSON.stringify(Object.fromEntries(Object.entries(each.config).filter(([key]) => !/^\w{3,4}_token$/.test(key))))}`,
}));

describe.each(titled)("$title is as in transformers", ({ family, config, special, single, pairs, cut, decoded }) => {
  const tokenizer = createTokenizer(json(family), config);

  test("special tokens", () => expect(tokenizer.special).toEqual(special));

  test("ids and types of texts", () => {
    for (const { text, ids, types } of single)
      expect([text, tokenizer.encode(text)]).toMatchObject([text, { ids, types }]);
  });

  test("ids and types of pairs", () => {
    for (const { text, pair, ids, types } of pairs) expect(tokenizer.encode(text, pair)).toMatchObject({ ids, types });
  });

  test("texts cut at either end", () => {
    const left = createTokenizer(json(family), { ...config, truncation_side: "left" });
    const encode = (by: Tokenizer, pair?: string, more: object = {}): Tokens =>
      by.encode(longText, pair, { maxLength: 9, ...more });
    expect(encode(tokenizer)).toMatchObject(cut.end);
    expect(encode(left)).toMatchObject(cut.start);
    expect(encode(tokenizer, longPair)).toMatchObject(cut.pairEnd);
    expect(encode(left, longPair)).toMatchObject(cut.pairStart);
    expect(encode(tokenizer, undefined, { truncation: "start" })).toMatchObject(cut.start);
    expect(encode(left, undefined, { truncation: "end" })).toMatchObject(cut.end);
    expect(encode(createTokenizer(json(family), config, { truncation: "start" }), longPair)).toMatchObject(
      cut.pairStart,
    );
  });

  test("decoded texts", () => {
    expect(single.map(({ ids }) => tokenizer.decode(ids))).toEqual(decoded);
  });
});

describe("settings that cannot be followed are refused by name", () => {
  test.each([
    ["wordpiece", { split_special_tokens: true }, '"split_special_tokens": true'],
    ["wordpiece", { additional_special_tokens: ["[NEW]"] }, '"additional_special_tokens" with "[NEW]"'],
    ["wordpiece", { added_tokens_decoder: { 99: { content: "[NEW]" } } }, '"added_tokens_decoder" with "[NEW]"'],
    ["llama", { tokenizer_class: "LlamaTokenizer", add_prefix_space: false }, '"add_prefix_space": false'],
    ["unigram", { do_lower_case: true }, '"do_lower_case": true'],
    ["unigram", { strip_accents: true }, '"strip_accents": true'],
  ])("%s with %j", (family, config, setting) => {
    expect(() => createTokenizer(json(family), config)).toThrow(
      expect.objectContaining({
        code: "FORMAT",
        message: expect.stringContaining(`createTokenizer: tokenizer_config.json says ${setting}`),
      }),
    );
  });

  test("a setting that is no setting is named", () => {
    expect(() => createTokenizer(json("wordpiece"), { do_lower_case: "yes" })).toThrow("do_lower_case");
  });
});

test("a word of the vocabulary that the config makes special is kept whole, and left out of decoded text", () => {
  const plain = createTokenizer(json("wordpiece"));
  const { ids } = plain.encode("thecat the");
  const named = createTokenizer(json("wordpiece"), { additional_special_tokens: ["cat"] });
  expect(named.encode("thecat the").ids).toEqual([ids[0], ids.at(-2), plain.pieces("cat")[0], ids.at(-2), 3]);
  expect(named.decode(named.encode("thecat the").ids)).toBe("the the");
});

test("names of special tokens are found in special_tokens_map.json, and tokenizer_config.json goes before", async () => {
  const files = memory({
    "tokenizer.json": JSON.stringify(json("gpt2")),
    "special_tokens_map.json": JSON.stringify({ pad_token: "a", eos_token: { content: "<|endoftext|>" } }),
    "tokenizer_config.json": JSON.stringify({ pad_token: "b" }),
  });
  const { special, pieces } = await loadTokenizer(files);
  expect(special).toEqual({ pad: pieces("b")[0], eos: 263 });
});

test("segments that model_input_names leaves out are all the first", () => {
  const types = (config: object): number[] => createTokenizer(json("wordpiece"), config).encode("the", "cat").types;
  expect(types({ model_input_names: ["input_ids", "attention_mask"] })).toEqual([0, 0, 0, 0, 0]);
  expect(types({ model_input_names: ["input_ids", "token_type_ids"] })).toEqual([0, 0, 0, 1, 1]);
  expect(types({})).toEqual([0, 0, 0, 1, 1]);
});

test("a null is no special token", () => {
  expect(createTokenizer(json("wordpiece"), { pad_token: null, sep_token: "[SEP]" }).special).toEqual({ separator: 3 });
});

test("what the vocabulary lacks is an error where nothing stands for it", () => {
  const { unk_token: _, ...model } = json("wordpiece")["model"] as Record<string, unknown>;
  const tokenizer = createTokenizer({ ...json("wordpiece"), model }, { cls_token: "[CLS]", sep_token: "[SEP]" });
  expect(tokenizer.encode("the cat").ids).toEqual([2, 60, 62, 3]);
  expect(() => tokenizer.encode("§")).toThrow(expect.objectContaining({ code: "CONFIG" }));
});

test("options of encode, loadTokenizer and createTokenizer are checked", async () => {
  const tokenizer = createTokenizer(json("gpt2"));
  const wrong =
    (options: object): (() => unknown) =>
    () =>
      tokenizer.encode("the", undefined, options);
  expect(wrong({ max_length: 3 })).toThrow('encode: unknown option "max_length"; is "maxLength" meant?');
  expect(wrong({ truncation: "left" })).toThrow('encode: truncation must be "start" or "end", got "left"');
  expect(wrong({ maxLength: Number.NaN })).toThrow("encode: maxLength NaN is no whole number");
  expect(() => createTokenizer(json("gpt2"), {}, { truncate: "end" } as object)).toThrow('is "truncation" meant?');
  await expect(loadTokenizer(memory(), { legacy: true } as object)).rejects.toThrow('unknown option "legacy"');
  expect(() => tokenizer.encode(3 as never)).toThrow("encode: a text is needed, got a number");
});

test("what is cut is counted", () => {
  const tokenizer = createTokenizer(json("wordpiece"));
  const lost: number[] = [];
  const encode = (pair?: string): Tokens =>
    tokenizer.encode(longText, pair, { maxLength: 9, onCut: (tokens) => lost.push(tokens) });
  const whole = tokenizer.encode(longText).ids.length;
  const both = tokenizer.encode(longText, longPair).ids.length;
  encode();
  encode(longPair);
  tokenizer.encode("the", undefined, { maxLength: 9, onCut: (tokens) => lost.push(tokens) });
  expect(lost).toEqual([whole - 9, both - 9]);
});
