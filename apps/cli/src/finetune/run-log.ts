/** What a run leaves on the way: its identity, and a line for each step and evaluation, which survive a crash. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, type JsonObject } from "@cambium/base";
import { UseError } from "../io.ts";

/** A step or an evaluation. */
export interface LogLine {
  readonly step: number;
  /** Of a step: mean loss of its batch. */
  readonly loss?: number;
  /** Of an evaluation: what counts. */
  readonly score?: number;
}

/** The folder of an unfinished run. */
export interface RunLog {
  readonly checkpoint: string;
  readonly isResumed: boolean;
  append(line: LogLine): void;
  /** Every step and evaluation once, as it went the last time. */
  lines(): readonly LogLine[];
  /** Removes what only an unfinished run needs. */
  clear(): void;
}

/**
 * Opens the folder of a run.
 *
 * @throws {UseError} When it holds an unfinished run of something else.
 */
export function openRunLog(out: string, identity: JsonObject, restart: boolean): RunLog {
  const folder = join(out, "unfinished");
  const [what, log] = [join(folder, "run.json"), join(folder, "log.jsonl")];
  if (restart) rmSync(folder, { recursive: true, force: true });
  const isResumed = existsSync(what);
  const text = `${canonicalJson(identity)}\n`;
  if (isResumed && readFileSync(what, "utf8") !== text) {
    throw new UseError(
      `finetune: ${folder} holds an unfinished run of another table, model or setting; finish that one, name another --out, or pass --restart`,
    );
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(what, text);
  return {
    checkpoint: join(folder, "checkpoint"),
    isResumed,
    append: (line) => appendFileSync(log, `${JSON.stringify(line)}\n`),
    lines() {
      if (!existsSync(log)) return [];
      const read = readFileSync(log, "utf8").split("\n").flatMap(parseLine);
      const last = new Map(read.map((line) => [`${line.step} ${line.score === undefined ? "step" : "score"}`, line]));
      return [...last.values()].sort((a, b) => a.step - b.step);
    },
    clear: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A line, unless a crash cut it off. */
function parseLine(line: string): readonly LogLine[] {
  try {
    return [JSON.parse(line) as LogLine];
  } catch {
    return [];
  }
}
