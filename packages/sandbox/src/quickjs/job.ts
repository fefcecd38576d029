import type { Ended, Execution } from "../adapter.ts";
import { framesOf, settingsOf } from "../javascript.ts";
import { limitReached, readResult, refuse, type Verdict } from "../outcome.ts";
import type { SandboxRequest } from "../request.ts";
import { Stopwatch } from "../stopwatch.ts";
import type { Job, JobEnd, QuickjsWorker, WorkerMessage } from "./worker.ts";

/** How a job ended, and whether its worker may take another. */
export interface JobEnded extends Ended {
  readonly reusable: boolean;
}

/** A worker whose program needed more memory than this is not used again: it may keep it until V8 collects. */
const REUSE_BYTES = 24 * 2 ** 20;

const STALLED = "the program waits for a promise that nothing will settle";

function jobOf(request: SandboxRequest, stdout: SharedArrayBuffer): Job {
  const source = `(async function () {\n${request.program.source}\n})`;
  const { limits, clockMs, kit } = request;
  return { ...limits, source, settings: settingsOf(request), clockMs, kit, stdout };
}

function verdictOf(request: SandboxRequest, end: JobEnd): Verdict {
  if ("limit" in end) return limitReached(request, end.limit);
  if ("crash" in end) return refuse(end.hasBegun ? "GUEST_CRASH" : "SANDBOX_CRASH", end.crash);
  if ("stalled" in end) return { ok: false, failure: { code: "GUEST_ERROR", name: "", message: STALLED, stack: "" } };
  // QuickJS throws null when no room is left for an error.
  if (end.memoryFull && end.text === `e${JSON.stringify({ name: "", message: "null", stack: "" })}`)
    return limitReached(request, "memory");
  return readResult(request, end.text, end.phase, (stack) => framesOf(stack, String.raw`program\.js:(\d+):(\d+)`, 1));
}

function readOutput(stdout: SharedArrayBuffer): string {
  const length = Atomics.load(new Int32Array(stdout, 0, 1), 0);
  return new TextDecoder().decode(new Uint8Array(stdout, 4, length).slice()); // a decoder takes no shared memory
}

/** Runs a program on a worker that is ready, until it ends, breaks, runs out of time or is cancelled. */
export async function runJob({ thread }: QuickjsWorker, { request, signal, call }: Execution): Promise<JobEnded> {
  const stdout = new SharedArrayBuffer(4 + request.limits.stdoutBytes);
  let over = false;
  let stop: (verdict: Verdict, reusable?: boolean) => void = () => {};
  const ended = new Promise<{ verdict: Verdict; reusable: boolean }>((resolve) => {
    stop = (verdict, reusable = false) => resolve({ verdict, reusable });
  });
  const watch = new Stopwatch(request.limits.wallMs, () => stop(limitReached(request, "wall")));

  let answers = 0;
  const answer = async (id: number, name: string, argument: string | undefined): Promise<void> => {
    const text = await call(name, argument);
    if (over) return;
    answers++;
    watch.start();
    thread.postMessage({ type: "answer", id, text });
  };
  const hear = (message: WorkerMessage): void => {
    if (message.type === "call") void answer(message.id, message.name, message.text);
    // When the numbers differ, an answer is on its way and the program continues.
    if (message.type === "waiting" && message.answers === answers) watch.pause();
    if (message.type === "end") {
      const reusable = ("text" in message || "stalled" in message) && message.memoryBytes <= REUSE_BYTES;
      stop(verdictOf(request, message), reusable);
    }
  };
  const cancel = (): void => stop(refuse("CANCELLED", "the run was cancelled"));
  const gone = (): void => stop(refuse("GUEST_CRASH", "the program broke the thread that it ran in"));

  thread.on("message", hear);
  thread.on("exit", gone);
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();
  thread.postMessage({ type: "run", ...jobOf(request, stdout) });
  watch.start();
  const { verdict, reusable } = await ended;
  over = true;
  watch.pause();
  thread.off("message", hear);
  thread.off("exit", gone);
  signal.removeEventListener("abort", cancel);
  return { verdict, reusable, wallMs: watch.usedMs, stdout: readOutput(stdout) };
}
