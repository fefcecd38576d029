import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { basesOf, pluralOf } from "./inflection.ts";
import { translate } from "./tool.ts";

const kit = translate();

async function ask(verb: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(`translate_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test.each([
  ["penguin", "en", "de", "Pinguin"],
  ["hot dog", "en", "es", "perrito caliente"],
  ["Wolf", "de", "fr", "loup"],
  ["Studentin", "de", "en", "student"],
])("%s from %s to %s is %s", async (text, from, to, right) => {
  expect(await ask("word", { text, from, to })).toMatchObject({
    found: true,
    isPlural: false,
    translations: [{ text: right }],
  });
});

test.each([
  ["foxes", "en", "es", "zorros"],
  ["geese", "en", "fr", "oies"],
  ["Wölfe", "de", "en", "wolves"],
  ["tiburones", "es", "en", "sharks"],
  ["chevaux", "fr", "es", "caballos"],
  ["wolves", "en", "de", null],
])("the plural %s from %s to %s is %s, or without a rule null", async (text, from, to, plural) => {
  const entry = (await ask("word", { text, from, to })) as {
    isPlural: boolean;
    translations: { plural: string | null }[];
  };
  expect(entry.isPlural).toBe(true);
  expect(entry.translations[0]!.plural).toBe(plural);
});

test("a word that the list lacks is no entry, and a text's gaps stay gaps", async () => {
  expect(await ask("word", { text: "mortgage", from: "en", to: "de" })).toEqual({
    found: false,
    reason: 'no entry for "mortgage" in English',
  });
  expect(await ask("gloss", { text: "The wolf eats a hot dog.", from: "en", to: "de" })).toEqual({
    pieces: [
      { text: "The", translations: [] },
      { text: "wolf", translations: ["Wolf"] },
      { text: "eats", translations: [] },
      { text: "a", translations: [] },
      { text: "hot dog", translations: ["Hotdog"] },
    ],
    gaps: 3,
    notRead: 0,
  });
});

test.each([
  ["en", "fox", "foxes"],
  ["en", "cherry", "cherries"],
  ["en", "mouse", "mice"],
  ["es", "lápiz", "lápices"],
  ["es", "león", "leones"],
  ["es", "autobús", "autobuses"],
  ["fr", "cheval", "chevaux"],
  ["fr", "gâteau", "gâteaux"],
  ["fr", "ours", "ours"],
])("the plural in %s of %s is %s, and it leads back", (language, word, plural) => {
  expect(pluralOf(word, language)).toBe(plural);
  if (plural !== word) expect(basesOf(plural, language)).toContain(word);
});

test("a language that is not there is refused", async () => {
  expect(await ask("word", { text: "x", from: "en", to: "xx" })).toMatch('"to"');
});
