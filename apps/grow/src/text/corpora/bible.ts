import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Corpus } from "./corpus.ts";
import { debianPackage } from "./debian.ts";

/** The chapters in what the `bible` program prints: no headings, no numbers of verses. */
export function readChapters(printed: string): readonly string[] {
  return printed
    .split(/^[1-3]? ?[A-Z][A-Za-z ]+ \d+$/m)
    .map((chapter) =>
      chapter
        .replace(/^ *\d+ /gm, "")
        .replace(/\s+/g, " ")
        .trim(),
    )
    .filter((chapter) => chapter !== "");
}

/** The King James Bible, one document for each chapter. Its file has its own format, which Debian's program reads. */
export async function bible(cache: string): Promise<Corpus> {
  const text = await debianPackage("bible-kjv-text", cache);
  const program = await debianPackage("bible-kjv", cache);
  const { stdout } = await promisify(execFile)(
    join(program.folder, "usr/bin/bible"),
    ["-p", join(text.folder, "usr/lib/"), "gen1:1-rev22:21"],
    { maxBuffer: 2 ** 26 },
  );
  return {
    name: "bible",
    domain: "base",
    source: "Debian bible-kjv-text",
    version: text.version,
    licence: "public domain",
    documents: readChapters(stdout),
  };
}
