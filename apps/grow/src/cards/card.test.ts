import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Growth } from "../growth/growth.ts";
import { modelCard } from "./card.ts";

const models = new URL("../../../../packages/saplings/models/", import.meta.url);
const [first] = readdirSync(models).filter((name) => !name.includes("."));
const shipped = JSON.parse(readFileSync(new URL(`${first}/growth.json`, models), "utf8")) as Growth;
const { perplexity, from: _, ...rest } = shipped;
const decoder: Growth = { ...rest, name: "llama-6x256-v1", kind: "decoder", natsPerCharacter: perplexity! };

test("an encoder's card has a perplexity for each corpus", () => {
  expect(modelCard(shipped, [])).toContain("perplexity held out |");
});

test("the card of what writes has nats of a character for each corpus", () => {
  const card = modelCard(decoder, []);
  expect(card).toContain("nats a character held out |");
  expect(card).toContain("A LLaMA decoder");
  expect(card).not.toContain("undefined");
  expect(modelCard({ ...decoder, kind: "encoder-decoder" }, [])).toContain("span corruption");
});

test("a version that continues another says how much of the old text it keeps", () => {
  const card = modelCard({ ...shipped, from: "bert-4x256-v1", replay: { domains: ["base"], share: 0.1 } }, []);
  expect(card).toContain("Of the rows 10 % are text that the versions before it learnt from (base)");
});

test("the card of what chats says how many answers are right, by kind of question", () => {
  const { natsPerCharacter: __, domain: ___, ...chat } = decoder;
  const card = modelCard({ ...chat, kind: "chat", from: "llama-6x256-v1", answers: { spell: 0.675, kind: 0.1 } }, []);
  expect(card).toContain("| spell | 68 % |");
  expect(card).toContain("It began as llama-6x256-v1");
  expect(card).not.toContain("undefined");
});
