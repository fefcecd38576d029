import { austen } from "./austen.ts";
import { bible } from "./bible.ts";
import type { Corpus } from "./corpus.ts";
import { devil, jargon } from "./dictionaries.ts";
import { documentation } from "./documentation.ts";
import { mail } from "./mail.ts";
import { mobyDick, speeches } from "./stdlib.ts";
import { wordnet } from "./wordnet.ts";

export type { Corpus, Domain } from "./corpus.ts";

/**
 * Every corpus.
 *
 * @param cache - Folder into which Debian's packages are fetched.
 */
export async function readCorpora(cache: string): Promise<readonly Corpus[]> {
  return [
    await wordnet(),
    await speeches(),
    await mobyDick(),
    await austen(cache),
    await bible(cache),
    await jargon(cache),
    await devil(cache),
    await mail(),
    ...(await documentation(cache)),
  ];
}
