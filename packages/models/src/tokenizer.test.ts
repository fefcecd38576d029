import { FileError, type Files, memory } from "@cambium/base";
import { beforeAll, describe, expect, test } from "vitest";
import { type Family, fixture, fixtureJson } from "./fixtures.ts";
import type { SpecialTokens } from "./special-tokens.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "./tokenizer.ts";

interface GoldenTokens {
  readonly size: number;
  readonly special: SpecialTokens;
  readonly single: readonly GoldenRow[];
  readonly decoded: readonly string[];
  readonly pairs: readonly GoldenRow[];
  readonly truncated: readonly (GoldenRow & { readonly maxLength: number })[];
}

interface GoldenRow {
  readonly text: string;
  readonly pair?: string;
  readonly ids: number[];
  readonly types: number[];
}

describe.each<Family>(["bert", "roberta"])("%s's tokenizer beside transformers", (family) => {
  const golden = fixtureJson<GoldenTokens>(`${family}/tokens.json`);
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await loadTokenizer(fixture(family));
  });

  test("special tokens and size are equal", () => {
    expect(tokenizer.special).toEqual(golden.special);
    expect(tokenizer.vocabularySize).toBe(golden.size);
  });

  test.each(golden.single)("ids of $text are equal", ({ text, ids, types }) => {
    expect(tokenizer.encode(text)).toMatchObject({ ids, types });
  });

  test.each(golden.pairs)("ids and types of the pair $text, $pair are equal", ({ text, pair, ids, types }) => {
    expect(tokenizer.encode(text, pair)).toMatchObject({ ids, types });
  });

  test.each(golden.truncated)("$text, $pair cut to $maxLength are equal", ({ text, pair, maxLength, ids, types }) => {
    expect(tokenizer.encode(text, pair, { maxLength })).toMatchObject({ ids, types });
  });

  test("decoding leaves special tokens out", () => {
    expect(golden.single.slice(0, golden.decoded.length).map(({ ids }) => tokenizer.decode(ids))).toEqual(
      golden.decoded,
    );
    expect(tokenizer.decode([])).toBe("");
  });

  test("pieces are the ids between the special tokens", () => {
    for (const { text, ids } of golden.single) expect(tokenizer.pieces(text)).toEqual(ids.slice(1, -1));
  });

  test("the names of special tokens are found without a tokenizer_config.json", () => {
    expect(createTokenizer(fixtureJson(`${family}/tokenizer.json`)).special).toEqual(golden.special);
  });

  test("no room beside the special tokens is an error", () => {
    expect(() => tokenizer.encode("the cat", undefined, { maxLength: 2 })).toThrow("leaves no room");
  });
});

test.each([
  ["no object", 3],
  ["no model", { added_tokens: [] }],
  ["a normalizer that does not exist", { ...fixtureJson<object>("bert/tokenizer.json"), normalizer: { type: "None" } }],
])("%s is a format error", (_, json) => {
  expect(() => createTokenizer(json)).toThrow("createTokenizer: this is no tokenizer.json");
});

test("a special token that the vocabulary lacks is named", () => {
  const json = fixtureJson<object>("bert/tokenizer.json");
  expect(() => createTokenizer(json, { mask_token: "[HIDE]" })).toThrow("no mask token ([HIDE])");
});

test("files that a server refuses are taken for absent, but not those that every folder has", async () => {
  const refusing = (refused: (name: string) => boolean): Files => {
    const files = fixture("bert");
    const size = async (name: string): Promise<number> => {
      if (refused(name)) throw new FileError({ message: `no access to ${name}`, reason: "forbidden" });
      return files.size!(name);
    };
    return { ...files, size };
  };
  const own = ["tokenizer.json", "tokenizer_config.json"];
  const { files } = await loadTokenizer(refusing((name) => !own.includes(name)));
  expect([...files.keys()]).toEqual(own);
  await expect(loadTokenizer(refusing((name) => name === own[1]))).rejects.toThrow(
    "no access to tokenizer_config.json",
  );
});

test("a folder without tokenizer.json is a file error", async () => {
  await expect(loadTokenizer(memory())).rejects.toThrow("tokenizer.json");
});

describe("decoding", () => {
  const tokenizer = createTokenizer(fixtureJson("tokenizers/gpt2.json"));
  const { ids } = tokenizer.encode("a cat");

  test("reads ids as tensors give them like those of a list", () => {
    expect(tokenizer.decode(Int32Array.from(ids))).toBe("a cat");
    expect(tokenizer.decode(ids)).toBe("a cat");
  });

  test.each([["12"], [null], [{ length: 1 }], [7]])("what is no list of ids is an error (%o)", (given) => {
    expect(() => tokenizer.decode(given as never)).toThrow("decode: a list of ids is needed, got");
  });
});
