import { describe, expect, test } from "vitest";
import { fixtureJson } from "../fixtures.ts";
import { createTokenizer, type WindowsOptions } from "../tokenizer.ts";
import type { Tokens } from "./frame.ts";

// What the Rust library makes of odd texts, from make_tokenizer_strings.py.

interface Golden {
  readonly ids: number[];
  /** Both ends of each token's place, in UTF-16 units. */
  readonly offsets: number[];
  /** −1 for special tokens. */
  readonly words: number[];
}

interface Family {
  readonly single: readonly (Golden & { readonly text: string; readonly decoded: readonly [string, string] })[];
  readonly pairs: readonly (Golden & { readonly texts: readonly [string, string] })[];
  readonly words: readonly (Golden & { readonly words: readonly string[] })[];
  readonly windows: readonly {
    readonly options: WindowsOptions;
    readonly texts: readonly [string, string?];
    readonly ids: readonly number[][];
  }[];
}

const { families, texts, lists } = fixtureJson<{
  readonly families: Readonly<Record<string, Family>>;
  readonly texts: readonly string[];
  readonly lists: readonly (readonly string[])[];
}>("tokenizer-strings/golden.json");

const flat = ({ ids, offsets, words }: Tokens): Golden => ({
  ids,
  offsets: offsets.flat(),
  words: words.map((word) => word ?? -1),
});

describe.each(Object.entries(families))("%s is as in the Rust library", (name, family) => {
  const tokenizer = createTokenizer(fixtureJson(`tokenizer-strings/${name}.json`));

  test("ids, places and words of odd texts", () => {
    family.single.forEach(({ decoded: _, ...golden }, i) => {
      expect([texts[i], flat(tokenizer.encode(texts[i]!))]).toEqual([texts[i], golden]);
    });
  });

  test("decoded texts, with and without special tokens", () => {
    for (const { ids, decoded } of family.single) {
      expect([tokenizer.decode(ids), tokenizer.decode(ids, { skipSpecial: false })]).toEqual(decoded);
    }
  });

  test("pairs", () => {
    for (const { texts: pair, ...golden } of family.pairs) {
      expect([pair, flat(tokenizer.encode(...pair))]).toEqual([pair, golden]);
    }
  });

  test("texts that are split into words", () => {
    family.words.forEach((golden, i) => {
      expect(flat(tokenizer.encode(lists[i]!))).toEqual(golden);
    });
  });

  test("windows of long texts", () => {
    for (const {
      options,
      texts: [text, pair],
      ids,
    } of family.windows) {
      expect(tokenizer.windows(text, pair, options).map((window) => window.ids)).toEqual(ids);
    }
  });
});
