/**
 * Runs a method over rows. The loop at the end keeps some rows under way, takes whichever ends first, and appends its record
 * before it is reported; what was appended by earlier runs is read first and never solved again.
 */

import { ConfigError, FormatError, parseConfig, result } from "@cambium/base";
import * as z from "zod";
import { type Failure, isOutside, isWrongAddress } from "./failure.ts";
import { type Grader, strictGrader } from "./graders/grader.ts";
import { settleManifest } from "./results/manifest.ts";
import { type EvaluationRecord, recordOf, rowHash } from "./results/record.ts";
import { folderResults, memoryResults, type Results } from "./results/results.ts";
import type { Solved, Solver } from "./solver.ts";
import { addCost, createSummariser, type EvaluationSummary } from "./summary.ts";
import { type Row, type Task, taskOf } from "./task.ts";
import { type Cost, costOf } from "./trajectory.ts";

/** A property by which results are split. */
export interface Group<Asked extends Task = Task> {
  /** The part that a row belongs to; `undefined` for none. */
  of(row: Row<Asked>): string | undefined;
  /** Known parts, in the order in which reports show them. @default by name */
  readonly order?: readonly string[];
}

/** Settings of `runEvaluation`. */
export interface EvaluationOptions<Asked extends Task = Task> {
  /** Who judges; of several, the first decides what counts as right. @default `strictGrader` */
  readonly grader?: Grader | readonly Grader[];
  /** Rows under way at once. @default 4 */
  readonly concurrency?: number;
  /** Where results are kept: a folder's path, or kept results. A run that finds some resumes after them. @default memory */
  readonly results?: string | Results;
  /** Number of the repeat: another one gets its own replies. @default 0 */
  readonly sample?: number;
  /** By what results are split beside `subject` and `level`, by name. @default nothing */
  readonly groups?: Readonly<Record<string, Group<Asked>>>;
  /** Stops the run; rows under way are dropped and done again when it is resumed. */
  readonly signal?: AbortSignal;
}

/** How far a run is. */
export interface EvaluationProgress {
  /** Rows done, earlier runs included. */
  readonly done: number;
  /** All rows; `undefined` when they come from an iterable that does not tell. */
  readonly total: number | undefined;
  /** Spent in this run. */
  readonly spent: Cost;
  readonly elapsedMs: number;
  /** Expected, from the pace of this run. */
  readonly remainingMs: number | undefined;
}

/** Why a run ended. */
export type EvaluationEnd = "finished" | "stopped" | "budget_exceeded" | "unavailable";

/** What happens during an evaluation. */
export type EvaluationEvent =
  /** Results of an earlier run were found. */
  | { readonly type: "resumed"; readonly rows: number }
  | ({ readonly type: "row"; readonly record: EvaluationRecord } & EvaluationProgress)
  /** A row could not be tried: the provider or the machine failed. It stays open for the next run. */
  | ({ readonly type: "postponed"; readonly id: string; readonly failure: Failure } & EvaluationProgress)
  | {
      readonly type: "end";
      readonly reason: EvaluationEnd;
      readonly summary: EvaluationSummary;
      /** Rows that were postponed or not reached, where that is known. */
      readonly open: number | undefined;
      /** The failure that ended the run early. */
      readonly failure?: Failure;
      /** Spent in this run. */
      readonly spent: Cost;
    };

const isGrader = (value: unknown): boolean => typeof (value as Grader | undefined)?.grade === "function";

const schema = z.strictObject({
  grader: z
    .custom(
      (value) => (Array.isArray(value) ? value.length > 0 && value.every(isGrader) : isGrader(value)),
      "must be a grader or a list of graders",
    )
    .optional(),
  concurrency: z.int().min(1).max(256).optional(),
  results: z
    .union(
      [z.string().min(1), z.custom<Results>((value) => typeof (value as Results | undefined)?.append === "function")],
      "must be a path or kept results",
    )
    .optional(),
  sample: z.int().min(0).optional(),
  groups: z
    .record(
      z.string(),
      z.strictObject({
        of: z.custom<Group["of"]>((value) => typeof value === "function", "must be a function of a row"),
        order: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  signal: z.custom<AbortSignal>((value) => typeof (value as AbortSignal | undefined)?.aborted === "boolean").optional(),
});

/** Failures after which no other row can do better. */
const FATAL: ReadonlySet<Failure["code"]> = new Set([
  "UNAUTHORIZED",
  "FORBIDDEN",
  "STORE",
  "FILE",
  "CONFIG",
  "STATE",
  "FORMAT",
]);
const isFatal = (failure: Failure): boolean => FATAL.has(failure.code) || isWrongAddress(failure);

/** Failures of the provider in a row, after which the run ends. */
const MOST_IN_A_ROW = 3;

/** What earlier runs left: hashes of rows by id. */
async function readDone(results: Results, add: (record: EvaluationRecord) => void): Promise<Map<string, string>> {
  const done = new Map<string, string>();
  let number = 0;
  for await (const line of results.lines()) {
    number++;
    let record: EvaluationRecord;
    try {
      record = JSON.parse(line) as EvaluationRecord;
    } catch (cause) {
      throw new FormatError({
        message: `runEvaluation: line ${number} of the results is damaged; remove it, and its row is done again`,
        cause,
      });
    }
    if (done.has(record.id)) continue; // two processes did the same row
    done.set(record.id, record.rowHash);
    add(record);
  }
  return done;
}

/**
 * Solves rows by a method and judges the answers. Yields a `row` event with the full record for every row, and at last `end`
 * with the summary. With `results`, everything is kept, and the same call made again resumes where the last one stopped.
 *
 * Rows whose own task fails are results; rows that fail because of the provider, the budget or the machine stay
 * open. Only ids, hashes and counts are kept in memory, whatever the number of rows.
 *
 * @param rows - Tasks with their answers and unique ids. Solvers see the tasks only: no field of `RowFields`.
 * @throws {ConfigError} When options cannot be meant, two rows have one id, or the results belong to another run.
 * @throws {FileError} When results cannot be read or written.
 * @example
 * const run = runEvaluation(creator({ model: chat, sandbox: quickjs() }), rows, { grader: [strictGrader, paperGrader], results: "runs/math" });
 * for await (const event of run) if (event.type === "row") console.log(event.record.id, event.record.outcome);
 */
export async function* runEvaluation<Asked extends Task = Task>(
  solver: Solver<Asked>,
  rows: Iterable<Row<Asked>> | AsyncIterable<Row<Asked>>,
  options: EvaluationOptions<Asked> = {},
): AsyncGenerator<EvaluationEvent, void, undefined> {
  parseConfig("runEvaluation", schema, options);
  const { grader = strictGrader, concurrency = 4, sample = 0, signal } = options;
  const graders = (Array.isArray(grader) ? grader : [grader]) as readonly Grader[];
  const results =
    typeof options.results === "string" ? folderResults(options.results) : (options.results ?? memoryResults());
  const { name: method, settings } = solver;
  const taken = Object.keys(options.groups ?? {}).find((name) => name === "subject" || name === "level");
  if (taken !== undefined)
    throw new ConfigError({
      message: `runEvaluation: "groups" names "${taken}", which every evaluation has; use another name`,
    });
  const orders = Object.fromEntries(
    Object.entries(options.groups ?? {}).map(([name, { order = [] }]) => [name, order]),
  );
  await settleManifest("runEvaluation", results, {
    version: 1,
    method,
    settings,
    graders: graders.map(({ name }) => name),
    sample,
    groups: orders,
  });
  const summariser = createSummariser(method, orders);
  const done = await readDone(results, summariser.add);
  if (done.size > 0) yield { type: "resumed", rows: done.size };

  const stop = new AbortController();
  const signals = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const total = Array.isArray(rows) ? rows.length : undefined;
  const seen = new Set<string>();
  const start = performance.now();
  let finished = 0;
  let fresh = 0;
  let spent = createSummariser(method).cost;
  let postponed = 0;
  let inARow = 0;
  let ended: { readonly reason: EvaluationEnd; readonly failure?: Failure } | undefined;

  async function solve(row: Row<Asked>): Promise<{ row: Row<Asked>; end: Solved }> {
    return { row, end: (await result(solver.solve(taskOf(row), { signal: signals, sample }))) as Solved };
  }

  /** The groups of a row. */
  function groupsOf(row: Row<Asked>): Readonly<Record<string, string>> {
    const own = Object.entries(options.groups ?? {}).map(([name, group]) => [name, group.of(row)] as const);
    const found = [["subject", row.subject] as const, ["level", row.level] as const, ...own];
    return Object.fromEntries(found.filter((entry) => entry[1] !== undefined)) as Readonly<Record<string, string>>;
  }

  /** The next row that is not done yet. */
  async function take(source: AsyncIterator<Row<Asked>> | Iterator<Row<Asked>>): Promise<Row<Asked> | undefined> {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      const row = next.value;
      if (seen.has(row.id))
        throw new ConfigError({
          message: `runEvaluation: two rows have the id "${row.id}"; give every row its own`,
          id: row.id,
        });
      seen.add(row.id);
      const before = done.get(row.id);
      if (before === undefined) return row;
      finished++;
      if (before === rowHash(row)) continue;
      throw new ConfigError({
        message: `runEvaluation: row "${row.id}" has changed since it was done; use another folder`,
        id: row.id,
      });
    }
    return undefined;
  }

  const progress = (): EvaluationProgress => {
    const elapsedMs = performance.now() - start;
    const left = total === undefined ? undefined : total - finished;
    return {
      done: finished,
      total,
      spent,
      elapsedMs,
      remainingMs: left === undefined || fresh === 0 ? undefined : (elapsedMs / fresh) * left,
    };
  };

  const source = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
  const running = new Map<string, Promise<{ row: Row<Asked>; end: Solved }>>();
  let exhausted = false;
  try {
    for (;;) {
      while (running.size < concurrency && !exhausted && ended === undefined && !signal?.aborted) {
        const row = await take(source);
        if (row === undefined) exhausted = true;
        else running.set(row.id, solve(row));
      }
      if (running.size === 0) break;
      const { row, end } = await Promise.race(running.values());
      running.delete(row.id);
      if (end.failure !== undefined && isOutside(end.failure)) {
        const { failure } = end;
        postponed++;
        spent = addCost(spent, costOf(end.trajectory.steps));
        if (failure.code === "BUDGET_EXCEEDED") ended ??= { reason: "budget_exceeded", failure };
        else if (isFatal(failure) || (end.status !== "cancelled" && ++inARow >= MOST_IN_A_ROW))
          ended ??= { reason: "unavailable", failure };
        yield { type: "postponed", id: row.id, failure, ...progress() };
        continue;
      }
      inARow = 0;
      const record = recordOf(row, end, graders, groupsOf(row));
      await results.append(JSON.stringify(record));
      summariser.add(record);
      spent = addCost(spent, record.cost);
      finished++;
      fresh++;
      yield { type: "row", record, ...progress() };
    }
    const open = total !== undefined ? total - finished : exhausted ? postponed : undefined;
    const reason = ended?.reason ?? (open === 0 ? "finished" : signal?.aborted ? "stopped" : "unavailable");
    const failure = ended?.failure === undefined ? {} : { failure: ended.failure };
    yield { type: "end", reason, summary: summariser.summary(), open, ...failure, spent };
  } finally {
    stop.abort();
    await Promise.allSettled(running.values());
    await results.close();
  }
}
