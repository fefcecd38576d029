import { type Random, random } from "@cambium/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { fixtureJson } from "../fixtures.ts";
import { createTokenizer, type Tokenizer } from "../tokenizer.ts";
import { constraintOf, type Format } from "./format.ts";
import type { JsonSchema } from "./schema.ts";

const tokenizers = {
  "byte-level": createTokenizer(fixtureJson("tokenizer-strings/smollm.json")),
  "with bytes to fall back on": createTokenizer(fixtureJson("tokenizer-strings/llama.json")),
};

/** Texts of a format by a model that knows nothing: scores are noise, and signs that end things are likelier. */
function noiseText(
  tokenizer: Tokenizer,
  format: Format,
  key: Random,
  most: number,
): { ids: number[]; isWhole: boolean } {
  const size = tokenizer.vocabularySize + 3; // models have rows without a token
  const end = size - 1;
  let state = constraintOf("test", format, { tokenizer, size, continues: false });
  const ids: number[] = [];
  for (let step = 0; step < most; step++) {
    const scores = Float32Array.from(key.at(step).normals(size));
    for (const sign of ['"', "}", "]", '"}', ",", ":"]) {
      const id = tokenizer.idOf(sign);
      if (id !== undefined) scores[id]! += 2;
    }
    state.rule(scores, new Set([end]));
    const id = scores.indexOf(Math.max(...scores));
    if (id === end) return { ids, isWhole: true };
    ids.push(id);
    state = state.next(id);
    if (state.isFull) return { ids, isWhole: true };
  }
  return { ids, isWhole: false };
}

const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);

const { schema } = fc.letrec<{ schema: JsonSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.record({ type: fc.constant("string"), minLength: fc.nat(3), maxLength: fc.integer({ min: 3, max: 9 }) }),
    fc.record({
      type: fc.constant("integer"),
      minimum: fc.integer({ min: -1000, max: 10 }),
      maximum: fc.integer({ min: 10, max: 10_000 }),
    }),
    fc.record({
      type: fc.constant("number"),
      exclusiveMinimum: fc.integer({ min: -99, max: 1 }),
      maximum: fc.double({ min: 1.5, max: 99, noNaN: true }),
    }),
    fc.constantFrom<JsonSchema>({ type: "boolean" }, { type: "null" }, { type: "number" }, { type: "integer" }),
    fc.record({ enum: fc.array(value, { minLength: 1, maxLength: 3 }) }),
    fc.record({ const: value }),
    fc.record({
      type: fc.constant("array"),
      items: tie("schema"),
      minItems: fc.nat(1),
      maxItems: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ anyOf: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }),
    fc
      .dictionary(
        fc.string({ minLength: 1, maxLength: 6 }).filter((name) => name !== "__proto__"),
        fc.tuple(tie("schema"), fc.boolean()),
        { maxKeys: 4 },
      )
      .map((members) => ({
        type: "object",
        properties: Object.fromEntries(Object.entries(members).map(([name, [member]]) => [name, member])),
        required: Object.keys(members).filter((name) => members[name]![1]),
        additionalProperties: false,
      })),
  ) as fc.Arbitrary<JsonSchema>,
}));

describe.each(Object.entries(tokenizers))("a %s vocabulary", (_, tokenizer) => {
  test("whatever the scores, what ends is JSON that fits its schema", () => {
    let whole = 0;
    fc.assert(
      fc.property(schema, fc.nat(), (given, seed) => {
        const { ids, isWhole } = noiseText(tokenizer, { schema: given }, random(seed), 160);
        if (!isWhole) return;
        whole++;
        const text = tokenizer.decode(ids, { cleanUp: false });
        const parsed = z.fromJSONSchema(given as never).safeParse(JSON.parse(text));
        expect([text, parsed.error]).toEqual([text, undefined]);
      }),
      { seed: 11, numRuns: 120 },
    );
    expect(whole).toBeGreaterThan(100);
  });

  test("whatever the scores, free JSON that ends is an object", () => {
    let whole = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { ids, isWhole } = noiseText(tokenizer, "json", random(seed), 200);
      if (!isWhole) continue;
      whole++;
      expect(JSON.parse(tokenizer.decode(ids, { cleanUp: false }))).toBeTypeOf("object");
    }
    expect(whole).toBeGreaterThan(10);
  });

  test("a text is one of the choices, each of which can come", () => {
    const choices = ["yes", "no", "nothing", "żółw 🐢", "nowhere else"];
    const texts = Array.from({ length: 60 }, (__, seed) =>
      tokenizer.decode(noiseText(tokenizer, { choices }, random(seed), 30).ids),
    );
    expect(new Set(texts)).toEqual(new Set(choices));
  });

  test("the tokens that are left are those behind which a text of the format goes on", () => {
    const given: JsonSchema = {
      type: "object",
      properties: { a: { type: "string", maxLength: 3 }, b: { type: "integer" } },
      required: ["a"],
    };
    const size = tokenizer.vocabularySize;
    let state = constraintOf("test", { schema: given }, { tokenizer, size, continues: true });
    const key = random(5);
    for (let step = 0; step < 40 && !state.isFull; step++) {
      const scores = Float32Array.from(key.at(step).normals(size));
      const left = scores.slice();
      state.rule(left, new Set());
      for (let id = 0; id < size; id++) {
        const bytes = tokenizer.bytes(id);
        const goesOn = bytes !== undefined && bytes.length > 0 && isGoingOn(() => state.next(id));
        expect([step, id, left[id] !== Number.NEGATIVE_INFINITY]).toEqual([step, id, goesOn]);
      }
      state = state.next(left.indexOf(Math.max(...left)));
    }
    expect(state.isFull).toBe(true);
  });
});

function isGoingOn(next: () => unknown): boolean {
  try {
    next();
    return true;
  } catch {
    return false;
  }
}

test("a schema that is too long or too deep is refused before it is looked at", () => {
  const tokenizer = tokenizers["byte-level"];
  const make = (given: JsonSchema) => () =>
    constraintOf("test", { schema: given }, { tokenizer, size: tokenizer.vocabularySize, continues: false });
  let deep: JsonSchema = { type: "null" };
  for (let i = 0; i < 20_000; i++) deep = { type: "array", items: deep };
  expect(make(deep)).toThrow("more than 400 values one inside of the other");
  expect(make({ const: "x".repeat(2 ** 18) })).toThrow("characters, and at most 262144 are followed");
});

test("a vocabulary that lacks what a format needs is an error", () => {
  const vocab = { a: 0, b: 1, "[UNK]": 2 };
  const parts = { normalizer: null, pre_tokenizer: null, post_processor: null };
  const model = { type: "WordLevel", vocab, unk_token: "[UNK]" };
  const poor = createTokenizer({ model, added_tokens: [], ...parts, decoder: { type: "Fuse" } });
  const state = constraintOf("test", "json", { tokenizer: poor, size: 3, continues: false });
  expect(() => state.rule(new Float32Array(3), new Set())).toThrow("no token of the vocabulary goes on");
  const words = createTokenizer({ model, added_tokens: [], ...parts, decoder: null });
  expect(() => constraintOf("test", "json", { tokenizer: words, size: 3, continues: false })).toThrow(
    "stand for bytes",
  );
});

test.each([[undefined], [{}], [{ choices: [] }], [{ choices: [""] }], [{ schema: true, choices: ["a"] }], ["xml"]])(
  "%j is no format",
  (format) => {
    expect(() =>
      constraintOf("test", format as never, { tokenizer: tokenizers["byte-level"], size: 9, continues: false }),
    ).toThrow("test: ");
  },
);
