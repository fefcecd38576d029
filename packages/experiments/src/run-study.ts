import { join, resolve } from "node:path";
import { createChannel } from "./channel.ts";
import type { StudyEvent } from "./events.ts";
import type { Workshop } from "./execute.ts";
import { openLedger } from "./ledger.ts";
import { agreePlan } from "./plans.ts";
import { recordFolder } from "./record.ts";
import { runLocally } from "./run-locally.ts";
import { parseRunOptions, type RunStudyOptions } from "./run-options.ts";
import { runOverRedis } from "./run-over-redis.ts";
import type { Study } from "./study.ts";
import { createWorkerPool } from "./worker-pool.ts";

/** Where a study's results are, unless another folder is given. */
export const defaultFolder = (study: Pick<Study, "name">): string => join("runs", study.name);

/**
 * Does all runs of a study that have no result yet, in worker processes, and yields what happens.
 *
 * A result is written whole or not at all, and is never computed again: a study that was stopped, killed or that lost its
 * machine resumes with the runs that were under way. Several calls, in several processes, may work on one folder of one
 * machine; with `redis`, calls on several machines share the runs. A run that throws or returns something else than the
 * study's metrics has failed; it is on record, and tried again only with `retryFailed`.
 *
 * @throws {StateError} When the folder was begun with another plan (lists the changes), or Redis cannot be reached.
 * @throws {FormatError} When result files are damaged; names all of them.
 * @throws {FileError} When a result cannot be written, such as on a full disk; what was written before is kept.
 * @example
 * for await (const event of runStudy(study, { workers: 2 })) {
 *   if (event.type === "finish") console.log(event.cell, event.result, event.remainingMs);
 * }
 */
export async function* runStudy(study: Study, options: RunStudyOptions = {}): AsyncGenerator<StudyEvent> {
  const settings = parseRunOptions(options);
  const { workers, signal, graceMs, timeoutMs, attempts, execArgv, redis } = settings;
  const folder = resolve(settings.folder ?? defaultFolder(study));
  const channel = createChannel<StudyEvent>();
  const emit = channel.push;
  const results = (await recordFolder(folder).list()).length;
  const plan = await agreePlan(study, folder, results, settings.acceptChanges);
  const ledger = await openLedger(study, folder, { retryFailed: settings.retryFailed, workers, emit });
  yield { type: "begin", ...ledger.progress(workers) };

  const pool = createWorkerPool(workers, execArgv);
  const stop = new AbortController();
  let stopping: Promise<void> | undefined;
  stop.signal.addEventListener("abort", () => {
    stopping = pool.stop(graceMs);
  });
  const abort = (): void => stop.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });

  const workshop: Workshop = { study, folder, pool, timeoutMs, attempts, emit };
  const work = ledger.isComplete()
    ? Promise.resolve()
    : redis === undefined
      ? runLocally(workshop, ledger, settings, stop)
      : runOverRedis(workshop, ledger, { ...settings, redis }, plan, stop);
  work.then(() => channel.close(), channel.close);
  try {
    yield* channel.read();
    const reason = ledger.isComplete() ? "finished" : "stopped";
    yield { type: "end", reason, stuck: ledger.stuck, ...ledger.progress(workers) };
  } finally {
    signal?.removeEventListener("abort", abort);
    stop.abort();
    await stopping;
    await work.catch(() => undefined); // thrown by the channel already
  }
}
