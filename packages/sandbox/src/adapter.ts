import { AsyncLocalStorage } from "node:async_hooks";
import { availableParallelism } from "node:os";
import { ConfigError } from "@cambium/base";
import { answerCall } from "./bridge.ts";
import { defaultLimits, resolveLimits } from "./limits.ts";
import { checkSource, refuse, type Verdict } from "./outcome.ts";
import { checkRequest, type SandboxRequest } from "./request.ts";
import type { Sandbox, SandboxLimits } from "./sandbox.ts";
import { Turns } from "./turns.ts";

/** Options that every adapter has. */
export interface SandboxAdapterOptions {
  /** Limits of runs that set none. */
  readonly limits?: Partial<SandboxLimits>;
  /** Programs that run at once; others wait. @default twice the number of processors */
  readonly concurrency?: number;
  /** Programs that may wait; one more fails as `UNAVAILABLE`. @default 1000 */
  readonly queueLength?: number;
}

/** Programs started by host functions of programs started by host functions …, at most so deep. */
const DEEPEST_LEVEL = 3;

/** What an adapter sees of a run. */
export interface Execution {
  readonly request: SandboxRequest;
  /** Aborted when the run is cancelled or the sandbox closed. */
  readonly signal: AbortSignal;
  /** Calls a host function; see `answerCall`. Never rejects. */
  call(name: string, argument: string | undefined): Promise<string>;
}

/** How an adapter's part of a run ended. */
export interface Ended {
  readonly verdict: Verdict;
  readonly stdout: string;
  readonly wallMs: number;
}

/** What differs between adapters. */
export interface Engine {
  readonly name: string;
  readonly language: Sandbox["language"];
  /** Runs one program. Rejects only when it cannot start. */
  execute(execution: Execution): Promise<Ended>;
  /** Frees what is idle. */
  close(): Promise<void>;
}

function checkCount(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new ConfigError({ message: `sandbox: "${name}" must be an integer of at least 1, got ${value}`, value });
}

/** A sandbox from an engine: queue, cancellation, host functions, limits of the source, hash. */
export function createSandbox(engine: Engine, options: SandboxAdapterOptions): Sandbox {
  const limits = resolveLimits(engine.name, defaultLimits, options.limits);
  const turns = new Turns(
    checkCount("concurrency", options.concurrency ?? 2 * availableParallelism()),
    checkCount("queueLength", options.queueLength ?? 1000),
  );
  const levels = new AsyncLocalStorage<number>();
  const closing = new AbortController();
  const active = new Set<Promise<unknown>>();
  const nothing = { stdout: "", wallMs: 0 };

  async function runInTurn(request: SandboxRequest, level: number, counted: () => void): Promise<Ended> {
    const signals = request.signal === undefined ? [closing.signal] : [closing.signal, request.signal];
    const signal = AbortSignal.any(signals);
    const over = new AbortController(); // tells host functions that nobody waits for them any more
    const call: Execution["call"] = (name, argument) => {
      counted();
      return levels.run(level + 1, () => answerCall(request, name, argument, over.signal));
    };
    const turn = await turns.enter(level, signal);
    try {
      if (turn === "cancelled") return { verdict: refuse("CANCELLED", "the run was cancelled"), ...nothing };
      if (turn === "full") return { verdict: refuse("UNAVAILABLE", "too many programs are waiting"), ...nothing };
      return await engine.execute({ request, signal, call });
    } catch {
      return { verdict: refuse("SANDBOX_CRASH", "the sandbox did not start"), ...nothing };
    } finally {
      over.abort();
      if (turn === "granted") turns.leave(level);
    }
  }

  return {
    name: engine.name,
    language: engine.language,
    limits,
    async run(source, runOptions = {}) {
      const request = checkRequest(engine.name, limits, source, runOptions);
      if (request.kit && engine.language !== "javascript")
        throw new ConfigError({
          message: `run: the maths kit is for JavaScript, this sandbox runs ${engine.language}`,
        });
      const level = levels.getStore() ?? 0;
      let bridgeCalls = 0;
      const early =
        level > DEEPEST_LEVEL
          ? refuse("UNAVAILABLE", `host functions may run programs ${DEEPEST_LEVEL} levels deep`)
          : checkSource(request);
      const ending =
        early === undefined
          ? runInTurn(request, level, () => bridgeCalls++)
          : Promise.resolve({ verdict: early, ...nothing });
      active.add(ending);
      const { verdict, stdout, wallMs } = await ending.finally(() => active.delete(ending));
      return { ...verdict, stdout, usage: { wallMs, bridgeCalls }, hash: request.hash };
    },
    async close() {
      closing.abort();
      await Promise.allSettled(active);
      await engine.close();
    },
  };
}
