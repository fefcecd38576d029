/** One run from start to record, in a worker process. */
import { rm, rmdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { type JsonObject, nearest } from "@cambium/base";
import type { StudyEvent } from "./events.ts";
import type { Run } from "./grid.ts";
import { createRecord, type Outcome, type RunRecord } from "./record.ts";
import type { Study } from "./study.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** What runs are done with. */
export interface Workshop {
  readonly study: Study;
  readonly folder: string;
  readonly pool: WorkerPool;
  readonly timeoutMs: number | undefined;
  readonly attempts: number;
  readonly emit: (event: StudyEvent) => void;
}

/** Where a run keeps its checkpoints. */
const scratchOf = (folder: string, key: string): string => join(resolve(folder), "scratch", key);

/** Removes a run's checkpoints, once its result is kept. */
export async function removeScratch(folder: string, key: string): Promise<void> {
  await rm(scratchOf(folder, key), { recursive: true, force: true });
  await rmdir(join(resolve(folder), "scratch")).catch(() => undefined); // others' checkpoints are in it, or it never was
}

/** A result is an object with a finite number for each metric; what else it holds is the author's. */
function judge(study: Study, text: string): Outcome {
  const result: unknown = JSON.parse(text);
  const failed = (problem: string): Outcome => ({ status: "failed", message: `the run returned ${problem}` });
  if (typeof result !== "object" || result === null || Array.isArray(result)) {
    return failed(`${text.slice(0, 60)}, not an object of metrics`);
  }
  for (const metric of Object.keys(study.metrics)) {
    const value = (result as JsonObject)[metric];
    if (typeof value === "number") continue;
    const close = nearest(metric, Object.keys(result));
    return failed(
      `no number for the metric "${metric}"${value === undefined ? (close === undefined ? "" : `; it has "${close}"`) : `, but ${JSON.stringify(value)}`}`,
    );
  }
  return { status: "done", result: result as JsonObject };
}

/** Does a run. Gives `undefined` when it was stopped before its end. */
export async function execute(
  { study, folder, pool, timeoutMs, attempts, emit }: Workshop,
  run: Run,
): Promise<RunRecord | undefined> {
  const { key, cell, budget } = run;
  const from = performance.now();
  const record = (outcome: Outcome, durationMs: number): RunRecord =>
    createRecord(study, run, outcome, { durationMs, endedAt: new Date().toISOString(), machine: hostname() });
  for (let attempt = 1; ; attempt++) {
    emit({ type: "start", key, cell, ...(budget === undefined ? {} : { budget }) });
    const end = await pool.run({
      module: study.run.module,
      name: study.run.name,
      cell,
      scratch: scratchOf(folder, key),
      onProgress: (fraction) => emit({ type: "progress", key, cell, fraction }),
      onOutput: (text) => emit({ type: "output", key, text }),
      ...(budget === undefined ? {} : { budget }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    if (end.type === "stopped") return undefined;
    if (end.type === "done") return record(judge(study, end.result), end.durationMs);
    if (end.type === "failed") return record({ status: "failed", message: end.message }, performance.now() - from);
    if (attempt >= attempts) {
      const message = `${end.message} (${attempts} times; the run was not tried again)`;
      return record({ status: "failed", message }, performance.now() - from);
    }
    emit({ type: "lost", key, cell, message: end.message });
  }
}
