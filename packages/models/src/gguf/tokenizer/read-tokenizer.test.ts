import { memory } from "@cambium/base";
import { describe, expect, test } from "vitest";
import { fixture, fixtureJson } from "../../fixtures.ts";
import { loadTokenizer } from "../../load-tokenizer.ts";
import { f32, type RawValue, rawGguf, text, u32, value } from "../raw-gguf.fixture.ts";

interface Golden {
  readonly texts: readonly string[];
  readonly tokenizers: Readonly<
    Record<string, { readonly ids: readonly number[][]; readonly decoded: readonly string[] }>
  >;
}

const { texts, tokenizers } = fixtureJson<Golden>("gguf/tokenizers/golden.json");

describe.each(Object.entries(tokenizers))("%s", (name, { ids, decoded }) => {
  const load = async () => loadTokenizer(memory({ "m.gguf": await fixture("gguf/tokenizers").read(`${name}.gguf`) }));

  test("gives the ids of the tokenizer that the file was made of", async () => {
    const tokenizer = await load();
    const found = texts.map((each) => tokenizer.encode(each).ids);
    expect(found).toEqual(ids);
  });

  test("gives its texts", async () => {
    const tokenizer = await load();
    expect(ids.map((each) => tokenizer.decode(each))).toEqual(decoded);
  });
});

type Metadata = Record<string, RawValue | undefined>;
const strings = (...all: readonly string[]): RawValue => value.array(8, all.length, ...all.map(text));
const numbers = (...all: readonly number[]): RawValue => value.array(5, all.length, ...all.map(u32));
const floats = (...all: readonly number[]): RawValue => value.array(6, all.length, ...all.map(f32));

function open(model: string, metadata: Metadata): ReturnType<typeof loadTokenizer> {
  const all = { "tokenizer.ggml.model": value.text(model), ...metadata };
  const given = Object.entries(all).flatMap(([key, each]) => (each === undefined ? [] : [[key, each] as const]));
  return loadTokenizer(memory({ "m.gguf": rawGguf({ metadata: given }) }));
}

const words: Metadata = {
  "tokenizer.ggml.pre": value.text("gpt-2"),
  "tokenizer.ggml.tokens": strings("<s>", "a", "b", "ab", "</s>"),
  "tokenizer.ggml.token_type": numbers(3, 1, 1, 1, 3),
  "tokenizer.ggml.merges": strings("a b"),
  "tokenizer.ggml.bos_token_id": value.u32(0),
  "tokenizer.ggml.eos_token_id": value.u32(4),
};
const pieces: Metadata = {
  "tokenizer.ggml.tokens": strings("<unk>", "<s>", "</s>", "\u2581", "a", "b", "\u2581a", "ab"),
  "tokenizer.ggml.token_type": numbers(2, 3, 3, 1, 1, 1, 1, 1),
  "tokenizer.ggml.scores": floats(0, 0, 0, -3, -4, -5, -1, -2),
};

test.each([
  [{}, [3]],
  [{ add_bos_token: 1 }, [0, 3]],
  [{ add_eos_token: 1 }, [3, 4]],
  [{ add_bos_token: 1, add_eos_token: 1 }, [0, 3, 4]],
  [{ add_bos_token: 0, add_eos_token: 0 }, [3]],
])("texts begin and end as the file says: %j", async (flags, ids) => {
  const given = Object.entries(flags).map(([key, flag]) => [`tokenizer.ggml.${key}`, value.bool(flag)] as const);
  const tokenizer = await open("gpt2", { ...words, ...Object.fromEntries(given) });
  expect(tokenizer.encode("ab").ids).toEqual(ids);
  expect(tokenizer.special).toEqual({ bos: 0, eos: 4 });
});

test("SentencePiece's texts begin with BOS unless the file says otherwise, and its first tokens have their usual purposes", async () => {
  const tokenizer = await open("llama", pieces);
  expect(tokenizer.special).toEqual({ unknown: 0, bos: 1, eos: 2 });
  expect(tokenizer.encode("ab").ids).toEqual([1, 6, 5]); // the higher score first, whatever stands first
  expect(tokenizer.encode("aab").ids).toEqual([1, 6, 7]);
  expect(tokenizer.encode("a?").ids).toEqual([1, 6, 0]); // without bytes the unknown token
});

test("GPT-2's files from before there were names of pre-tokenizers are read, those of others are not", async () => {
  const older = { ...words, "tokenizer.ggml.pre": undefined };
  const tokenizer = await open("gpt2", { ...older, "general.architecture": value.text("gpt2") });
  expect(tokenizer.encode("ab").ids).toEqual([3]);
  await expect(open("gpt2", older)).rejects.toThrow('"tokenizer.ggml.pre"');
});

test("the chat template is kept for other programs, by name where there are several", async () => {
  const config = async (metadata: Metadata) => {
    const { files } = await open("gpt2", { ...words, ...metadata });
    return JSON.parse(new TextDecoder().decode(files.get("tokenizer_config.json"))).chat_template as unknown;
  };
  const one = { "tokenizer.chat_template": value.text("{{ messages }}") };
  expect(await config(one)).toBe("{{ messages }}");
  expect(await config({ ...one, "tokenizer.chat_template.tool_use": value.text("{{ tools }}") })).toEqual([
    { name: "default", template: "{{ messages }}" },
    { name: "tool_use", template: "{{ tools }}" },
  ]);
  expect(await config({})).toBeUndefined();
});

test.each([
  ["another kind of vocabulary", "bert", {}, '"tokenizer.ggml.model" in "m.gguf" in memory is "bert"'],
  [
    "an unknown pre-tokenizer",
    "gpt2",
    { "tokenizer.ggml.pre": value.text("default") },
    '"tokenizer.ggml.pre" in "m.gguf" in memory is "default"',
  ],
  ["no tokens", "gpt2", { "tokenizer.ggml.tokens": undefined }, '"tokenizer.ggml.tokens"'],
  ["tokens that are no texts", "gpt2", { "tokenizer.ggml.tokens": numbers(1, 2) }, "something other than a string"],
  ["a token twice", "gpt2", { "tokenizer.ggml.tokens": strings("a", "b", "ab", "c", "a") }, '"a" twice, as 0 and 4'],
  ["types for fewer tokens", "gpt2", { "tokenizer.ggml.token_type": numbers(1, 1) }, "has 2 values, for 5 tokens"],
  ["a type that means nothing", "gpt2", { "tokenizer.ggml.token_type": numbers(1, 1, 9, 1, 1) }, "is 9 for token 2"],
  ["no merges", "gpt2", { "tokenizer.ggml.merges": undefined }, '"tokenizer.ggml.merges"'],
  ["a merge of what is no token", "gpt2", { "tokenizer.ggml.merges": strings("a c") }, '"a c" as number 0'],
  ["a merge into what is no token", "gpt2", { "tokenizer.ggml.merges": strings("a b", "b a") }, '"b a" as number 1'],
  ["a merge of one token", "gpt2", { "tokenizer.ggml.merges": strings("ab") }, '"ab" as number 0'],
  [
    "a special token that is none",
    "gpt2",
    { "tokenizer.ggml.bos_token_id": value.u32(5) },
    "is 5, and there are 5 tokens",
  ],
  [
    "BOS to be added and none named",
    "gpt2",
    { "tokenizer.ggml.bos_token_id": undefined, "tokenizer.ggml.add_bos_token": value.bool(1) },
    '"tokenizer.ggml.add_bos_token"',
  ],
  [
    "a separator to be added",
    "gpt2",
    { "tokenizer.ggml.add_sep_token": value.bool(1) },
    '"tokenizer.ggml.add_sep_token"',
  ],
  [
    "a map of characters",
    "gpt2",
    { "tokenizer.ggml.precompiled_charsmap": numbers(1) },
    '"tokenizer.ggml.precompiled_charsmap"',
  ],
  [
    "a blank in front of byte-level texts",
    "gpt2",
    { "tokenizer.ggml.add_space_prefix": value.bool(1) },
    '"tokenizer.ggml.add_space_prefix"',
  ],
  ["a flag that is a number", "gpt2", { "tokenizer.ggml.add_bos_token": value.u32(1) }, "is no boolean"],
  ["no scores", "llama", { ...pieces, "tokenizer.ggml.scores": undefined }, '"tokenizer.ggml.scores"'],
  [
    "some of the bytes",
    "llama",
    { ...pieces, "tokenizer.ggml.token_type": numbers(2, 3, 3, 1, 6, 6, 1, 1) },
    "marks 2 tokens as bytes",
  ],
  [
    "blanks to be removed",
    "llama",
    { ...pieces, "tokenizer.ggml.remove_extra_whitespaces": value.bool(1) },
    "remove_extra_whitespaces",
  ],
] as const)("a file with %s is refused", async (_, model, metadata, message) => {
  await expect(open(model, { ...words, ...(metadata as Metadata) })).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringContaining(message),
  });
});
