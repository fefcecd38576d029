/**
 * Worker processes, each doing one run at a time. A process that dies, does not end in time or does not stop when it is
 * told to is replaced by a new one for the next run.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromWorker, ToWorker } from "./worker-messages.ts";

/** One call of a function in a worker process. */
export interface Task extends Omit<Extract<ToWorker, { type: "run" }>, "type"> {
  readonly timeoutMs?: number;
  readonly onProgress?: (fraction: number) => void;
  /** Text that the run wrote to its standard output or error. */
  readonly onOutput?: (text: string) => void;
}

/** How a call ended. */
export type TaskEnd =
  | { readonly type: "done"; readonly result: string; readonly durationMs: number }
  | { readonly type: "failed"; readonly message: string }
  /** The process ended in the middle: killed by somebody, out of memory, `process.exit`. */
  | { readonly type: "died"; readonly message: string }
  | { readonly type: "stopped" };

/** A fixed number of worker processes, started when they are needed. */
export interface WorkerPool {
  /** Does a task as soon as a process is free. After `stop` no result counts. */
  run(task: Task): Promise<TaskEnd>;
  /** Tells all runs to stop, and ends their processes; those that do not within `graceMs` are killed. */
  stop(graceMs: number): Promise<void>;
}

/** Characters of a dead process's last words that its error shows. */
const TAIL = 2000;

interface Worker {
  readonly child: ChildProcess;
  /** Settled when the process is gone. */
  readonly gone: Promise<string>;
  alive: boolean;
}

function start(execArgv: readonly string[]): Worker {
  const name = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js"; // from the sources, or built
  const file = fileURLToPath(new URL(name, import.meta.url));
  const child = fork(file, [String(process.pid)], {
    execArgv: [...execArgv],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const gone = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`could not start: ${error.message}`));
    child.once("close", (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    );
  });
  const worker: Worker = { child, gone, alive: true };
  void gone.then(() => {
    worker.alive = false;
  });
  child.on("error", () => undefined); // a message to a process that has just gone
  return worker;
}

async function perform(worker: Worker, { timeoutMs, onProgress, onOutput, ...task }: Task): Promise<TaskEnd> {
  const { child, gone } = worker;
  let tail = "";
  const onText = (piece: Buffer): void => {
    const text = String(piece);
    tail = (tail + text).slice(-TAIL);
    onOutput?.(text);
  };
  let timer: NodeJS.Timeout | undefined;
  let onMessage: (message: FromWorker) => void = () => undefined;
  const told = new Promise<TaskEnd>((resolve) => {
    onMessage = (message) => {
      if (message.type === "progress") onProgress?.(message.fraction);
      else resolve(message.type === "failed" ? { type: "failed", message: message.stack ?? message.message } : message);
    };
    if (timeoutMs === undefined) return;
    timer = setTimeout(() => {
      worker.alive = false;
      child.kill("SIGKILL");
      resolve({ type: "failed", message: `took longer than ${timeoutMs / 1000} s` });
    }, timeoutMs);
  });
  child.on("message", onMessage);
  child.stdout!.on("data", onText);
  child.stderr!.on("data", onText);
  const died = gone.then((how): TaskEnd => {
    const words = tail.trim() === "" ? "" : `; its last words: ${tail.trim()}`;
    return { type: "died", message: `the worker process ${how}${words}` };
  });
  child.send({ type: "run", ...task } satisfies ToWorker);
  try {
    const end = await Promise.race([told, died]);
    // What the run wrote is in the pipes by now, and is read in the next round of the loop.
    for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
    return end;
  } finally {
    clearTimeout(timer);
    child.off("message", onMessage);
    child.stdout!.off("data", onText);
    child.stderr!.off("data", onText);
    child.stdout!.resume();
    child.stderr!.resume();
  }
}

/** A pool of `size` processes. */
export function createWorkerPool(size: number, execArgv: readonly string[]): WorkerPool {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const queue: (() => void)[] = [];
  let busy = 0;
  let isStopped = false;

  async function turn(): Promise<void> {
    if (busy < size) {
      busy += 1;
      return;
    }
    await new Promise<void>((resolve) => queue.push(resolve));
  }

  function release(): void {
    const next = queue.shift();
    if (next === undefined) busy -= 1;
    else next();
  }

  function take(): Worker {
    let worker = idle.pop();
    while (worker !== undefined && !worker.alive) worker = idle.pop();
    if (worker !== undefined) return worker;
    const created = start(execArgv);
    all.add(created);
    void created.gone.then(() => all.delete(created));
    return created;
  }

  return {
    async run(task) {
      await turn();
      try {
        if (isStopped) return { type: "stopped" };
        const worker = take();
        const end = await perform(worker, task);
        // What a run that threw left in its process must not reach the next one.
        if (end.type === "done") idle.push(worker);
        else worker.child.kill("SIGKILL");
        return isStopped ? { type: "stopped" } : end;
      } finally {
        release();
      }
    },
    async stop(graceMs) {
      isStopped = true;
      for (const { child } of all) {
        if (idle.some((worker) => worker.child === child)) child.kill("SIGKILL");
        else if (child.connected) child.send({ type: "stop" } satisfies ToWorker);
      }
      const timer = setTimeout(() => {
        for (const { child } of all) child.kill("SIGKILL");
      }, graceMs);
      while (busy > 0 && all.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      for (const { child } of all) child.kill("SIGKILL");
      await Promise.all([...all].map(({ gone }) => gone));
      clearTimeout(timer);
    },
  };
}
