/**
 * The program of a worker process: does one run after another for the process that started it, and ends with it. Its one
 * parameter is that process's id.
 */
import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { canonicalJson } from "@cambium/base";
import type { FromWorker, ToWorker } from "./worker-messages.ts";

type Exported = Record<string, ((cell: unknown, context: unknown) => unknown) | undefined>;

const send = (message: FromWorker): void => void process.send!(message);

let stop = new AbortController();

/** The function that a task names. */
async function load({ module, name }: Extract<ToWorker, { type: "run" }>): Promise<NonNullable<Exported[string]>> {
  const address = isAbsolute(module) && existsSync(module) ? pathToFileURL(module).href : module;
  const exported: Exported = await import(address);
  const found = exported[name];
  if (typeof found !== "function") {
    throw new Error(
      `${module} exports no function "${name}"; it exports ${Object.keys(exported).join(", ") || "nothing"}`,
    );
  }
  return found;
}

async function run(task: Extract<ToWorker, { type: "run" }>): Promise<void> {
  stop = new AbortController();
  const { cell, budget, scratch } = task;
  const context = {
    ...(budget === undefined ? {} : { budget }),
    signal: stop.signal,
    scratch,
    progress: (fraction: number) => {
      if (typeof fraction === "number" && fraction >= 0 && fraction <= 1) return send({ type: "progress", fraction });
      throw new RangeError(`context.progress: expected a number from 0 to 1, got ${String(fraction)}`);
    },
  };
  try {
    const call = await load(task);
    if (stop.signal.aborted) throw new Error("stopped before its start");
    const start = performance.now();
    const result = await call(cell, context);
    const durationMs = performance.now() - start;
    send({ type: "done", result: canonicalJson(result ?? null), durationMs });
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(`threw ${String(error)}`);
    send({ type: "failed", message, ...(stack === undefined ? {} : { stack }) });
  }
}

process.on("message", (message: ToWorker) => {
  if (message.type === "stop") stop.abort();
  else void run(message);
});
// Whoever would have kept the result is gone. A run that never yields does not see it, so a thread watches too. It is told
// whose child this is: by the time that it could look, another may have become the parent.
process.on("disconnect", () => process.exit());
new Worker(
  "const { workerData: of } = require('node:worker_threads'); setInterval(() => process.ppid === of || process.kill(process.pid, 'SIGKILL'), 1000)",
  { eval: true, workerData: Number(process.argv[2]) },
).unref();
// Ctrl-C in a terminal reaches every process: the one that started this one decides what becomes of the run.
process.on("SIGINT", () => undefined);
