import { AsyncLocalStorage } from "node:async_hooks";
import { availableParallelism } from "node:os";
import { ConfigError, parseConfig } from "@cambium/base";
import * as z from "zod";
import { answerCall } from "./bridge.ts";
import { defaultLimits, limitsField, resolveLimits } from "./limits.ts";
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

const adapterFields = {
  limits: limitsField,
  concurrency: z.int().min(1).optional(),
  queueLength: z.int().min(1).optional(),
};

/**
 * Checks the options of an adapter.
 *
 * @param more - Fields beside those of `SandboxAdapterOptions`.
 * @throws {ConfigError} When one is unknown or out of its range.
 */
export function checkAdapterOptions(
  caller: string,
  options: object,
  more: Readonly<Record<string, z.ZodType>> = {},
): void {
  parseConfig(caller, z.strictObject({ ...adapterFields, ...more }), options);
}

/** A sandbox from an engine: queue, cancellation, host functions, limits of the source, hash. The options were checked. */
export function createSandbox(engine: Engine, options: SandboxAdapterOptions): Sandbox {
  const { concurrency = 2 * availableParallelism(), queueLength = 1000 } = options;
  const limits = resolveLimits(defaultLimits, options.limits);
  const turns = new Turns(concurrency, queueLength);
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
