import { makeCard, type ToolCard } from "../card.ts";
import { mentions, names } from "../checks.ts";
import { type Random, until } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { pluralOf } from "./inflection.ts";
import { LANGUAGES, openWordList } from "./word-list.ts";

interface Found {
  readonly found: boolean;
  readonly translations?: readonly { readonly text: string; readonly plural?: string | null }[];
}

/** Words that name no pictograph. */
const GAPS = [
  "gratitude",
  "carburettor",
  "nevertheless",
  "parliament",
  "hypothesis",
  "mortgage",
  "lawnmower",
  "stapler",
  "plumbing",
];

/** Instructions for `translate`. */
export async function translateCard(setup: FullSetup, each: number): Promise<ToolCard> {
  const lists = new Map(
    await Promise.all(Object.keys(LANGUAGES).map(async (code) => [code, (await openWordList(code)).names] as const)),
  );
  const english = lists.get("en")!;
  const counts = new Map<string, number>();
  for (const name of english.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const single = [...english].filter(
    ([, name]) => /^[a-z]{3,}$/.test(name) && !name.endsWith("s") && counts.get(name) === 1,
  );
  const phrases = [...english].filter(
    ([, name]) => /^[a-z]+ [a-z]+$/.test(name) && !name.endsWith("face") && counts.get(name) === 1,
  );
  const abroad = (random: Random): string => random.pick(Object.keys(LANGUAGES).filter((code) => code !== "en"));

  const looksUp = (instruction: string, text: string, from: string, to: string, right: string) => ({
    instruction,
    async expert(call: Parameters<ReturnType<typeof makeCard>["tasks"][number]["expert"]>[0]) {
      const { translations } = await call<Found>("translate_word", { text, from, to });
      return `It is "${translations![0]!.text}".`;
    },
    succeeds: ({ answer }: { readonly answer: string }) => mentions(answer, right),
  });

  return makeCard("translate", setup, each, {
    word(random) {
      const to = abroad(random);
      // A word that is the same in both languages could be guessed by repeating it.
      const [concept, word] = until(
        () => random.pick(single),
        ([concept, name]) =>
          !mentions(lists.get(to)!.get(concept)!, name) && /^[\p{L} -]+$/u.test(lists.get(to)!.get(concept)!),
      );
      return looksUp(
        random.pick([`What is "${word}" in ${LANGUAGES[to]}?`, `How do you say "${word}" in ${LANGUAGES[to]}?`]),
        word,
        "en",
        to,
        lists.get(to)!.get(concept)!,
      );
    },
    phrase(random) {
      const to = abroad(random);
      const [concept, phrase] = until(
        () => random.pick(phrases),
        ([concept, name]) =>
          !mentions(lists.get(to)!.get(concept)!, name) && /^[\p{L} -]+$/u.test(lists.get(to)!.get(concept)!),
      );
      return looksUp(`Look up the ${LANGUAGES[to]} for "${phrase}".`, phrase, "en", to, lists.get(to)!.get(concept)!);
    },
    back(random) {
      const from = abroad(random);
      const names = lists.get(from)!;
      const [concept, word] = until(
        () => random.pick(single),
        ([concept, name]) =>
          /^\p{L}+$/u.test(names.get(concept)!) &&
          !mentions(names.get(concept)!, name) &&
          [...names.values()].filter((other) => other.toLowerCase() === names.get(concept)!.toLowerCase()).length === 1,
      );
      return looksUp(
        `What does the ${LANGUAGES[from]} word "${names.get(concept)}" mean in English?`,
        names.get(concept)!,
        from,
        "en",
        word,
      );
    },
    plural(random) {
      const to = random.pick(["es", "fr"]);
      const names = lists.get(to)!;
      const [concept, word] = until(
        () => random.pick(single),
        ([concept]) =>
          pluralOf(names.get(concept)!, to) !== undefined && pluralOf(names.get(concept)!, to) !== names.get(concept),
      );
      const [text, right] = [pluralOf(word, "en")!, pluralOf(names.get(concept)!, to)!];
      return {
        instruction: `What is the plural "${text}" in ${LANGUAGES[to]}? Give the plural.`,
        async expert(call) {
          const { translations } = await call<Found>("translate_word", { text, from: "en", to });
          return `It is "${translations![0]!.plural}".`;
        },
        succeeds: ({ answer }) => mentions(answer, right),
      };
    },
    gap(random) {
      const [word, to] = [random.pick(GAPS), abroad(random)];
      return {
        instruction: `Is there an entry for "${word}" from English to ${LANGUAGES[to]} in the word list? Say "entry" with the word, or "no entry".`,
        async expert(call) {
          const { found } = await call<Found>("translate_word", { text: word, from: "en", to });
          return found ? "entry" : "no entry";
        },
        succeeds: ({ answer }) => names(answer, ["no entry"]),
      };
    },
  });
}
