/** Binary tasks: pairs of classes of real tasks, answered by yes and no, so that one head serves all of them. */
import type { Random } from "@cambium/core";
import { fewShot } from "@cambium/tasks";
import { loadTask, type RealRow } from "@cambium/tasks/real";
import { type Extent, MAX_LENGTH } from "./plan.ts";

/** A row with its answer. */
export interface Labelled {
  readonly text: string;
  readonly label: "yes" | "no";
}

/** A binary task. */
export interface PairTask {
  readonly name: string;
  readonly isHeldOut: boolean;
  readonly train: readonly Labelled[];
  readonly test: readonly Labelled[];
}

/** Letters of a text that are looked at: more than its tokens have. */
const LETTERS = 12 * MAX_LENGTH;

/** The tasks of a study: of each family some pairs of neighbouring classes, and one more that is held out. */
export async function tasksOf(extent: Extent, random: Random): Promise<PairTask[]> {
  const tasks: PairTask[] = [];
  for (const family of extent.families) {
    const { task, train, test } = await loadTask(family);
    const { labels } = task;
    for (let k = 0; k <= extent.pairs; k++) {
      // Classes may be fewer than twice the pairs: then pairs share a class, but no two are the same.
      const [yes, no] = [labels[k % labels.length]!, labels[(k + 1) % labels.length]!];
      const pick = (rows: readonly RealRow[]): Labelled[] =>
        rows.flatMap(({ text, label }) =>
          label === yes || label === no ? [{ text: text.slice(0, LETTERS), label: label === yes ? "yes" : "no" }] : [],
        );
      const name = `${family} ${yes} or ${no}`;
      tasks.push({
        name,
        isHeldOut: k === extent.pairs,
        train: fewShot(pick(train), { perClass: extent.rows, random: random.at(name) }),
        test: pick(test).slice(0, extent.measured),
      });
    }
  }
  return tasks;
}
