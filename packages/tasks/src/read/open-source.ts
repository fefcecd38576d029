/** From what a table is named or given as to its records. */
import { ConfigError, FormatError, openFiles } from "@cambium/base";
import { parseCsv } from "./csv.ts";
import { parseJsonLines, parseJsonList } from "./json.ts";
import { parseParquet } from "./parquet.ts";
import { type Records, recordsOf } from "./record.ts";
import type { TableFormat, TableOptions, TableSource } from "./table-options.ts";

const endings: Readonly<Record<string, TableFormat>> = {
  csv: "csv",
  tsv: "tsv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  parquet: "parquet",
};

/** A table's records, and its name for messages. */
export interface OpenedSource extends Records {
  readonly name: string;
}

/** Reads all records. */
export async function openSource(source: TableSource, options: TableOptions): Promise<OpenedSource> {
  const given = objectsOf(source);
  if (given === undefined) {
    const { name, bytes } = await readBytes(source as FileSource);
    return { name, ...(await parseFile(name, bytes, options)) };
  }
  checkGiven(options);
  const objects: { row: number; value: unknown }[] = [];
  for await (const value of given) objects.push({ row: objects.length + 1, value });
  return { name: "the given rows", ...recordsOf("the given rows", objects) };
}

function objectsOf(source: TableSource): Iterable<object> | AsyncIterable<object> | undefined {
  if (Array.isArray(source)) return source;
  return typeof source === "object" && Symbol.asyncIterator in source ? source : undefined;
}

const ofFiles = ["format", "delimiter", "quote", "header", "encoding"] as const;

/** Throws for options that say how a file is written. */
function checkGiven(options: TableOptions): void {
  const strange = ofFiles.find((name) => options[name] !== undefined);
  if (strange === undefined) return;
  throw new ConfigError({ message: `readTable: ${strange} is an option of files, and the rows are given as objects` });
}

type FileSource = string | URL | Extract<TableSource, { readonly name: string }>;

async function readBytes(source: FileSource): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  if (typeof source === "object" && "files" in source) {
    return { name: source.name, bytes: await source.files.read(source.name) };
  }
  const path = source instanceof URL ? fileOrAddress(source) : source;
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  const [folder, name] = cut === -1 ? [".", path] : [path.slice(0, cut) || "/", path.slice(cut + 1)];
  return { name, bytes: await openFiles(folder).read(name) };
}

const fileOrAddress = (url: URL): string => (url.protocol === "file:" ? decodeURIComponent(url.pathname) : url.href);

async function parseFile(name: string, bytes: Uint8Array, options: TableOptions): Promise<Records> {
  const ending = /\.([^.?]+)(\?.*)?$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const format = options.format ?? endings[ending];
  if (format === undefined) {
    throw new ConfigError({
      message: `readTable: what "${name}" holds does not show in its name; give a format, one of csv, tsv, jsonl, json, parquet`,
      name,
    });
  }
  const strange = (["delimiter", "quote", "header"] as const).find((option) => options[option] !== undefined);
  if (strange !== undefined && format !== "csv" && format !== "tsv") {
    throw new ConfigError({
      message: `readTable: ${strange} is an option of CSV files, and ${name} is read as ${format}`,
    });
  }
  if (format === "parquet" && options.encoding !== undefined) {
    throw new ConfigError({
      message: `readTable: encoding is an option of files of text, and ${name} is read as parquet`,
    });
  }
  if (format === "parquet") return parseParquet(name, bytes);
  const text = decode(name, bytes, options.encoding);
  if (format === "jsonl") return parseJsonLines(name, text);
  if (format === "json") return parseJsonList(name, text);
  return parseCsv(name, text, { ...options, format });
}

/** The encoding that a byte order mark names. */
function markOf([a, b]: Uint8Array): string | undefined {
  if (a === 0xff && b === 0xfe) return "utf-16le";
  return a === 0xfe && b === 0xff ? "utf-16be" : undefined;
}

/** A file's text without its byte order mark. */
function decode(name: string, bytes: Uint8Array, wanted: string | undefined): string {
  const encoding = wanted ?? markOf(bytes) ?? "utf-8";
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch (cause) {
    throw new ConfigError({ message: `readTable: "${encoding}" is no encoding that is known here`, encoding, cause });
  }
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const hint = wanted === undefined ? '; save it as that, or give its encoding, such as "windows-1252"' : "";
    throw new FormatError({ message: `readTable: ${name} is not ${encoding.toUpperCase()}${hint}`, encoding, cause });
  }
}
