/** GoEmotions, as its authors publish it: a folder with `emotions.txt` and the three parts as tab-separated files. */
import { ConfigError, type Files, FormatError, openFiles } from "@cambium/base";
import { measureRdm } from "../rdm/measure-rdm.ts";
import type { Rdm } from "../rdm/rdm.ts";

/** A text and the emotions that people find in it. */
export interface LabelledText {
  readonly text: string;
  readonly labels: readonly string[];
}

/** The data set. */
export interface GoEmotions {
  /** Names of the labels, in the order of their ids. */
  readonly emotions: readonly string[];
  readonly train: readonly LabelledText[];
  readonly dev: readonly LabelledText[];
  readonly test: readonly LabelledText[];
}

/**
 * Reads GoEmotions from a folder: `emotions.txt`, one name a line, and `train.tsv`, `dev.tsv`, `test.tsv` of text, ids with
 * commas between them, and the comment's id. The data set is not part of this package.
 *
 * @throws {FormatError} Naming the file and line that is something else.
 * @see Demszky et al. 2020, arXiv:2005.00547; the data are CC BY 4.0.
 */
export async function loadGoEmotions(from: string | Files): Promise<GoEmotions> {
  const files = typeof from === "string" ? openFiles(from) : from;
  const read = async (name: string): Promise<string[]> => {
    const lines = new TextDecoder("utf-8", { fatal: true }).decode(await files.read(name)).split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    return lines;
  };
  const emotions = await read("emotions.txt");
  const part = async (name: string): Promise<LabelledText[]> =>
    (await read(name)).map((line, i) => {
      const [text, ids, ...rest] = line.split("\t");
      const labels = (ids ?? "").split(",").map((id) => (/^\d+$/.test(id) ? emotions[Number(id)] : undefined));
      if (text !== undefined && rest.length === 1 && labels.every((label) => label !== undefined))
        return { text, labels: labels as string[] };
      throw new FormatError({
        message: `loadGoEmotions: line ${i + 1} of ${name} must be a text, ids of ${emotions.length} emotions and an id, with tabs between them, got ${JSON.stringify(line.slice(0, 80))}`,
        name,
        line: i + 1,
      });
    });
  return { emotions, train: await part("train.tsv"), dev: await part("dev.tsv"), test: await part("test.tsv") };
}

/**
 * How differently people give emotions together with others: 1 − Pearson's r of two emotions' profiles, the shares that every other
 * emotion has among those that a text has beside this one.
 *
 * @throws {ConfigError} When an emotion is never given together with another one of the conditions.
 */
export function cooccurrenceRdm(rows: readonly LabelledText[], conditions: readonly string[]): Rdm {
  const place = new Map(conditions.map((name, i) => [name, i]));
  const counts = conditions.map(() => new Float64Array(conditions.length));
  for (const { labels } of rows) {
    const places = labels.flatMap((label) => place.get(label) ?? []);
    for (const i of places) for (const j of places) if (i !== j) counts[i]![j]! += 1;
  }
  const profiles = counts.map((row, i) => {
    const total = row.reduce((sum, value) => sum + value, 0);
    if (total > 0) return row.map((value) => value / total);
    throw new ConfigError({
      message: `cooccurrenceRdm: no text has "${conditions[i]}" together with another of the conditions`,
      condition: conditions[i],
    });
  });
  return { ...measureRdm(profiles, { metric: "correlation", conditions }), metric: "co-occurrence" };
}
