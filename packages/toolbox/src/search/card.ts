import { makeCard, type TaskParts, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import type { Random } from "../random.ts";
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
const letters = (text: string): string => text.toLowerCase().replace(/[^a-z]+/g, "");

/** What an answer has to name. */
interface Asked {
  readonly who?: boolean;
  readonly when?: boolean;
}

/** Instructions for `search` over the addresses since 1961. */
export async function searchCard(setup: FullSetup, each: number): Promise<ToolCard> {
  const all = await stateOfTheUnion(1961);
  const surnames = [...new Set(all.map((document) => surname(presidentOf(document))))];
  // Two addresses were given in 1961: a year has to name one.
  const alone = all.filter(({ year }) => all.filter((other) => other.year === year).length === 1);
  const sentences = alone
    .map((document) => ({ document, list: document.text.match(/(?<=[.!?] )[A-Z][\w ,;'-]{70,150}\.(?= )/g) ?? [] }))
    .filter(({ list }) => list.length > 0);

  function asks(
    instruction: string,
    query: string,
    right: CorpusDocument,
    { who = false, when = false }: Asked,
  ): TaskParts {
    return {
      instruction,
      async expert(call) {
        const { passages } = await call<Found>("search_passages", { query });
        const best = passages.find(({ text }) => letters(text).includes(letters(query))) ?? passages[0]!;
        const [, year, name] = /^State of the Union (\d{4}), (.*)$/.exec(best.title)!;
        return who && when ? `${name} said it in ${year}.` : who ? `It was ${name}.` : `It was in ${year}.`;
      },
      succeeds: ({ answer }) =>
        (!when || givesNumber(answer, right.year!, { instruction })) &&
        (!who || names(answer, [surname(presidentOf(right))], surnames)),
    };
  }
  const famous = (random: Random): readonly [phrase: string, right: CorpusDocument] => {
    const [phrase, year] = random.pick(FAMOUS);
    return [phrase, alone.find((document) => document.year === year)!];
  };
  const quote = (random: Random): readonly [sentence: string, right: CorpusDocument] => {
    const { document, list } = random.pick(sentences);
    return [random.pick(list), document];
  };
  return makeCard("search", setup, each, {
    famousWho(random) {
      const [phrase, right] = famous(random);
      return asks(`Which President spoke of "${phrase}" in a State of the Union address?`, phrase, right, {
        who: true,
      });
    },
    famousWhen(random) {
      const [phrase, right] = famous(random);
      return asks(`In which year do the words "${phrase}" stand in a State of the Union address?`, phrase, right, {
        when: true,
      });
    },
    quoteWho(random) {
      const [sentence, right] = quote(random);
      return asks(`Who said to Congress: "${sentence}"`, sentence, right, { who: true });
    },
    quoteWhen(random) {
      const [sentence, right] = quote(random);
      return asks(`From the address of which year is this sentence? "${sentence}"`, sentence, right, { when: true });
    },
    quoteBoth(random) {
      const [sentence, right] = quote(random);
      return asks(`Which President said the following to Congress, and in which year? "${sentence}"`, sentence, right, {
        who: true,
        when: true,
      });
    },
  });
}
