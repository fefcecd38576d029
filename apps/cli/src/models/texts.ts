/** Texts to work on: arguments, a file, or standard input. */
import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { UseError } from "../io.ts";

/** A text, or a pair of texts. */
export interface TextRow {
  readonly text: string;
  readonly pair?: string;
}

/** How texts are given, for `--help`. */
export const INPUT_OPTION = [
  "--input <file>",
  "texts from a file, one a line; from a .jsonl file its objects' text and pair; - is standard input",
] as const;

function parseLine(verb: string, file: string, line: string, number: number): TextRow {
  if (!file.endsWith(".jsonl")) return { text: line };
  let value: { readonly text?: unknown; readonly pair?: unknown } | null;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UseError(`${verb}: line ${number} of ${file} is no JSON`);
  }
  const { text, pair } = typeof value === "object" && value !== null ? value : {};
  if (typeof text !== "string" || (pair !== undefined && typeof pair !== "string")) {
    throw new UseError(`${verb}: line ${number} of ${file} needs a "text", and may have a "pair"; both are texts`);
  }
  return pair === undefined ? { text } : { text, pair };
}

/**
 * The texts that a command was given, as they arrive. Empty lines of files are left out.
 *
 * @throws {UseError} When there are none, or two kinds of them; from the iterable, when a line of a .jsonl file is no row.
 */
export function readTexts(verb: string, args: readonly string[], input: string | undefined): AsyncIterable<TextRow> {
  if (input === undefined) {
    if (args.length === 0) throw new UseError(`${verb}: give texts as arguments, or --input with a file`);
    return given(args);
  }
  if (args.length > 0) throw new UseError(`${verb}: give texts as arguments or by --input, not both`);
  if (input !== "-" && !existsSync(input)) throw new UseError(`${verb}: there is no file ${input}`);
  return readLines(verb, input);
}

async function* given(texts: readonly string[]): AsyncGenerator<TextRow> {
  for (const text of texts) yield { text };
}

async function* readLines(verb: string, input: string): AsyncGenerator<TextRow> {
  const source = input === "-" ? process.stdin : createReadStream(input);
  let number = 0;
  for await (const line of createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    const text = number === 1 ? line.replace(/^\uFEFF/, "") : line;
    if (text.trim() !== "") yield parseLine(verb, input, text, number);
  }
}

/** Rows in groups of `size`, the last one shorter. */
export async function* inGroups<Row>(rows: AsyncIterable<Row>, size: number): AsyncGenerator<Row[]> {
  let group: Row[] = [];
  for await (const row of rows) {
    group.push(row);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
