import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RunError } from "./run-error.ts";
import { type Settings, settingsKey } from "./settings.ts";

/** The files of a run: what it leaves, and what it needs to go on after it was stopped. */
export interface RunFolder {
  /** Where the adapter and the report go. */
  readonly out: string;
  /** Checkpoints and finished parts of an unfinished run of these settings. */
  readonly work: string;
  /** Whether an earlier run of the same settings was stopped here. */
  readonly resumed: boolean;
  /** A finished part, if there is one. */
  read<Value>(name: string): Value | undefined;
  /** Keeps a finished part, whole or not at all. */
  write(name: string, value: unknown): void;
  /** Adds a record to a list that survives a crash. */
  append(name: string, value: unknown): void;
  /** The records of a list. A last one cut off by a crash is left out. */
  list<Value>(name: string): readonly Value[];
  /** Removes what only an unfinished run needs. */
  clear(): void;
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}

/** A line of JSON, unless a crash cut it off. */
function parseLine<Value>(line: string): readonly Value[] {
  try {
    return [JSON.parse(line) as Value];
  } catch {
    return [];
  }
}

/**
 * Opens the folder of a run.
 *
 * @throws {RunError} When it cannot be made or written.
 */
export function openRunFolder(out: string, settings: Settings): RunFolder {
  const work = join(out, `unfinished-${settingsKey(settings)}`);
  const resumed = existsSync(work);
  try {
    mkdirSync(work, { recursive: true });
    writeWhole(join(work, "settings.json"), `${JSON.stringify(settings, null, 2)}\n`);
  } catch (cause) {
    throw new RunError(`cannot write to "${out}" (${(cause as Error).message}); choose another folder with --out`, {
      cause,
    });
  }
  return {
    out,
    work,
    resumed,
    read: (name) => {
      const path = join(work, `${name}.json`);
      return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
    },
    write: (name, value) => writeWhole(join(work, `${name}.json`), JSON.stringify(value)),
    append: (name, value) => appendFileSync(join(work, `${name}.jsonl`), `\n${JSON.stringify(value)}`),
    list<Value>(name: string) {
      const path = join(work, `${name}.jsonl`);
      return existsSync(path)
        ? readFileSync(path, "utf8")
            .split("\n")
            .flatMap(parseLine<Value>)
        : [];
    },
    clear: () => rmSync(work, { recursive: true, force: true }),
  };
}
