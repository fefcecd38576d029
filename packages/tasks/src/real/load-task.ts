/** The small real tasks by name. */
import { ConfigError, nearest } from "@cambium/base";
import { dropDuplicates } from "../splits/duplicates.ts";
import { defineTask, type Task } from "../task/define-task.ts";
import type { RealRow, RealTaskSource, TaskInfo, TaskParts } from "./real-task.ts";
import { emoji, spam } from "./tasks/others.ts";
import { author, era, nextSentence, wordOrder } from "./tasks/prose.ts";
import { partOfSpeech, supersense, verbSupersense } from "./tasks/wordnet-meanings.ts";
import { antonym, definition, gloss, hypernym } from "./tasks/wordnet-words.ts";

const sources: readonly RealTaskSource[] = [
  supersense,
  verbSupersense,
  partOfSpeech,
  emoji,
  spam,
  era,
  author,
  hypernym,
  antonym,
  gloss,
  nextSentence,
  wordOrder,
  definition,
];

/** What is known of every task before its rows are read. */
export const realTasks: readonly TaskInfo[] = sources.map(({ info }) => info);

/** A task with its rows. */
export interface LoadedTask extends TaskParts {
  readonly info: TaskInfo;
  readonly task: Task;
  /** Rows that were taken out because another part, or the same one, has their text, or almost. */
  readonly dropped: Readonly<Record<"train" | "dev" | "test", number>>;
}

/** Share of the words of two texts that both have, from which on one of them is left out. Of pairs, the same text may come with others. */
const nearOf = ({ type }: TaskInfo): number => (type === "words" ? 1 : 0.8);

/**
 * A small real task with its rows, which npm packages carry: they are read where they are installed, and nothing is downloaded.
 *
 * The rows are the same on every machine: what is trained on, developed by and measured follows from the texts, not from a seed. No text
 * that is measured is trained on, or almost; and none was in the text that the saplings are pretrained on (see `note` where more is to
 * be said).
 *
 * @param name - One of `realTasks`.
 * @throws {ConfigError} When there is no such task; names the nearest.
 * @throws {StateError} When a package is not installed; says which.
 * @example
 * const { task, train, dev, test } = await loadTask("wordnet-supersense");
 */
export async function loadTask(name: string): Promise<LoadedTask> {
  const source = sources.find(({ info }) => info.name === name);
  if (source === undefined) {
    const names = realTasks.map((info) => info.name);
    const near = nearest(name, names);
    throw new ConfigError({
      message: `loadTask: there is no task "${name}", known are ${names.join(", ")}${near === undefined ? "" : `; was "${near}" meant`}`,
      name,
    });
  }
  const { info, options } = source;
  const { train, dev, test } = await source.read();
  const { parts, dropped } = dropDuplicates<"train" | "dev" | "test", RealRow>(
    { train, dev, test },
    { near: nearOf(info) },
  );
  return { info, task: defineTask({ name, ...options }), ...parts, dropped };
}
