/** What is done and what is open, while a study runs: results in memory and in the folder, kept alike. */
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Files, FormatError, hasFile } from "@cambium/base";
import { type Board, boardOf } from "./board.ts";
import { createEstimator, type Estimator } from "./estimate.ts";
import type { Progress, StudyEvent } from "./events.ts";
import type { Run } from "./grid.ts";
import { keyOfName, type RunRecord, readRecord, recordFolder, recordName, writeRecord } from "./record.ts";
import { type DamagedFile, readRecords } from "./state.ts";
import { loadSteps } from "./steps-file.ts";
import type { Study } from "./study.ts";

/** The books of one call of `runStudy`. */
export interface Ledger {
  /** Runs without a result that can start, in order. */
  open(): readonly Run[];
  isDone(key: string): boolean;
  /** Whether nothing is left to do. */
  isComplete(): boolean;
  readonly stuck: number;
  progress(workers: number): Progress;
  /** The result of a run, if the folder has it by now. */
  find(key: string): Promise<RunRecord | undefined>;
  /** Takes a result in: writes it unless it is there, and says so. */
  settle(record: RunRecord): Promise<void>;
  /** Takes in what other processes have written. */
  refresh(): Promise<void>;
  /** Resolves at the next result, or after `ms`. */
  changed(ms: number): Promise<void>;
  /** Failures that were removed in order to be tried again. */
  readonly retried: ReadonlySet<string>;
}

function refuseDamaged(files: Files, damaged: readonly DamagedFile[]): void {
  if (damaged.length === 0) return;
  const list = damaged.map(({ name, problem }) => `"${name}" ${problem}`).join("; ");
  throw new FormatError({
    message: `runStudy: results in ${files.location} are damaged: ${list}. Remove these files, and their runs are done again`,
    damaged,
  });
}

/** @throws {FormatError} When results are damaged; lists all of them. */
export async function openLedger(
  study: Study,
  path: string,
  { retryFailed, workers, emit }: { retryFailed: boolean; workers: number; emit: (event: StudyEvent) => void },
): Promise<Ledger> {
  const files = recordFolder(path);
  const loaded = await readRecords(files);
  refuseDamaged(files, loaded.damaged);
  const records = new Map<string, RunRecord>();
  const retried = new Set<string>();
  for (const [key, record] of loaded.records) {
    const isOwn = record.of["study"] === study.name && record.of["version"] === study.run.version;
    const isTriedAgain = retryFailed && record.status === "failed" && isOwn;
    if (!isTriedAgain) records.set(key, record);
    else retried.add(key);
  }
  let board: Board = boardOf(study, records);
  for (const key of retried) await files.remove(recordName(key));

  const estimator: Estimator = createEstimator(study, await loadSteps(path, study));
  for (const run of board.runs) if (records.has(run.key)) estimator.learn(run, records.get(run.key)!);
  let runs = new Map(board.runs.map((run) => [run.key, run]));
  let wake: (() => void)[] = [];

  function progress(): Progress {
    const counts = { done: 0, failed: 0 };
    let remaining: number | undefined = 0;
    const add = (ms: number | undefined): void => {
      remaining = remaining === undefined || ms === undefined ? undefined : remaining + ms;
    };
    for (const run of runs.values()) {
      const record = records.get(run.key);
      if (record === undefined) add(estimator.expect(run));
      else counts[record.status] += 1;
    }
    if (board.waiting > 0) add(estimator.average() === undefined ? undefined : estimator.average()! * board.waiting);
    const total = runs.size + board.waiting + board.stuck;
    return { ...counts, total, ...(remaining === undefined ? {} : { remainingMs: remaining / workers }) };
  }

  /** Counts a result that is in the folder. */
  function admit(record: RunRecord): void {
    records.set(record.key, record);
    const run = runs.get(record.key);
    if (run === undefined) return; // of another plan
    estimator.learn(run, record);
    if (run.budget !== undefined) {
      board = boardOf(study, records);
      runs = new Map(board.runs.map((each) => [each.key, each]));
    }
    const { key, cell, budget } = run;
    emit({
      type: "finish",
      key,
      cell,
      ...(budget === undefined ? {} : { budget }),
      ...(record.status === "done"
        ? { status: record.status, result: record.result }
        : { status: record.status, message: record.message }),
      durationMs: record.durationMs,
      ...progress(),
    });
    const waiting = wake;
    wake = [];
    for (const go of waiting) go();
  }

  const open = (): Run[] => [...runs.values()].filter(({ key }) => !records.has(key));

  return {
    open,
    isDone: (key) => records.has(key),
    isComplete: () => board.waiting === 0 && [...runs.keys()].every((key) => records.has(key)),
    get stuck() {
      return board.stuck;
    },
    progress: () => progress(),
    retried,
    async find(key) {
      return records.get(key) ?? ((await hasFile(files, recordName(key))) ? await readRecord(files, key) : undefined);
    },
    async settle(record) {
      if (records.has(record.key)) return;
      const known = (await hasFile(files, recordName(record.key))) ? await readRecord(files, record.key) : undefined;
      if (known === undefined) await writeRecord(files, record);
      if (!records.has(record.key)) admit(known ?? record);
    },
    async refresh() {
      const names = await readdir(join(resolve(path), "runs")).catch(() => []); // none is written yet
      for (const name of names) {
        const key = keyOfName(name);
        if (key === undefined || records.has(key)) continue;
        const record = await readRecord(files, key);
        if (!records.has(key)) admit(record);
      }
    },
    changed: (ms) =>
      new Promise((resolveWait) => {
        const timer = setTimeout(resolveWait, ms);
        wake.push(() => {
          clearTimeout(timer);
          resolveWait();
        });
      }),
  };
}
