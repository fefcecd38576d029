import { ConfigError, type Files, parseConfig } from "@cambium/base";
import * as z from "zod";

/** What a column is for. */
export type Role = "text" | "pair" | "label" | "target" | "group";

/** How a table is written. */
export type TableFormat = "csv" | "tsv" | "jsonl" | "json" | "parquet";

/** What `readTable` reads: a path or address, a file of a folder, or records as they are or as they come. */
export type TableSource =
  | string
  | URL
  | { readonly files: Files; readonly name: string }
  | readonly object[]
  | AsyncIterable<object>;

/** Settings of `readTable`. */
export interface TableOptions {
  /** Column of the texts. @default found by its name, else by its content */
  readonly text?: string;
  /** Column of the second texts, for tasks on pairs. @default found by its name */
  readonly pair?: string;
  /** Column of classes or numbers. @default found by its name, else by its content */
  readonly label?: string;
  /** Column of texts to be written. @default found by its name */
  readonly target?: string;
  /** Column that says which rows belong together, such as a thread's: no split takes them apart. @default found by its name */
  readonly group?: string;
  /** What labels are. @default told from their values, and an error where these could be either */
  readonly kind?: "classes" | "numbers";
  /** Whether rows have labels or targets. `false` for texts to predict for: then neither is looked for. @default true */
  readonly labelled?: boolean;
  /** What becomes of rows without text, label or target: an error with the row, or left out and listed. @default "error" */
  readonly incomplete?: "error" | "skip";
  /** How a file is written. @default what the end of its name says */
  readonly format?: TableFormat;
  /** What stands between the fields of a CSV file. @default found: one of , ; tab and | */
  readonly delimiter?: string;
  /** What stands around fields that hold delimiters or line ends; `false` where nothing does. @default `"` */
  readonly quote?: string | false;
  /** Whether the first row of a CSV file names the columns; without names they are "1", "2", … @default true */
  readonly header?: boolean;
  /** Encoding of a file of text, by any name that `TextDecoder` knows. @default "utf-8", or UTF-16 where a byte order mark says so */
  readonly encoding?: string;
}

const name = z.string().min(1).exactOptional();
const schema = z.strictObject({
  text: name,
  pair: name,
  label: name,
  target: name,
  group: name,
  kind: z.enum(["classes", "numbers"]).exactOptional(),
  labelled: z.boolean().exactOptional(),
  incomplete: z.enum(["error", "skip"]).exactOptional(),
  format: z.enum(["csv", "tsv", "jsonl", "json", "parquet"]).exactOptional(),
  delimiter: name,
  quote: z.union([z.string().length(1), z.literal(false)]).exactOptional(),
  header: z.boolean().exactOptional(),
  encoding: name,
});

/** Options as they were given, checked. */
export function parseTableOptions(options: TableOptions): TableOptions {
  const parsed = parseConfig("readTable", schema, options);
  const { label, target } = parsed;
  if (label !== undefined && target !== undefined) {
    throw new ConfigError({
      message: `readTable: give label "${label}" for classes or numbers, or target "${target}" for texts to be written, not both`,
      label,
      target,
    });
  }
  const given = label ?? target ?? parsed.kind;
  if (parsed.labelled === false && given !== undefined) {
    throw new ConfigError({ message: `readTable: "${given}" is about labels, and labelled is false` });
  }
  return parsed;
}
