/** 2,000 rows of a task to train on and up to 500 to evaluate with, as JSON lines that both sides of the job read. */
import { writeFileSync } from "node:fs";
import { random } from "@cambium/core";
import { loadTask } from "@cambium/tasks/real";
import { type JobRow, TRAIN } from "./row.ts";

const EVALUATED = 500;

/** Words that a message keeps: from few to many on a logarithmic scale, so that lengths are mixed as a user's are. */
const WORDS = [4, 120] as const;

/** A text cut to its first words, as many as `u` from 0 to 1 says. */
function cutWords(text: string, u: number): string {
  const [least, most] = WORDS;
  const count = Math.round(least * (most / least) ** u);
  return text.split(/\s+/).slice(0, count).join(" ");
}

/** The rows of a task, in an order that a fixed seed shuffles. */
async function jobRows(name: string): Promise<JobRow[]> {
  const { train, dev, test } = await loadTask(name);
  const seed = random(7).at(name);
  const shuffled = (rows: typeof train, part: string): JobRow[] =>
    Array.from(seed.at(part).permutation(rows.length), (i) => ({ text: rows[i]!.text, label: rows[i]!.label! }));
  const rows = [
    ...shuffled([...train, ...dev], "train").slice(0, TRAIN),
    ...shuffled(test, "test").slice(0, EVALUATED),
  ];
  if (name !== "spam") return rows;
  const lengths = seed.at("lengths").uniforms(rows.length);
  return rows.map(({ text, label }, i) => ({ text: cutWords(text, lengths[i]!), label }));
}

/** Writes them. */
export async function writeJobRows(name: string, file: string): Promise<number> {
  const rows = await jobRows(name);
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return rows.length;
}
