import { callTool, toolSet } from "@cambium/tool-learning";
import { beforeAll, expect, test } from "vitest";
import { chain, related } from "./graph.ts";
import { knowledge } from "./tool.ts";
import { openWordNet, type WordNet } from "./wordnet.ts";

let net: WordNet;
beforeAll(async () => {
  net = await openWordNet();
});

async function ask(verb: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(knowledge()).get(`knowledge_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("a sense's id leads back to the sense, for every sense of fifty words", () => {
  const words = net.nouns.filter((_, i) => i % 1000 === 0);
  const senses = words.flatMap((word) => net.senses(word));
  expect(senses.length).toBeGreaterThan(50);
  for (const sense of senses) expect(net.find(sense.id), sense.id).toBe(sense);
});

test("broader and narrower are each other's reverse, and so are parts and wholes", () => {
  for (const [word, there, back] of [
    ["dog", "narrower", "broader"],
    ["bicycle", "parts", "wholes"],
  ] as const) {
    const node = net.senses(word, "noun")[0]!;
    const found = related(net, node, there);
    expect(found.length).toBeGreaterThan(3);
    for (const other of found) expect(related(net, other, back)).toContain(node);
  }
});

test("a dog is a kind of canine, of mammal, of animal, and of entity", () => {
  const ids = chain(net, net.senses("dog")[0]!).map(({ id }) => id);
  expect([ids[0], ids[1], ids.at(-1)]).toEqual(["dog.n.1", "canine.n.2", "entity.n.1"]);
  expect(ids).toEqual(expect.arrayContaining(["mammal.n.1", "animal.n.1"]));
});

test.each([
  ["mice", "no sense"],
  ["dogs", "dog.n.1"],
  ["wolves", "wolf.n.1"],
  ["women", "woman.n.1"],
  ["Running", "run"],
])("%s is found by its base form as far as rules go", async (word, expected) => {
  const first = net.senses(word)[0]?.id ?? "no sense";
  expect(first).toMatch(expected);
});

test.each([
  ["is_a", { thing: "whale", kind: "mammal" }, { isA: true }],
  ["is_a", { thing: "violin", kind: "wind instrument" }, { isA: false }],
  ["common", { first: "cat.n.1", second: "dog.n.1" }, { common: { id: "carnivore.n.1" } }],
  ["related", { sense: "hot.a.1", relation: "opposites" }, { found: [{ words: ["cold"] }] }],
  ["senses", { word: "bank", part: "noun" }, { count: 10 }],
])("%s of %o is %o", async (verb, input, expected) => {
  expect(await ask(verb, input)).toMatchObject(expected);
});

test.each([
  ["senses", { word: "flurbel" }, 'no word "flurbel"'],
  ["chain", { sense: "dog.n.99" }, "no sense or word"],
  ["chain", { sense: "../../etc/passwd" }, "no sense or word"],
  ["related", { sense: "dog", relation: "friends" }, "relation"],
])("%s of %o is refused", async (verb, input, message) => {
  expect(await ask(verb, input)).toMatch(message);
});
