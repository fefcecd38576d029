import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import {
  checkAdapterOptions,
  createSandbox,
  type Ended,
  type Execution,
  type SandboxAdapterOptions,
} from "../adapter.ts";
import { readKit, readPrelude } from "../guest-files.ts";
import { defaultLimits, resolveLimits } from "../limits.ts";
import { refuse } from "../outcome.ts";
import type { Sandbox, SandboxLimits } from "../sandbox.ts";
import { runJob } from "./job.ts";
import { type QuickjsWorker, startWorker, type WorkerSetup } from "./worker.ts";

async function readSetup({ memoryBytes, stackBytes }: SandboxLimits): Promise<WorkerSetup> {
  const wasm = createRequire(import.meta.url).resolve("@jitl/quickjs-wasmfile-release-sync/wasm");
  const [code, prelude, kit] = await Promise.all([readFile(wasm), readPrelude(), readKit()]);
  return { wasmModule: await WebAssembly.compile(code), prelude, kit, memoryBytes, stackBytes };
}

/**
 * The default sandbox, for JavaScript.
 *
 * Each program gets its own QuickJS, compiled to WebAssembly, on a memory that cannot grow past the limit, in a
 * worker thread that is terminated when its time is up: neither limit relies on the guest. After the first run one worker
 * at least is kept ready, so that a run starts within a few ms; idle workers do not keep Node alive.
 *
 * @throws {ConfigError} When an option is unknown or out of its range.
 * @example
 * const sandbox = quickjs();
 * const outcome = await sandbox.run("return input.a * input.b", { input: { a: 6, b: 7 } });
 * if (outcome.ok) console.log(outcome.value); // 42
 * await sandbox.close();
 */
export function quickjs(options: SandboxAdapterOptions = {}): Sandbox {
  checkAdapterOptions("quickjs", options);
  const limits = resolveLimits(defaultLimits, options.limits);
  const idle: QuickjsWorker[] = []; // ready, or about to be
  const ending = new Set<Promise<number>>();
  let setup: Promise<WorkerSetup> | undefined;
  let closed = false;

  /** Idle workers do not keep Node alive; those that somebody waits for do. */
  const rest = (worker: QuickjsWorker): void => {
    worker.thread.unref();
    idle.push(worker);
  };
  const end = async ({ thread }: QuickjsWorker): Promise<void> => {
    const termination = thread.terminate();
    ending.add(termination);
    await termination;
    ending.delete(termination);
  };

  async function take(): Promise<QuickjsWorker | undefined> {
    setup ??= readSetup(limits);
    const at = Math.max(
      0,
      idle.findIndex(({ isReady }) => isReady),
    );
    const [worker = startWorker(await setup)] = idle.splice(at, 1);
    worker.thread.ref();
    return (await worker.ready) ? worker : undefined;
  }

  async function give(worker: QuickjsWorker, reusable: boolean): Promise<void> {
    if (reusable && !closed) {
      worker.prepare();
      rest(worker);
      return;
    }
    await end(worker);
    // What was lost is made up for now, not when the next program waits for it.
    if (idle.length === 0 && !closed) rest(startWorker(await setup!));
  }

  async function execute(execution: Execution): Promise<Ended> {
    const worker = await take();
    if (worker === undefined)
      return { verdict: refuse("SANDBOX_CRASH", "no worker could start"), stdout: "", wallMs: 0 };
    const { reusable, ...ended } = await runJob(worker, execution);
    void give(worker, reusable);
    return ended;
  }

  async function close(): Promise<void> {
    closed = true;
    await Promise.all([...idle.splice(0).map(end), ...ending]);
  }

  return createSandbox({ name: "quickjs", language: "javascript", execute, close }, options);
}
