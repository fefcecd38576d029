/** Texts to work on: arguments, a file, or standard input. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { type Io, UseError } from "../io.ts";
import { utf8Decoder } from "../utf8.ts";
import { openTable, saySkipped } from "./table.ts";

/** A text, or a pair of texts. */
export interface TextRow {
  readonly text: string;
  readonly pair?: string;
  /** Of a table, as a spreadsheet counts. */
  readonly row?: number;
}

/** Columns of a table. */
export interface TextColumns {
  readonly text?: string;
  readonly pair?: string;
}

/** How texts are given, for `--help`. */
export const INPUT_OPTION = [
  "--input <file>",
  "texts from a file, one a line; of a .jsonl file its objects' text and pair; of a .csv, .tsv, .json or .parquet table its column of texts; - is standard input",
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
 * @throws {UseError} When there are none, or two kinds of them, or the file is a table or a list; from the iterable, when a line of a
 *   .jsonl file is no row, or the file is not UTF-8.
 */
export function readTexts(
  io: Io,
  verb: string,
  args: readonly string[],
  input: string | undefined,
  columns: TextColumns = {},
): AsyncIterable<TextRow> {
  const isTable = input !== undefined && /\.(csv|tsv|json|parquet)$/i.test(input);
  const strange = Object.keys(columns)[0];
  if (strange !== undefined && !isTable) {
    throw new UseError(`${verb}: --${strange} is a column of a table; give one by --input, such as texts.csv`);
  }
  if (input === undefined) {
    if (args.length === 0) throw new UseError(`${verb}: give texts as arguments, or --input with a file`);
    return given(args);
  }
  if (args.length > 0) throw new UseError(`${verb}: give texts as arguments or by --input, not both`);
  if (input !== "-") checkFile(verb, input);
  if (isTable) return tableRows(io, verb, input, columns);
  return readLines(verb, input);
}

/** Throws for what is no file of texts: read line by line, a table or a list would be texts that nobody wrote. */
function checkFile(verb: string, input: string): void {
  if (!existsSync(input)) throw new UseError(`${verb}: there is no file ${input}`);
  const what = statSync(input).isDirectory() ? "a folder" : /\.(xlsx|gz|zip)$/i.exec(input)?.[0];
  if (what === undefined) return;
  throw new UseError(
    `${verb}: ${input} is ${what === "a folder" ? what : `a ${what} file`}; give a file with one text a line, or a .jsonl file of objects with a "text"`,
  );
}

/** The file's text. */
async function* decoded(verb: string, input: string): AsyncGenerator<string> {
  const decode = utf8Decoder(verb, input === "-" ? "standard input" : input);
  for await (const chunk of input === "-" ? process.stdin : createReadStream(input)) yield decode(chunk as Uint8Array);
  yield decode();
}

async function* tableRows(io: Io, verb: string, input: string, columns: TextColumns): AsyncGenerator<TextRow> {
  const table = await openTable(verb, input, { ...columns, labelled: false });
  saySkipped(io, table);
  yield* table.rows;
}

async function* given(texts: readonly string[]): AsyncGenerator<TextRow> {
  for (const text of texts) yield { text };
}

async function* readLines(verb: string, input: string): AsyncGenerator<TextRow> {
  const source = Readable.from(decoded(verb, input));
  let number = 0;
  for await (const line of createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.trim() !== "") yield parseLine(verb, input, line, number);
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
