import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Corpus } from "./corpus.ts";
import { debianPackage } from "./debian.ts";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function readNumber(digits: string): number {
  return [...digits].reduce((value, digit) => value * 64 + DIGITS.indexOf(digit), 0);
}

/**
 * The entries of a dictionary in dictd's format, in the order of the text, each once.
 *
 * @param index - Lines of headword, offset and length, tab-separated, numbers in base 64.
 * @param text - The text that they point into.
 */
export function readEntries(index: string, text: Buffer): readonly string[] {
  const ranges = new Map<number, number>();
  for (const line of index.split("\n")) {
    const [word = "", offset, length] = line.split("\t");
    if (offset === undefined || length === undefined || word.startsWith("00")) continue; // 00-database-info and its like
    ranges.set(readNumber(offset), readNumber(length));
  }
  return [...ranges]
    .sort(([a], [b]) => a - b)
    .map(([offset, length]) =>
      text
        .toString("utf8", offset, offset + length)
        .replace(/[{}]/g, "")
        .replace(/\s+/g, " ")
        .trim(),
    );
}

async function readDictionary(name: string, cache: string): Promise<Pick<Corpus, "source" | "version" | "documents">> {
  const { folder, version } = await debianPackage(`dict-${name}`, cache);
  const read = (file: string): Promise<Buffer> => readFile(join(folder, "usr/share/dictd", file));
  const documents = readEntries(
    (await read(`${name}.index`)).toString("utf8"),
    gunzipSync(await read(`${name}.dict.dz`)),
  );
  return { source: `Debian dict-${name}`, version, documents };
}

/** Ambrose Bierce's Devil's Dictionary, one document for each entry. */
export async function devil(cache: string): Promise<Corpus> {
  return { name: "devil", domain: "base", licence: "public domain", ...(await readDictionary("devil", cache)) };
}

/** The Jargon File, one document for each entry. */
export async function jargon(cache: string): Promise<Corpus> {
  return { name: "jargon", domain: "base", licence: "public domain", ...(await readDictionary("jargon", cache)) };
}
