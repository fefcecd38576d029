import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ChildMessage, JobKind, JobTable, Measured, StartMessage } from "./job.ts";
import { RunError } from "./run-error.ts";

/** A child process failed: its error's code, message and stack. */
class JobError extends RunError {
  override readonly code: string;

  constructor(code: string | undefined, message: string, stack: string | undefined) {
    super(message);
    this.code = code ?? "RUN";
    if (stack !== undefined) this.stack = stack;
  }
}

/** The run was stopped by its signal. */
class StoppedError extends Error {
  readonly code = "STOPPED";
}

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));

/** Children without anything to save are not waited for any longer. */
const PATIENCE_MS = 20_000;

function stopChild(child: ChildProcess): void {
  child.send("stop", () => {}); // it may be gone already
  setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS).unref();
}

/**
 * Does one part of a run in its own process.
 *
 * @param onProgress - Called with a line on how far it is.
 * @param signal - Stops it; what can be resumed is saved first.
 * @throws {StoppedError} When it was stopped.
 * @throws {JobError} When it failed.
 */
export function runJob<Kind extends JobKind>(
  start: StartMessage<Kind>,
  onProgress: (text: string) => void,
  signal: AbortSignal,
): Promise<Measured<JobTable[Kind]["result"]>> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new StoppedError());
    const child = fork(WORKER, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const onAbort = (): void => stopChild(child);
    signal.addEventListener("abort", onAbort, { once: true });
    let answer: ChildMessage | undefined;
    child.on("message", (message: ChildMessage) => {
      if (message.type === "progress") onProgress(message.text);
      else answer = message;
    });
    child.on("error", reject);
    child.on("exit", (code, killedBy) => {
      signal.removeEventListener("abort", onAbort);
      if (answer?.type === "result")
        resolve({ result: answer.result as JobTable[Kind]["result"], peakMiB: answer.peakMiB });
      else if (answer?.type === "error") reject(new JobError(answer.code, answer.message, answer.stack));
      else if (answer?.type === "stopped" || signal.aborted) reject(new StoppedError());
      else
        reject(
          new JobError(
            undefined,
            `the process of "${start.kind}" ended with ${killedBy ?? `code ${code}`} before it had a result; is there enough memory?`,
            undefined,
          ),
        );
    });
    child.send(start);
  });
}
