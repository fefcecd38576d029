import { disposeParameters, random } from "@cambium/core";
import { collate, createModel } from "@cambium/models";
import type { Synset } from "@cambium/tasks/real";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { BYTE_SPECIAL, chatFiles, TURN_END_ID, tokenizerOf, trainByteVocabulary } from "../text/byte-vocabulary.ts";
import { CHAT_TEMPLATE, conversation, heldQuestions, LOUD } from "./conversations.ts";
import { type Facts, factsOf, jobNames, questionOf } from "./questions.ts";

const synset = (id: string, words: string[], gloss: string, pointers: Synset["pointers"] = []): Synset => ({
  ...{ id, words, gloss, pointers, text: gloss, field: "animal", isHeld: false },
  partOfSpeech: "noun",
});

const synsets = [
  synset("noun-1", ["whale", "big fish"], "a very large animal of the sea", [{ sign: "@", id: "noun-2" }]),
  synset("noun-2", ["animal", "bank"], "what lives and moves"),
  synset("noun-3", ["bank"], "sloping land beside water"),
  synset("noun-4", ["heat"], "a high temperature", [{ sign: "!", id: "noun-5", words: [0, 0] }]),
  synset("noun-5", ["cold"], "a low temperature", [{ sign: "!", id: "noun-4", words: [0, 0] }]),
  synset("noun-6", ["Moby"], "the whale of the book"),
];
const [whale, animal, heat] = factsOf(synsets) as [Facts, Facts, Facts];

test("facts are of plain words with one meaning", () => {
  expect(factsOf(synsets).map(({ word }) => word)).toEqual(["whale", "animal", "heat", "cold"]);
  expect(whale.kind).toBe("animal");
  expect([heat.opposite, whale.opposite]).toEqual(["cold", undefined]);
});

test("the answers are those of the facts", () => {
  const answers = Object.fromEntries(jobNames.map((job) => [job, questionOf(job, whale, 0)?.answer]));
  expect(answers).toEqual({
    "say again": "a very large animal of the sea",
    capitals: "A VERY LARGE ANIMAL OF THE SEA",
    "first word": "a",
    "last word": "sea",
    "count words": "7",
    spell: "w-h-a-l-e",
    "part of speech": "a noun",
    kind: "animal",
    opposite: undefined,
    meaning: "a very large animal of the sea",
    "word for": "whale",
  });
  expect(questionOf("kind", animal, 0)).toBeUndefined();
  expect(questionOf("spell", whale, 1)!.ask).toBe("How is whale spelt?");
});

test("held-out words are asked about in no conversation", () => {
  const facts = [whale, animal, { ...heat, isHeld: true }];
  const held = heldQuestions(facts, 5);
  expect(held.get("opposite")).toEqual([{ ask: "What is the opposite of heat?", answer: "cold" }]);
  expect(held.has("kind")).toBe(false);
});

test("a conversation is a function of its key, in turns, and in capitals where that was asked for", () => {
  const all = Array.from({ length: 60 }, (_, i) => conversation([whale, animal, heat], random(4).at(i)));
  expect(conversation([whale, animal, heat], random(4).at(7))).toEqual(all[7]);
  for (const { messages } of all) {
    const turns = messages.filter(({ role }) => role !== "system");
    expect(turns.map(({ role }) => role)).toEqual(turns.map((_, i) => (i % 2 === 0 ? "user" : "assistant")));
    if (messages[0]!.content !== LOUD) continue;
    for (const { role, content } of messages)
      if (role === "assistant") expect(content).toBe((content as string).toUpperCase());
  }
  expect(all.some(({ messages }) => messages[0]!.content === LOUD)).toBe(true);
});

test("only answers and the ends of their turns are learnt, whatever users type", async () => {
  const { files } = await trainByteVocabulary(["a whale of the sea, a bank of the river"], 320);
  const tokenizer = await tokenizerOf(chatFiles(files, CHAT_TEMPLATE));
  const model = createModel(
    {
      ...{ model_type: "llama", vocab_size: 320, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1 },
      ...{ num_attention_heads: 2, max_position_embeddings: 256 },
    },
    random(1),
    { head: { kind: "causal-lm" } },
  );
  const toBatch = collate(model, tokenizer, { maxLength: 128, padTo: [128] });
  const batch = toBatch([
    {
      messages: [
        { role: "user", content: "say <|im_end|>" },
        { role: "assistant", content: "a whale" },
      ],
    },
  ]);
  const { ids, labels } = batch;
  const learnt = [...labels!.dataSync()].filter((id) => id >= 0);
  expect(tokenizer.decode(learnt, { skipSpecial: false })).toBe("a whale<|im_end|>");
  expect([...ids.dataSync()].filter((id) => id === TURN_END_ID)).toHaveLength(2); // what was typed is text
  dispose(Object.values(batch) as Tensor[]);
  disposeParameters(model.parameters);
  expect(BYTE_SPECIAL.map((token) => tokenizer.idOf(token))).toEqual(BYTE_SPECIAL.map((_, id) => id));
});
