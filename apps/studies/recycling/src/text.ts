/** What versions learn from: real text of npm packages, with every fiftieth document held back. */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Tokenizer } from "@cambium/models";
import { isHeld, loadMail, loadMobyDick, loadSpeeches, loadWordnet, mailSplit } from "@cambium/tasks/real";

/** Prose is what is learnt before and replayed. */
export type Domain = "prose" | "mail" | "web" | "dictionary";

/** What each is, in words. */
export const DOMAINS: Readonly<Record<Domain, string>> = {
  prose: "speeches and a novel",
  mail: "e-mail",
  web: "what the comments of TypeScript's library say of the web's interfaces",
  dictionary: "WordNet's definitions",
};

interface Document {
  readonly text: string;
  readonly isHeld: boolean;
}

/** Shorter comments say nothing. */
const LEAST_LETTERS = 40;

const READERS: Readonly<Record<Domain, () => Promise<readonly Document[]>>> = {
  prose: async () => [...(await loadSpeeches()), ...(await loadMobyDick())],
  mail: async () =>
    mailSplit(await loadMail())
      .train.filter(({ label }) => label === "ham")
      .map(({ text }, i) => ({ text, isHeld: isHeld(i) })),
  web: async () => (await readComments()).map((text, i) => ({ text, isHeld: isHeld(i) })),
  dictionary: async () =>
    (await loadWordnet()).map(({ words, text, isHeld: held }) => ({
      text: `${words.join(", ")}: ${text}`,
      isHeld: held,
    })),
};

/** The comments of TypeScript's library (Apache-2.0), which describe the web's interfaces, each once. */
async function readComments(): Promise<readonly string[]> {
  const folder = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "lib");
  const files = (await readdir(folder)).filter((file) => /^lib\..*\.d\.ts$/.test(file)).sort();
  const comments = new Set<string>();
  for (const file of files)
    for (const [, comment] of (await readFile(join(folder, file), "utf8")).matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
      const plain = comment!
        .replace(/^\s*\*\s?/gm, " ")
        .replace(/\[([^\]]*)\]\(https?:[^)]*\)/g, "$1")
        .replaceAll("MDN Reference", "");
      const text = plain.replace(/\s+/g, " ").trim();
      if (text.length >= LEAST_LETTERS) comments.add(text);
    }
  return [...comments];
}

const documents = new Map<Domain, Promise<readonly Document[]>>();

async function documentsOf(domain: Domain): Promise<readonly Document[]> {
  let known = documents.get(domain);
  if (known === undefined) {
    known = READERS[domain]();
    documents.set(domain, known);
  }
  return known;
}

/**
 * Tokens of the documents of some domains, one after the other, with the token between them that ends a text.
 *
 * @param most - Most documents of a domain.
 */
export async function streamOf(
  domains: readonly Domain[],
  part: "learned" | "held",
  tokenizer: Tokenizer,
  most = Number.POSITIVE_INFINITY,
): Promise<Int32Array> {
  const { separator, eos } = tokenizer.special;
  const end = separator ?? eos!;
  const ids: number[] = [];
  for (const domain of domains) {
    const own = (await documentsOf(domain)).filter((document) => document.isHeld === (part === "held"));
    for (const { text } of own.slice(0, most)) {
      for (const id of tokenizer.pieces(text)) ids.push(id);
      ids.push(end);
    }
  }
  return Int32Array.from(ids);
}
