import { disposeParameters, random } from "@cambium/core";
import { type BertConfig, createModel } from "@cambium/models";
import { expect, test } from "vitest";
import { hiddenRows, natsPerCharacter } from "./nats.ts";

const documents = [
  Array.from({ length: 200 }, (_, i) => `${"ab".repeat(1 + (i % 3))}${i}`).join(" "),
  "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen",
];
const letters = { pieces: (word: string) => [...word].map((letter) => 5 + (letter.charCodeAt(0) % 20)) };
const halves = { pieces: (word: string) => [5 + (word.length % 20), 6] };

test("the same words are hidden in every vocabulary, whole", () => {
  const [one, other] = [hiddenRows(documents, letters), hiddenRows(documents, halves)];
  expect(one.map(({ characters }) => characters)).toEqual(other.map(({ characters }) => characters));
  for (const row of one) expect(row.labels).toHaveLength(row.characters); // a piece for each letter
  for (const row of other) {
    expect(row.labels.length % 2).toBe(0);
    for (const { at } of row.labels) expect(row.ids[at]).toBe(4);
  }
});

test("a model that guesses blindly needs ln of its vocabulary for each piece", async () => {
  const model = createModel<BertConfig>(
    {
      ...{ model_type: "bert", vocab_size: 30, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1 },
      ...{ intermediate_size: 8, max_position_embeddings: 256, initializer_range: 1e-4 },
    },
    random(1),
    { head: { kind: "masked-lm" } },
  );
  expect(await natsPerCharacter(model, letters, documents)).toBeCloseTo(Math.log(30), 3);
  const rows = hiddenRows(documents, halves);
  const pieces = rows.reduce((sum, { labels }) => sum + labels.length, 0);
  const characters = rows.reduce((sum, row) => sum + row.characters, 0);
  expect(await natsPerCharacter(model, halves, documents)).toBeCloseTo((Math.log(30) * pieces) / characters, 3);
  disposeParameters(model.parameters);
});
