import { makeCard, type TaskParts, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import type { FullSetup } from "../setup.ts";
import { type CorpusDocument, stateOfTheUnion } from "./corpus.ts";

/** Phrases that became famous, and the addresses that they are from. */
const FAMOUS: readonly (readonly [phrase: string, year: number])[] = [
  ["unconditional war on poverty", 1964],
  ["the era of big government is over", 1996],
  ["an axis of evil, arming to threaten the peace of the world", 2002],
  ["America is addicted to oil", 2006],
  ["this is our generation's Sputnik moment", 2011],
  ["one year of Watergate is enough", 1974],
  ["an attempt by any outside force to gain control of the Persian Gulf region", 1980],
  ["the state of the Union is not good", 1975],
  ["a thousand points of light", 1991],
  ["we can follow our dreams to distant stars, living and working in space", 1984],
];

interface Found {
  readonly passages: readonly { readonly title: string; readonly text: string }[];
}

const presidentOf = ({ title }: CorpusDocument): string => title.split(", ").slice(1).join(", ");
const surname = (name: string): string => name.split(" ").at(-1)!;

function asks(instruction: string, query: string, right: CorpusDocument, all: readonly CorpusDocument[]): TaskParts {
  const president = presidentOf(right);
  const others = [...new Set(all.map(presidentOf))].filter((name) => surname(name) !== surname(president));
  return {
    instruction,
    async expert(call) {
      const { passages } = await call<Found>("search_passages", { query });
      const letters = (text: string): string => text.toLowerCase().replace(/[^a-z]+/g, "");
      const best = passages.find(({ text }) => letters(text).includes(letters(query))) ?? passages[0]!;
      const [, year, name] = /^State of the Union (\d{4}), (.*)$/.exec(best.title)!;
      return `${name} said it in ${year}.`;
    },
    succeeds: ({ answer }) =>
      givesNumber(answer, right.year!, { instruction }) && names(answer, [surname(president)], others.map(surname)),
  };
}

/** Instructions for `search` over the addresses since 1961. */
export async function searchCard(setup: FullSetup, each: number): Promise<ToolCard> {
  const all = await stateOfTheUnion(1961);
  const counts = new Map<number, number>();
  for (const { year } of all) counts.set(year!, (counts.get(year!) ?? 0) + 1);
  const alone = all.filter(({ year }) => counts.get(year!) === 1);
  const sentences = alone
    .map((document) => ({ document, list: document.text.match(/(?<=[.!?] )[A-Z][\w ,;'-]{70,150}\.(?= )/g) ?? [] }))
    .filter(({ list }) => list.length > 0);
  return makeCard("search", setup, each * 3, {
    famous(random) {
      const [phrase, year] = random.pick(FAMOUS);
      const right = alone.find((document) => document.year === year)!;
      return asks(
        random.pick([
          `In which State of the Union address do the words "${phrase}" stand? Name the President and the year.`,
          `Who spoke of "${phrase}" in a State of the Union address, and in which year?`,
        ]),
        phrase,
        right,
        all,
      );
    },
    quote(random) {
      const { document, list } = random.pick(sentences);
      const sentence = random.pick(list);
      return asks(
        `Which President said the following to Congress, and in which year? "${sentence}"`,
        sentence,
        document,
        all,
      );
    },
  });
}
