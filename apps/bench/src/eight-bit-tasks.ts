/** Tasks on sentences and their emotion, from files that are not part of this repository. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HeadConfig, Row } from "@cambium/models";

/** Rows to train on and to measure on, and the head that learns them. */
export interface Task {
  readonly head: HeadConfig;
  readonly train: readonly Row[];
  readonly dev: readonly Row[];
}

const lines = (file: string): string[] => readFileSync(file, "utf8").trim().split(/\r?\n/);

/** One of 28 emotions of a comment: GoEmotions (Demszky et al. 2020, arXiv:2005.00547), comments with one label only. */
function emotion(folder: string): Task {
  const labels = lines(join(folder, "goemotions/emotions.txt"));
  const rows = (split: string): Row[] =>
    lines(join(folder, `goemotions/${split}.tsv`)).flatMap((line) => {
      const [text, ids] = line.split("\t") as [string, string];
      return ids.includes(",") ? [] : [{ text, label: labels[Number(ids)]! }];
    });
  return { head: { kind: "sequence-classification", labels }, train: rows("train"), dev: rows("dev") };
}

/** Valence of a sentence, from −2 to 2: EmoBank (Buechel and Hahn 2017, E17-2092). */
function valence(folder: string): Task {
  const rows = (wanted: string): Row[] =>
    lines(join(folder, "emobank/emobank.csv")).flatMap((line) => {
      const [, split, value, text] = /^[^,]*,(\w+),([\d.]+),[\d.]+,[\d.]+,(.*)$/.exec(line) ?? [];
      if (split !== wanted) return [];
      return [{ text: text!.replace(/^"|"$/g, "").replaceAll('""', '"'), label: Number(value) - 3 }];
    });
  return { head: { kind: "regression" }, train: rows("train"), dev: rows("dev") };
}

/** The next word of a comment, for language models. */
function words(folder: string): Task {
  const rows = (split: string): Row[] =>
    lines(join(folder, `goemotions/${split}.tsv`)).map((line) => ({ text: line.split("\t")[0]! }));
  return { head: { kind: "causal-lm" }, train: rows("train"), dev: rows("dev") };
}

/** Every task by its name. */
export const tasks: Readonly<Record<string, (folder: string) => Task>> = { emotion, valence, words };
