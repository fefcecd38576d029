import { resolve } from "node:path";
import { type Files, isMissingFile } from "@cambium/base";
import { type Board, boardOf } from "./board.ts";
import { loadPlans, type PlanRevision } from "./plans.ts";
import { keyOfName, type RunRecord, readRecord, recordFolder } from "./record.ts";
import type { Study } from "./study.ts";

/** Files read at once. */
const CONCURRENCY = 32;

/** A file that does not hold what was written. */
export interface DamagedFile {
  readonly name: string;
  /** Such as `is not JSON`. */
  readonly problem: string;
}

/** What a folder holds of a study. */
export interface StudyState {
  readonly folder: string;
  /** Results of runs of this study, by key. */
  readonly records: ReadonlyMap<string, RunRecord>;
  readonly board: Board;
  /** Result files that were damaged; their runs count as missing. */
  readonly damaged: readonly DamagedFile[];
  /** Plans that the folder was run under, in order; the last one is in force. */
  readonly plans: readonly PlanRevision[];
  /** Results in the folder that belong to none of this study's runs: of former plans, or of other versions. */
  readonly others: number;
}

/** Every result in a folder, whatever study it is of. */
export async function readRecords(files: Files): Promise<{ records: Map<string, RunRecord>; damaged: DamagedFile[] }> {
  const left = (await files.list()).flatMap(({ name }) => keyOfName(name) ?? []);
  const records = new Map<string, RunRecord>();
  const damaged: DamagedFile[] = [];
  async function read(): Promise<void> {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      try {
        records.set(key, await readRecord(files, key));
      } catch (error) {
        const { code, details } = error as { code?: string; details?: { name: string; problem: string } };
        if (isMissingFile(error)) continue; // removed meanwhile
        if (code !== "FORMAT") throw error;
        damaged.push({ name: details!.name, problem: details!.problem });
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, read));
  damaged.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { records, damaged };
}

/**
 * What a folder holds of a study: results, and what is missing.
 *
 * @param path - The folder of {@link runStudy}; one that does not exist holds nothing.
 */
export async function loadStudy(study: Study, path: string): Promise<StudyState> {
  const { records: all, damaged } = await readRecords(recordFolder(path));
  const board = boardOf(study, all);
  const own = new Map(board.runs.flatMap(({ key }) => (all.has(key) ? [[key, all.get(key)!] as const] : [])));
  return {
    folder: resolve(path),
    records: own,
    board,
    damaged,
    others: all.size - own.size,
    plans: await loadPlans(path),
  };
}
