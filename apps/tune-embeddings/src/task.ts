import type { Row } from "@cambium/models";
import { shareOf } from "@cambium/tasks/real";
import { type Part, partOf, type Synset } from "./wordnet.ts";

/** Definitions to look up, and the words to find. */
export interface Lookup {
  readonly queries: readonly string[];
  /** All different words of the part's synsets. */
  readonly words: readonly string[];
  /** Of each query, which of `words` are right. */
  readonly wanted: readonly ReadonlySet<number>[];
}

/** What is trained on and what is measured. */
export interface Task {
  /** A definition and one of its words, a row for each synset. */
  readonly rows: readonly Row[];
  readonly dev: Lookup;
  readonly test: Lookup;
  /** Of the test's queries, whether none of their words was in a trained row. */
  readonly isNew: readonly boolean[];
}

/** How much of a part is looked up. */
export interface LookupSizes {
  /** Definitions, at most. */
  readonly queries: number;
  /** Synsets whose words are searched, at most; those of the queries are among them. */
  readonly searched: number;
}

/** How much of the data is used. */
export interface TaskSizes {
  /** Rows to train on, at most. */
  readonly rows: number;
  readonly dev: LookupSizes;
  readonly test: LookupSizes;
}

function lookup(synsets: readonly Synset[], { queries, searched }: LookupSizes): Lookup {
  const used = synsets.slice(0, searched);
  const index = new Map<string, number>();
  for (const word of used.flatMap((synset) => synset.words)) if (!index.has(word)) index.set(word, index.size);
  const asked = used.slice(0, queries);
  return {
    queries: asked.map(({ gloss }) => gloss),
    words: [...index.keys()],
    wanted: asked.map(({ words }) => new Set(words.map((word) => index.get(word)!))),
  };
}

/** The task: from a definition to its words, split by synset. */
export function createTask(synsets: readonly Synset[], sizes: TaskSizes): Task {
  const of = (part: Part): readonly Synset[] => synsets.filter((synset) => partOf(synset) === part);
  const rows = of("train")
    .slice(0, sizes.rows)
    .map(({ id, words, gloss }) => ({
      text: gloss,
      pair: words[Math.floor(shareOf(`word of ${id}`) * words.length)]!,
    }));
  const trained = new Set(rows.map(({ pair }) => pair.toLowerCase()));
  const test = lookup(of("test"), sizes.test);
  const isNew = test.wanted.map((wanted) => [...wanted].every((i) => !trained.has(test.words[i]!.toLowerCase())));
  return { rows, dev: lookup(of("dev"), sizes.dev), test, isNew };
}
