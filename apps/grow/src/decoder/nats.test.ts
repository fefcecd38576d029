import { disposeParameters, random } from "@cambium/core";
import { createModel } from "@cambium/models";
import { expect, test } from "vitest";
import { nextNatsPerCharacter } from "./nats.ts";

const documents = [Array.from({ length: 60 }, (_, i) => `word${i}`).join(" "), "a short one"];
const letters = { pieces: (text: string) => [...text].map((letter) => 36 + (letter.charCodeAt(0) % 20)) };
const pairs = { pieces: (text: string) => text.match(/.{1,2}/gs)!.map((pair) => 36 + (pair.charCodeAt(0) % 20)) };

test("a model that guesses blindly needs ln of its vocabulary for each piece, whatever the padding", async () => {
  const model = createModel(
    {
      ...{ model_type: "llama", vocab_size: 60, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1 },
      ...{ num_attention_heads: 2, initializer_range: 1e-4, max_position_embeddings: 512 },
    },
    random(1),
    { head: { kind: "causal-lm" } },
  );
  expect(await nextNatsPerCharacter(model, letters, documents)).toBeCloseTo(Math.log(60), 3);
  const halved = await nextNatsPerCharacter(model, pairs, documents);
  expect(halved).toBeGreaterThan(Math.log(60) / 2); // rows of odd length end with a piece of one letter
  expect(halved).toBeLessThan(Math.log(60) / 1.9);
  disposeParameters(model.parameters);
});
