import { disposeParameters, random } from "@cambium/core";
import { createModel } from "@cambium/models";
import { expect, test } from "vitest";
import { hiddenRows } from "../measures/nats.ts";
import { SENTINEL_ID } from "../text/byte-vocabulary.ts";
import { hiddenWords, spanNatsPerCharacter } from "./nats.ts";

const documents = [Array.from({ length: 90 }, (_, i) => `${"ab".repeat(1 + (i % 3))}${i}`).join(" ")];
const letters = { pieces: (text: string) => [...text].map((letter) => 36 + (letter.charCodeAt(0) % 20)) };

test("the words are those that an encoder guesses, and nothing of the text is lost", () => {
  const rows = hiddenWords(documents, letters);
  expect(rows.map(({ characters }) => characters)).toEqual(
    hiddenRows(documents, letters).map(({ characters }) => characters),
  );
  const isPiece = (id: number): boolean => id >= 36;
  const whole = letters.pieces(documents[0]!);
  const seen = rows.flatMap(({ source, target }) => [...source, ...target]).filter(isPiece);
  expect(seen.length).toBeLessThanOrEqual(whole.length); // all but the spaces between rows and rows that hide nothing
  for (const { source, target } of rows) {
    const spans = source.filter((id) => id >= SENTINEL_ID && !isPiece(id));
    expect(target.filter((id) => id >= SENTINEL_ID && !isPiece(id))).toEqual([...spans, SENTINEL_ID + spans.length]);
  }
});

test("a model that guesses blindly needs ln of its vocabulary for each token of the target", async () => {
  const model = createModel(
    {
      ...{ model_type: "t5", vocab_size: 60, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 },
      ...{ dropout_rate: 0, initializer_factor: 1e-3 },
    },
    random(1),
    { head: { kind: "sequence-to-sequence" } },
  );
  const rows = hiddenWords(documents, letters);
  const tokens = rows.reduce((sum, { target }) => sum + target.length, 0);
  const characters = rows.reduce((sum, row) => sum + row.characters, 0);
  expect(await spanNatsPerCharacter(model, letters, documents)).toBeCloseTo((Math.log(60) * tokens) / characters, 3);
  disposeParameters(model.parameters);
});
