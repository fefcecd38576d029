import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import type { Corpus } from "./corpus.ts";
import { debianPackage } from "./debian.ts";

/**
 * The strings of one serialised R character vector.
 *
 * @see R Internals, section 1.8 "Serialization formats": big-endian integers; version 3 names its encoding first;
 *      a vector is a type (16), a length and that many strings (type 9), each with its length in bytes.
 */
export function readCharacters(bytes: Buffer): readonly string[] {
  if (bytes.toString("latin1", 0, 2) !== "X\n") throw new Error("readCharacters: expected R's binary serialisation");
  const version = bytes.readInt32BE(2);
  let at = version === 3 ? 18 + bytes.readInt32BE(14) : 14;
  const type = bytes.readInt32BE(at) & 0xff;
  if (type !== 16) throw new Error(`readCharacters: expected a character vector (type 16), got type ${type}`);
  const count = bytes.readInt32BE(at + 4);
  at += 8;
  return Array.from({ length: count }, () => {
    const sizeBytes = Math.max(0, bytes.readInt32BE(at + 4)); // -1 is a missing value
    const start = at + 8;
    at = start + sizeBytes;
    return bytes.toString("utf8", start, at);
  });
}

/** The values in an R data base: each its size and a zlib stream, one after the other. */
function readDatabase(bytes: Buffer): readonly Buffer[] {
  const values: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { buffer, engine } = inflateSync(bytes.subarray(at + 4), { info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    values.push(buffer);
    at += 4 + engine.bytesWritten;
  }
  return values;
}

/** Jane Austen's six novels, one document for each chapter. */
export async function austen(cache: string): Promise<Corpus> {
  const { folder, version } = await debianPackage("r-cran-janeaustenr", cache);
  const database = await readFile(join(folder, "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb"));
  const documents = readDatabase(database).flatMap((novel) =>
    readCharacters(novel)
      .join("\n")
      .split(/\n(?=chapter [\divxlc]+)/i),
  );
  return {
    name: "austen",
    domain: "base",
    source: "Debian r-cran-janeaustenr",
    version,
    licence: "public domain (package: MIT)",
    documents,
  };
}
