import { Worker } from "node:worker_threads";
import { guestFile } from "../guest-files.ts";
import type { SandboxLimits } from "../sandbox.ts";

/** What a worker is made with. */
export interface WorkerSetup {
  readonly wasmModule: WebAssembly.Module;
  readonly prelude: string;
  readonly kit: readonly string[];
  readonly memoryBytes: number;
  readonly stackBytes: number;
}

/** One program for a worker. */
export interface Job extends SandboxLimits {
  readonly source: string;
  /** JSON: the settings of `guest/prelude.js`. */
  readonly settings: string;
  readonly clockMs: number;
  readonly kit: boolean;
  /** Where the program's output goes, so that it outlives the worker: an int32 count of bytes, then the bytes. */
  readonly stdout: SharedArrayBuffer;
}

/** How a job ended, as far as the worker can tell. */
export type JobEnd =
  | { readonly text: string; readonly phase: "load" | "run"; readonly memoryFull: boolean }
  | { readonly limit: "memory" | "stack" | "stdout" | "result" | "calls" }
  | { readonly stalled: true }
  | { readonly crash: string; readonly hasBegun: boolean };

/** What a worker says. */
export type WorkerMessage =
  | { readonly type: "ready" }
  | { readonly type: "call"; readonly id: number; readonly name: string; readonly text: string | undefined }
  | { readonly type: "waiting"; readonly answers: number }
  | ({ readonly type: "end"; readonly memoryBytes: number } & JobEnd);

/** A thread that runs one program after the other, each in its own QuickJS. */
export interface QuickjsWorker {
  readonly thread: Worker;
  /** Whether the next QuickJS is ready; `false` when the thread ended before it was. */
  readonly ready: Promise<boolean>;
  /** Whether `ready` is settled. */
  readonly isReady: boolean;
  /** Discards the last program's QuickJS and makes the next. */
  prepare(): void;
}

/** Starts a thread. */
export function startWorker(setup: WorkerSetup): QuickjsWorker {
  const thread = new Worker(guestFile("worker.mjs"), {
    workerData: setup,
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    // For our own code in there; guests live in WebAssembly memory.
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
  });
  thread.setMaxListeners(0);
  thread.on("error", () => {}); // "exit" follows, and who waits hears that
  let ready: Promise<boolean>;
  let isReady = false;
  const awaitReady = (): void => {
    isReady = false;
    ready = new Promise((resolve) => {
      const finish = (value: boolean): void => {
        thread.off("message", hear);
        thread.off("exit", gone);
        isReady = true;
        resolve(value);
      };
      const hear = ({ type }: WorkerMessage): void => {
        if (type === "ready") finish(true);
      };
      const gone = (): void => finish(false);
      thread.on("message", hear);
      thread.on("exit", gone);
    });
  };
  awaitReady();
  return {
    thread,
    get ready() {
      return ready;
    },
    get isReady() {
      return isReady;
    },
    prepare() {
      awaitReady();
      thread.postMessage({ type: "prepare" });
    },
  };
}
