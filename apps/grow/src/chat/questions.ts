/** What the chatting decoder is asked: questions that a program makes of WordNet, with the one right answer of each. */
import { type Synset, shareOf } from "@cambium/tasks/real";

/** A question, and what is to be answered. */
export interface Question {
  readonly ask: string;
  readonly answer: string;
}

/** What questions are made of. */
export interface Facts {
  /** Whether it is kept to be measured by. */
  readonly isHeld: boolean;
  /** A word with one meaning. */
  readonly word: string;
  readonly partOfSpeech: string;
  /** Its definition, in plain letters. */
  readonly gloss: string;
  /** What it is a kind of, and its opposite, where there are such. */
  readonly kind?: string;
  readonly opposite?: string;
}

const HELD_SHARE = 0.02;
const LONGEST_GLOSS = 80;

const isPlain = (word: string): boolean => /^[a-z]{3,}$/.test(word);

/** Facts about words that are in one synset only, in its order. */
export function factsOf(synsets: readonly Synset[]): Facts[] {
  const byId = new Map(synsets.map((synset) => [synset.id, synset]));
  const meanings = new Map<string, number>();
  for (const { words } of synsets)
    for (const word of words) meanings.set(word.toLowerCase(), (meanings.get(word.toLowerCase()) ?? 0) + 1);
  return synsets.flatMap((synset): Facts[] => {
    const { id, words, gloss, partOfSpeech, pointers } = synset;
    const at = words.findIndex((word) => isPlain(word) && meanings.get(word) === 1);
    if (at < 0 || gloss.length > LONGEST_GLOSS || !/^[a-z][a-z ,'-]*$/.test(gloss)) return [];
    const kind = byId.get(pointers.find(({ sign }) => sign === "@")?.id ?? "")?.words.find(isPlain);
    const opposed = pointers.find(({ sign, words: places }) => sign === "!" && places?.[0] === at);
    const opposite = opposed && byId.get(opposed.id)?.words[opposed.words![1]];
    return [
      {
        isHeld: shareOf(`asked ${id}`) < HELD_SHARE,
        word: words[at]!,
        partOfSpeech,
        gloss,
        ...(kind !== undefined && { kind }),
        ...(opposite !== undefined && isPlain(opposite) && { opposite }),
      },
    ];
  });
}

const PARTS: Readonly<Record<string, string>> = {
  noun: "a noun",
  verb: "a verb",
  adj: "an adjective",
  adv: "an adverb",
};

/** The first words of a definition, three to eight, so that they are not always as many. */
const phraseOf = ({ gloss, word }: Facts): string =>
  gloss
    .replace(/[,']/g, "")
    .split(" ")
    .slice(0, 3 + (word.length % 6))
    .join(" ");
const wordsOf = (facts: Facts): string[] => phraseOf(facts).split(" ");

/** Kinds of questions: several ways to ask, and the answer; undefined where the facts have none. */
const jobs: Readonly<
  Record<
    string,
    { readonly asks: (facts: Facts) => readonly string[]; readonly answer: (facts: Facts) => string | undefined }
  >
> = {
  "say again": {
    asks: (facts) => [`Say this again: ${phraseOf(facts)}`, `Repeat: ${phraseOf(facts)}`],
    answer: phraseOf,
  },
  capitals: {
    asks: (facts) => [`Write this in capitals: ${phraseOf(facts)}`, `In capitals, please: ${phraseOf(facts)}`],
    answer: (facts) => phraseOf(facts).toUpperCase(),
  },
  "first word": {
    asks: (facts) => [`What is the first word of this: ${phraseOf(facts)}`, `Give the first word: ${phraseOf(facts)}`],
    answer: (facts) => wordsOf(facts)[0],
  },
  "last word": {
    asks: (facts) => [`What is the last word of this: ${phraseOf(facts)}`, `Give the last word: ${phraseOf(facts)}`],
    answer: (facts) => wordsOf(facts).at(-1),
  },
  "count words": {
    asks: (facts) => [`How many words are in this: ${phraseOf(facts)}`, `Count the words: ${phraseOf(facts)}`],
    answer: (facts) => String(wordsOf(facts).length),
  },
  spell: {
    asks: ({ word }) => [`Spell ${word}.`, `How is ${word} spelt?`],
    answer: ({ word }) => [...word].join("-"),
  },
  "part of speech": {
    asks: ({ word }) => [`Is ${word} a noun, a verb, an adjective or an adverb?`, `What part of speech is ${word}?`],
    answer: ({ partOfSpeech }) => PARTS[partOfSpeech],
  },
  kind: {
    asks: ({ word }) => [`What kind of thing is ${word}?`, `What is ${word} a kind of?`],
    answer: ({ kind }) => kind,
  },
  opposite: {
    asks: ({ word }) => [`What is the opposite of ${word}?`, `Give the opposite of ${word}.`],
    answer: ({ opposite }) => opposite,
  },
  meaning: {
    asks: ({ word }) => [`What does ${word} mean?`, `Explain ${word}.`],
    answer: ({ gloss }) => gloss,
  },
  "word for": {
    asks: ({ gloss }) => [`Which word means this: ${gloss}`, `What is the word for this: ${gloss}`],
    answer: ({ word }) => word,
  },
};

/** All kinds of questions. */
export const jobNames: readonly string[] = Object.keys(jobs);

/** A question of a kind, in one of its ways; undefined where the facts have no answer. */
export function questionOf(job: string, facts: Facts, way: number): Question | undefined {
  const { asks, answer } = jobs[job]!;
  const right = answer(facts);
  if (right === undefined) return undefined;
  const ways = asks(facts);
  return { ask: ways[way % ways.length]!, answer: right };
}
