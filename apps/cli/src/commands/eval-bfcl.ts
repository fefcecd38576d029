/** `cambium tools eval bfcl:FILE`: rows of the Berkeley Function-Calling Leaderboard. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { JsonObject } from "@cambium/base";
import { react } from "@cambium/tool-learning";
import {
  type BfclTask,
  bfcl,
  bfclGrader,
  type MultiTurnTask,
  multiTurn,
  multiTurnGrader,
  parseBfcl,
  parseMultiTurn,
} from "@cambium/tool-learning/benchmarks";
import { type Io, UseError } from "../io.ts";
import { type EvalFlags, type Left, refuseOld } from "./eval-flags.ts";
import { type Run, runAll } from "./eval-rows.ts";
import { withToolModel } from "./tool-model.ts";

const PREFIX = "bfcl:";

/** Whether a set is of the leaderboard: `bfcl:multiple.jsonl`, or `bfcl:` and a folder of its files. */
export const isBfcl = (source: string): boolean => source.startsWith(PREFIX);

const ENDING = /\.jsonl?$/;

/** The files of a set, by the category that their names say: `BFCL_v4_multiple.json` is `multiple`. */
function filesOf(place: string): readonly (readonly [category: string, path: string])[] {
  if (!existsSync(place)) throw new UseError(`tools eval: there is no ${place}`);
  const paths = statSync(place).isDirectory()
    ? readdirSync(place)
        .filter((name) => ENDING.test(name))
        .sort()
        .map((name) => join(place, name))
    : [place];
  if (paths.length === 0) throw new UseError(`tools eval: ${place} holds no .jsonl or .json file`);
  return paths.map((path) => [
    basename(path)
      .replace(ENDING, "")
      .replace(/^BFCL_v\d+_/, ""),
    path,
  ]);
}

function parseLines(text: string, path: string): readonly JsonObject[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as JsonObject];
    } catch (error) {
      throw new UseError(`tools eval: line ${i + 1} of ${path} is no JSON: ${(error as Error).message}`);
    }
  });
}

/** Rows with their right calls, which the leaderboard keeps in files of the same names in `possible_answer`. */
function joined(path: string): string {
  const text = readFileSync(path, "utf8");
  const answers = join(dirname(path), "possible_answer", basename(path));
  if (!existsSync(answers)) return text;
  const byId = new Map(
    parseLines(readFileSync(answers, "utf8"), answers).map((row) => [row["id"], row["ground_truth"]]),
  );
  return parseLines(text, path)
    .map((row) => JSON.stringify(byId.has(row["id"]) ? { ground_truth: byId.get(row["id"]), ...row } : row))
    .join("\n");
}

/** Documents of the functions that multi-turn rows call, which stand in a folder beside them. */
function documentsBeside(path: string): Record<string, string> {
  const folder = join(dirname(path), "multi_turn_func_doc");
  if (!existsSync(folder)) throw new UseError(`tools eval: ${path} needs the folder multi_turn_func_doc beside it`);
  const names = readdirSync(folder).filter((name) => ENDING.test(name));
  return Object.fromEntries(
    names.map((name) => [name.replace(ENDING, ""), readFileSync(join(folder, name), "utf8")] as const),
  );
}

/** Has a model do the rows of every category that is asked for, and writes a report. */
export async function runBfcl(io: Io, source: string, flags: EvalFlags): Promise<readonly Left[]> {
  const place = source.slice(PREFIX.length);
  const { calling, turns, temperature, maxTokens, seed, limit, out } = flags;
  const sampling = { temperature, maxTokens, seed };
  const files = filesOf(place);
  const single: { category: string; rows: ReturnType<typeof parseBfcl> }[] = [];
  const several: { category: string; rows: ReturnType<typeof parseMultiTurn> }[] = [];
  for (const [category, path] of files) {
    if (/multi_turn/.test(category))
      several.push({ category, rows: parseMultiTurn(joined(path), documentsBeside(path)).slice(0, limit) });
    else single.push({ category, rows: parseBfcl(joined(path), category).slice(0, limit) });
  }
  refuseOld(
    flags,
    [...single, ...several].map(({ category }) => category),
  );
  return withToolModel(io, "tools eval", flags, async (model) => {
    const one = single.map(
      ({ category, rows }): Run<BfclTask> => ({
        ...{ name: category, solver: bfcl({ model, calling, sampling }), rows, graders: [bfclGrader] },
        folder: join(out, category),
      }),
    );
    const more = several.map(
      ({ category, rows }): Run<MultiTurnTask> => ({
        name: category,
        solver: multiTurn({ model, calling, sampling, planner: react({ turns }), budget: { modelCalls: turns } }),
        ...{ rows, graders: [multiTurnGrader], folder: join(out, category) },
      }),
    );
    return runAll(io, source, [...one, ...more], flags);
  });
}
