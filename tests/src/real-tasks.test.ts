/** The small real tasks: their sizes, their classes, and that nothing that is measured was to be seen before. */
import { dropDuplicates, dropKnown, findDuplicates, normaliseText } from "@cambium/tasks";
import { type LoadedTask, loadMail, loadTask, loadWordnet, mailSplit, realTasks } from "@cambium/tasks/real";
import { beforeAll, describe, expect, test } from "vitest";

const tasks = new Map<string, LoadedTask>();
beforeAll(async () => {
  for (const { name } of realTasks) tasks.set(name, await loadTask(name));
});

test("there are twelve tasks or more, in five types", () => {
  expect(realTasks.length).toBeGreaterThanOrEqual(12);
  expect(new Set(realTasks.map(({ type }) => type)).size).toBe(5);
});

describe.each(realTasks)("$name", ({ name, type, packages, licence }) => {
  const of = (): LoadedTask => tasks.get(name)!;

  test("has rows of every class in every part, and 32 of each to train on", () => {
    const { task, train, dev, test: held } = of();
    expect(packages.length * licence.length).toBeGreaterThan(0);
    expect(train.length).toBeGreaterThanOrEqual(500);
    expect(held.length).toBeGreaterThanOrEqual(150);
    for (const label of task.labels) {
      expect(train.filter((row) => row.label === label).length, label).toBeGreaterThanOrEqual(32);
      for (const part of [dev, held])
        expect(
          part.some((row) => row.label === label),
          label,
        ).toBe(true);
    }
    if (task.kind === "texts") for (const { target, answers } of held) expect(answers).toContain(target);
  });

  test("has no text in two parts, nor almost, nor a group", () => {
    const { train, dev, test: held } = of();
    const all = [...train, ...dev, ...held];
    const partOf = (i: number): number => (i < train.length ? 0 : i < train.length + dev.length ? 1 : 2);
    const near = type === "words" ? 1 : 0.8;
    expect(findDuplicates(all, { near }).filter(({ rows: [i, j] }) => partOf(i) !== partOf(j))).toEqual([]);
    const groups = (rows: LoadedTask["test"]) => new Set(rows.flatMap(({ group }) => group ?? []));
    const trained = groups(train);
    expect([...groups(held)].filter((group) => trained.has(group))).toEqual([]);
    expect(dropDuplicates({ train, dev, test: held }, { near }).dropped).toEqual({ train: 0, dev: 0, test: 0 });
  });
});

const measured = (name: string) => tasks.get(name)!.test;

test.each(["wordnet-supersense", "wordnet-verb-supersense", "wordnet-part-of-speech", "wordnet-definition"])(
  "no definition of %s that is measured is one that the saplings have read, nor almost",
  async (name) => {
    const read = (await loadWordnet()).filter(({ isHeld }) => !isHeld).map(({ gloss }) => ({ text: gloss }));
    expect(dropKnown(measured(name), read, { near: 0.8 })).toHaveLength(measured(name).length);
  },
);

test.each(["wordnet-hypernym", "wordnet-gloss"])("no word of %s that is measured is trained on", (name) => {
  const { train, dev, test: held } = tasks.get(name)!;
  const trained = new Set(train.map(({ text }) => text));
  expect([...dev, ...held].filter(({ text }) => trained.has(text))).toEqual([]);
});

test.each(["wordnet-hypernym", "wordnet-gloss"])("in %s a second text alone does not tell the class", (name) => {
  // Of second texts that come in both classes, as many rows are right as wrong, to one each.
  const { train } = tasks.get(name)!;
  const yes = new Set(train.filter(({ label }) => label === "yes").map(({ pair }) => pair));
  const no = train.filter(({ label }) => label === "no");
  expect(no.filter(({ pair }) => yes.has(pair)).length / no.length).toBeGreaterThan(0.5);
});

test("no pair of words that is measured stands in an entry that says how they belong together and that the saplings have read", async () => {
  const pairs = new Map<string, { readonly text: string; readonly pair?: string }>();
  for (const row of measured("wordnet-antonym")) pairs.set(`${row.text}\n${row.pair}`, row);
  const holds = (entry: string, word: string): boolean => entry.includes(` ${word} `);
  const wrong: string[] = [];
  for (const { words, isHeld } of await loadWordnet()) {
    if (isHeld) continue;
    const entry = ` ${normaliseText(words.join(" , "))} `;
    for (const { text, pair } of pairs.values())
      if (holds(entry, text) && holds(entry, pair!) && words.includes(text) && words.includes(pair!))
        wrong.push(`${text}, ${pair}`);
  }
  expect(wrong).toEqual([]);
});

test("no message that is measured is among those that a sapling goes on with", async () => {
  const read = new Set(mailSplit(await loadMail()).train.map(({ text }) => normaliseText(text.slice(0, 1000))));
  expect(measured("spam").filter(({ text }) => read.has(normaliseText(text)))).toEqual([]);
});

test.each(["speech-era", "speech-author", "next-sentence", "word-order"])(
  "every text of %s that is measured is of a document that is held back",
  async (name) => {
    const groups = new Set(measured(name).map(({ group }) => group));
    const held = [
      "1815_james_madison_dr",
      "1865_andrew_johnson_nu",
      "1915_woodrow_wilson_d",
      "1964_lyndon_b_johnson_d",
      "2014_barack_obama_d",
    ];
    expect([...groups].filter((group) => !held.includes(group!) && !/^chapter_(45|90|121)$/.test(group!))).toEqual([]);
  },
);

test("a task that does not exist is told", async () => {
  await expect(loadTask("wordnet-supersens")).rejects.toThrow('was "wordnet-supersense" meant');
});
