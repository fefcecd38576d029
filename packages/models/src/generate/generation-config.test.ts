import { memory } from "@cambium/base";
import { expect, test } from "vitest";
import { fixture } from "../fixtures.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer.ts";
import { generationDefaults } from "./generation-config.ts";
import { decodingOf } from "./settings.ts";

const config = { model_type: "llama", vocab_size: 99, eos_token_id: 7 };

/** A tokenizer whose folder has a generation_config.json. */
async function withFile(content: string | undefined): Promise<Tokenizer> {
  const json = await fixture("tokenizer-strings").read("smollm.json");
  const own = JSON.stringify({ eos_token: "<|im_end|>" });
  return loadTokenizer(
    memory({
      "tokenizer.json": json,
      "tokenizer_config.json": own,
      ...(content !== undefined && { "generation_config.json": content }),
    }),
  );
}

const defaults = async (file: object, isRead = true) =>
  generationDefaults("generate", config, await withFile(JSON.stringify(file)), isRead);

test("a text ends where any of the files says", async () => {
  expect(generationDefaults("generate", config, await withFile(undefined), true)).toEqual({ stopIds: [7, 2] });
  expect(await defaults({ eos_token_id: [5, 7] })).toEqual({ stopIds: [5, 7, 2] });
  expect(await defaults({ eos_token_id: 5, top_p: 0.5 }, false)).toEqual({ stopIds: [5, 7, 2] });
});

test("what the file says of scores, filters, searches and lengths holds where a call says nothing", async () => {
  const given = await defaults({
    do_sample: true,
    temperature: 0.6,
    num_beams: 4,
    top_k: 20,
    top_p: 0.9,
    min_p: 0.1,
    repetition_penalty: 1.1,
    no_repeat_ngram_size: 3,
    max_new_tokens: 33,
    length_penalty: 2,
    early_stopping: true,
    bad_words_ids: null,
    typical_p: 1,
    transformers_version: "5.0",
  });
  expect(decodingOf("generate", {}, given)).toMatchObject({
    temperature: 0,
    beams: 1,
    topK: 20,
    topP: 0.9,
    minP: 0.1,
    repetitionPenalty: 1.1,
    noRepeatNgram: 3,
    maxTokens: 33,
    lengthPenalty: 2,
    earlyStopping: true,
  });
  expect(decodingOf("generate", { topP: 1, maxTokens: 4, repetitionPenalty: 1 }, given)).toMatchObject({
    topP: 1,
    maxTokens: 4,
    repetitionPenalty: 1,
  });
  expect((await defaults({ top_k: 0 })).topK).toBeUndefined();
  expect(decodingOf("generate", {}, await defaults({ max_length: 20 }))).toMatchObject({
    maxTokens: Number.POSITIVE_INFINITY,
    maxLength: 20,
  });
  expect(decodingOf("generate", { maxTokens: 9 }, await defaults({ max_length: 20 }))).toMatchObject({
    maxTokens: 9,
    maxLength: Number.POSITIVE_INFINITY,
  });
});

test.each([
  [{ suppress_tokens: [3] }, "asks for suppress_tokens [3], which is not supported; pass fileDefaults: false"],
  [{ typical_p: 0.9 }, "asks for typical_p 0.9"],
  [{ forced_eos_token_id: 2 }, "asks for forced_eos_token_id 2"],
  [{ top_p: "0.9" }, 'top_p must be a number, got "0.9"'],
  [{ eos_token_id: "end" }, "eos_token_id must be an id or a list of ids"],
])("a file of %j is an error", async (file, message) => {
  await expect(defaults(file)).rejects.toThrow(message);
});

test("a file that is no JSON is an error, and a value out of range too", async () => {
  const tokenizer = await withFile("{");
  expect(() => generationDefaults("generate", config, tokenizer, true)).toThrow("generation_config.json is no JSON");
  const given = await defaults({ top_p: 3 });
  expect(() => decodingOf("generate", {}, given)).toThrow(
    "generation_config.json: topP must be a number above 0 up to 1, got 3",
  );
  expect(await defaults({ typical_p: 0.9 }, false)).toEqual({ stopIds: [7, 2] });
});
