import { describe, expect, test } from "vitest";
import { addTokens } from "./add-tokens.ts";
import { fixtureJson } from "./fixtures.ts";
import { createTokenizer } from "./tokenizer.ts";

const json = fixtureJson<Record<string, unknown>>("tokenizer-strings/added.json");
const bare = createTokenizer({ ...json, added_tokens: (json["added_tokens"] as object[]).slice(0, 1) });
const read = (files: ReadonlyMap<string, Uint8Array>, name: string): unknown =>
  JSON.parse(new TextDecoder().decode(files.get(name)));

test("tokens that are added one by one give the ids and places of those that the Rust library added", () => {
  const golden = createTokenizer(json);
  const more = addTokens(bare, [
    "NewTok",
    { content: "word", singleWord: true, normalized: false },
    { content: "trim", lstrip: true, rstrip: true, normalized: false },
    { content: "ÉTÉ", singleWord: true, normalized: true },
    { content: "fox jumps", normalized: false },
    { content: "fox", normalized: false, rstrip: true },
  ]);
  const text = "NewTok newtok a word, wordy  trim  été fox jumps fox  x";
  expect(more.encode(text)).toEqual(golden.encode(text));
  expect(read(more.files, "tokenizer.json")).toEqual(json);
  expect(more.vocabularySize).toBe(golden.vocabularySize);
});

describe("added tokens", () => {
  test("are special where the option says so, and left out of decoded text then", () => {
    const special = addTokens(bare, ["<tool>", { content: "<kept>", special: false }], { special: true });
    expect(special.decode(special.encode("a<tool>b<kept>c").ids)).toBe("ab<kept>c");
  });

  test("keep their id where the vocabulary has them, and are added once", () => {
    const { vocab } = json["model"] as { readonly vocab: Readonly<Record<string, number>> };
    const [word, id] = Object.entries(vocab).find(([piece]) => /^[a-z]{2}$/.test(piece))!;
    const more = addTokens(addTokens(bare, [word, "<x>"]), ["<x>", "<y>", "<y>"]);
    expect(more.encode(`z${word}`).ids.at(-1)).toBe(id);
    expect(more.vocabularySize).toBe(bare.vocabularySize + 2);
  });

  test("stand at places that do not overlap, where one takes the blanks that the next begins with", () => {
    const added = (json["added_tokens"] as object[]).slice(0, 1);
    const untrimmed = createTokenizer({ ...json, added_tokens: added, post_processor: null });
    const more = addTokens(untrimmed, [
      { content: "trim", rstrip: true, normalized: false },
      { content: " \tx", lstrip: true, normalized: false },
    ]);
    const { offsets } = more.encode("trim \tx");
    expect(offsets).toEqual([
      [0, 6],
      [6, 7],
    ]);
  });

  test("are written into the older lists of a folder as well", () => {
    const config = { added_tokens_decoder: { 0: { content: "<|endoftext|>" } }, eos_token: "<|endoftext|>" };
    const tokenizer = createTokenizer(json, config);
    const { files } = addTokens(tokenizer, ["<x>"]);
    expect(read(files, "tokenizer_config.json")).toMatchObject({
      added_tokens_decoder: { 0: { content: "<|endoftext|>" }, [tokenizer.vocabularySize]: { content: "<x>" } },
    });
  });

  test.each([
    ["no text", [""], {}, "token 0 must be a text"],
    ["a flag that does not exist", [{ content: "x", strip: true } as never], {}, 'unknown option "strip"'],
    ["an option that does not exist", ["x"], { spezial: true } as object, 'is "special" meant?'],
  ])("%s is an error", (_, tokens, options, message) => {
    expect(() => addTokens(bare, tokens, options)).toThrow(message);
  });
});
