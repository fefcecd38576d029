import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { compile } from "html-to-text";
import type { Corpus, Domain } from "./corpus.ts";
import { debianPackage } from "./debian.ts";

const textOf = compile({
  wordwrap: false,
  selectors: [
    ...["pre", "table", "script", "style", "nav", "header", "footer", "img", "dl.toc", "div.toc"].map((selector) => ({
      selector,
      format: "skip",
    })),
    { selector: "a", options: { ignoreHref: true } },
    ...["h1", "h2", "h3", "h4", "h5", "h6"].map((selector) => ({ selector, options: { uppercase: false } })),
    { selector: "ol", format: "unorderedList" },
  ],
});

/** Pages of manuals that say less are mostly lists of links. */
const LEAST_CHARACTERS = 400;

/** The paragraphs of a page as one text: no code, no tables, no addresses, and lines that end like sentences only. */
export function readPage(html: string): string {
  return textOf(html)
    .split(/\n+/)
    .map((line) =>
      line
        .replace(/^\s*\*\s/, "")
        .replace(/\s+/g, " ")
        .trim(),
    )
    .filter((line) => /[.:;!?)]$/.test(line) && line.includes(" "))
    .join(" ");
}

async function pagesIn(folder: string, isPage: (path: string) => boolean): Promise<readonly string[]> {
  const files = (await readdir(folder, { recursive: true })).filter(isPage).sort();
  const pages = await Promise.all(files.map(async (file) => readPage(await readFile(join(folder, file), "utf8"))));
  return [...new Set(pages.filter(({ length }) => length >= LEAST_CHARACTERS))];
}

interface Manual {
  readonly name: string;
  readonly domain: Domain;
  readonly package: string;
  readonly licence: string;
  /** Folder of the pages in the package. */
  readonly folder: string;
  readonly isPage?: (path: string) => boolean;
}

const isHtml = (path: string): boolean => path.endsWith(".html");

/** Manuals under permissive licences. */
const manuals: readonly Manual[] = [
  {
    name: "sqlite",
    domain: "base",
    package: "sqlite3-doc",
    licence: "public domain",
    folder: "usr/share/doc/sqlite3",
  },
  {
    name: "python",
    domain: "base",
    package: "python3.11-doc",
    licence: "PSF-2.0",
    folder: "usr/share/doc/python3.11/html",
    isPage: (path) => isHtml(path) && /^(faq|howto|library|reference|tutorial|using)\//.test(path),
  },
  {
    name: "node",
    domain: "base",
    package: "nodejs-doc",
    licence: "MIT",
    folder: "usr/share/doc/nodejs/api",
    isPage: (path) => isHtml(path) && path !== "all.html",
  },
  {
    name: "postgresql",
    domain: "manuals",
    package: "postgresql-doc-15",
    licence: "PostgreSQL",
    folder: "usr/share/doc/postgresql-doc-15/html",
  },
  {
    name: "apache",
    domain: "manuals",
    package: "apache2-doc",
    licence: "Apache-2.0",
    folder: "usr/share/doc/apache2-doc/manual/en",
  },
];

/** The manuals of Debian's documentation packages, one document for each page. */
export function documentation(cache: string): Promise<readonly Corpus[]> {
  return Promise.all(
    manuals.map(async ({ name, domain, package: debian, licence, folder, isPage = isHtml }) => {
      const unpacked = await debianPackage(debian, cache);
      const documents = await pagesIn(join(unpacked.folder, folder), isPage);
      return { name, domain, source: `Debian ${debian}`, version: unpacked.version, licence, documents };
    }),
  );
}
