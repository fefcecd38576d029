import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { createCreationProblems, createMathProblems, createTransferSets } from "@cambium/problem-families";
import {
  creationDemonstrations,
  type DemonstrationSet,
  mathDemonstrations,
  noDemonstrations,
  type Problem,
  parseCreationChallenge,
  parseMath,
  parseTabMwp,
  parseTransferSets,
  pythonDemonstrations,
  type TransferSet,
  tableDemonstrations,
} from "@cambium/tool-learning";
import { UseError } from "../io.ts";
import { utf8Text } from "../utf8.ts";

/** Layouts of problem sets. */
export const FORMATS = ["math", "tabmwp", "creation", "transfer"] as const;

/** A layout. */
export type Format = (typeof FORMATS)[number];

/** Problems, or sets of them for transfer. */
export type ProblemSet =
  | { readonly format: Exclude<Format, "transfer">; readonly name: string; readonly rows: readonly Problem[] }
  | { readonly format: "transfer"; readonly name: string; readonly sets: readonly TransferSet[] };

/** The files of a set: one, or all of a folder with its folders. */
async function filesOf(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true });
  return entries
    .filter((name) => /\.jsonl?$/.test(name))
    .sort()
    .map((name) => join(path, name));
}

/** The layout by what the first row has. */
function guessFormat(text: string): Format {
  const head = text.slice(0, 20_000);
  if (/"(?:scenarios|scn1)"\s*:/.test(head)) return "transfer";
  if (/"(?:table|table_for_pd)"\s*:/.test(head)) return "tabmwp";
  if (/"utility"\s*:/.test(head)) return "creation";
  return "math";
}

function createSet(kind: string, seed: number): ProblemSet {
  const name = `synthetic-${kind}`;
  if (kind === "creation") return { format: kind, name, rows: createCreationProblems(seed) };
  if (kind === "math") return { format: kind, name, rows: createMathProblems(seed) };
  if (kind === "transfer") return { format: kind, name, sets: createTransferSets(seed) };
  throw new UseError(
    `tools eval: no synthetic set "${kind}"; there are synthetic:creation, synthetic:math and synthetic:transfer`,
  );
}

/** Reads a set from a file, from a folder, or makes a synthetic one. */
export async function loadProblems(
  source: string,
  seed: number,
  options: { readonly format?: Format; readonly numbersOnly: boolean },
): Promise<ProblemSet> {
  if (source.startsWith("synthetic:")) return createSet(source.slice("synthetic:".length), seed);
  let texts: readonly { readonly path: string; readonly text: string }[];
  try {
    texts = await Promise.all(
      (await filesOf(source)).map(async (path) => ({ path, text: utf8Text("tools eval", path, await readFile(path)) })),
    );
  } catch (cause) {
    if (cause instanceof UseError) throw cause;
    throw new UseError(`tools eval: ${source} cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (texts.length === 0) throw new UseError(`tools eval: ${source} holds no .json or .jsonl files`);
  const { numbersOnly } = options;
  const format = options.format ?? guessFormat(texts[0]!.text);
  const name = basename(source, extname(source));
  if (format === "transfer") return { format, name, sets: texts.flatMap(({ text }) => parseTransferSets(text)) };
  const rows = texts.flatMap(({ path, text }): readonly Problem[] => {
    if (format === "tabmwp") return parseTabMwp(text, { numbersOnly });
    if (format === "creation") return parseCreationChallenge(text);
    return parseMath(text, { subject: basename(path, extname(path)), numbersOnly });
  });
  return { format, name, rows };
}

/** The worked examples for a set of a layout. */
export function demonstrationsFor(format: Format, language: "javascript" | "python"): DemonstrationSet {
  if (language === "python") return pythonDemonstrations;
  return {
    math: mathDemonstrations,
    tabmwp: tableDemonstrations,
    creation: creationDemonstrations,
    transfer: creationDemonstrations,
  }[format];
}

/** Worked examples by name. */
export const DEMONSTRATIONS: Readonly<Record<string, DemonstrationSet>> = {
  math: mathDemonstrations,
  table: tableDemonstrations,
  creation: creationDemonstrations,
  python: pythonDemonstrations,
  none: noDemonstrations,
};
