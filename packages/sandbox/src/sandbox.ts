/**
 * The interface of a sandbox: a place where source text that nobody trusts runs and can only answer. Adapters implement
 * it (`quickjs`, `run`, `python`); everything else in the package takes any of them.
 *
 * A run never rejects because of its guest: whatever the program does ends as a `SandboxOutcome`.
 */
import type { Json } from "@cambium/base";

/** Bounds on one run. Sizes are in bytes of UTF-8. */
export interface SandboxLimits {
  /** Longest source text, all parts together. @default 65536 */
  readonly sourceBytes: number;
  /** Running time of the guest, in ms; waiting for host functions does not count. @default 2000 */
  readonly wallMs: number;
  /** Memory of the guest and of the engine that runs it. @default 67108864 (64 MiB) */
  readonly memoryBytes: number;
  /** Call stack of the guest. @default 262144 (256 KiB) */
  readonly stackBytes: number;
  /** Text written by the guest to its console. @default 65536 (64 KiB) */
  readonly stdoutBytes: number;
  /** JSON text of the result, and of the arguments and the answer of each call to a host function. @default 262144 (256 KiB) */
  readonly resultBytes: number;
  /** Calls to host functions. @default 50 */
  readonly bridgeCalls: number;
  /**
   * Time that one call of a host function may take, in ms. After it the call ends as an error in the program, and the signal
   * of the function is aborted. @default no limit
   */
  readonly callMs?: number;
}

/** A named piece of a program. Pieces are joined in order; errors name piece and line. */
export interface SourcePart {
  /** For example `"tool"` or `"call"`. */
  readonly name: string;
  readonly source: string;
}

/** A Standard Schema (zod 4, valibot, arktype, …), as far as a sandbox needs it. */
export interface Schema<Value = unknown> {
  readonly "~standard": {
    /** The value as the schema reads it, or what is wrong with it. */
    validate(value: unknown): SchemaResult<Value> | Promise<SchemaResult<Value>>;
  };
}

/** What a Standard Schema says about a value. */
export type SchemaResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/**
 * A function of the host that a guest may call with one JSON value, by its name in `SandboxOptions.functions`. In the
 * guest it is asynchronous in JavaScript (`const rate = await lookup({ from: "EUR" })`) and synchronous in Python.
 */
export interface HostFunction<Input = unknown> {
  /** Checks the argument on the host before `run` sees it; a guest's argument is only JSON until then. */
  readonly input: Schema<Input>;
  /** Its answer must be JSON or `undefined`; an error's message reaches the guest, its stack does not. */
  run(input: Input, context: { readonly signal: AbortSignal }): unknown;
}

/** Options of one run. */
export interface SandboxOptions {
  /** A JSON value that the guest reads as the variable `input`. @default null */
  readonly input?: Json;
  /** The only functions of the host that the guest can call, as global functions of these names. @default {} */
  readonly functions?: Readonly<Record<string, HostFunction>>;
  /** Bounds that differ from the sandbox's own. */
  readonly limits?: Partial<SandboxLimits>;
  /** Seed of the guest's `Math.random` (Python: the functions of `random`, not its `SystemRandom`). An integer from 0 to 2^32 − 1. @default 0 */
  readonly seed?: number;
  /** What the guest's clock shows when it starts, in ms since 1970; it moves 1 ms with each reading. @default 1767225600000 (2026-01-01T00:00:00Z) */
  readonly clockMs?: number;
  /** Whether the maths kit (`rational`, `integers`, `polynomial`, `matrix`, `statistics`) is there. JavaScript only. @default false */
  readonly kit?: boolean;
  /** Ends the run, and takes it from the queue. */
  readonly signal?: AbortSignal;
}

/** Where in the guest's program an error happened; lines and columns start at 1. */
export interface SourcePosition {
  /** Name of the part; `"program"` when the source was one string. */
  readonly part: string;
  readonly line: number;
  readonly column?: number;
}

/** Why a run has no result. `message` is meant for the model that wrote the program; it names no path of the host. */
export type SandboxFailure =
  /** The program is not valid, or longer than `sourceBytes`; nothing of it ran. */
  | { readonly code: "LOAD_FAILED"; readonly message: string; readonly stack: string; readonly at?: SourcePosition }
  /** The program threw `name`. `stack` has the guest's frames only, by part and line, at most 1,500 characters. */
  | {
      readonly code: "GUEST_ERROR";
      readonly message: string;
      readonly name: string;
      readonly stack: string;
      readonly at?: SourcePosition;
    }
  /** A limit was reached: `wallMs`, `memoryBytes`, `stackBytes`, `stdoutBytes`, `resultBytes`, `bridgeCalls`. */
  | { readonly code: "GUEST_TIMEOUT"; readonly message: string; readonly limit: number }
  | { readonly code: "GUEST_MEMORY"; readonly message: string; readonly limit: number }
  | { readonly code: "GUEST_STACK"; readonly message: string; readonly limit: number }
  | { readonly code: "GUEST_OUTPUT_LIMIT"; readonly message: string; readonly limit: number }
  | { readonly code: "RESULT_TOO_LARGE"; readonly message: string; readonly limit: number }
  | { readonly code: "CALL_LIMIT"; readonly message: string; readonly limit: number }
  /** The result is not JSON (a function, a promise, a BigInt, a cycle, …; the message names the place), nests deeper than 100 levels or has a key `__proto__`. */
  | { readonly code: "RESULT_INVALID"; readonly message: string }
  /** `signal` was aborted, or the sandbox was closed. */
  | { readonly code: "CANCELLED"; readonly message: string }
  /** The sandbox does not start here (no isolation, no interpreter), or its queue is full. Nothing ran. */
  | { readonly code: "UNAVAILABLE"; readonly message: string }
  /** The program ended or broke what it ran in, such as its interpreter. The next run gets a new one. */
  | { readonly code: "GUEST_CRASH"; readonly message: string }
  /** The sandbox broke before the program began. Nothing of it ran. */
  | { readonly code: "SANDBOX_CRASH"; readonly message: string };

/** What a run cost. */
export interface SandboxUsage {
  /** Running time of the guest, in ms. */
  readonly wallMs: number;
  /** Calls made to host functions. */
  readonly bridgeCalls: number;
}

/** How a run ended: with a value, or with a failure. */
export type SandboxOutcome = {
  /** Text written with `console.log` and `print`, one line each; what came before a failure is kept. */
  readonly stdout: string;
  readonly usage: SandboxUsage;
  /**
   * SHA-256, in hex, of adapter, source, input, seed, clock, kit, limits and function names: equal hashes, equal runs, as far as
   * the program asks no host function. In Python `datetime.now()`, `random.SystemRandom` and `uuid.uuid4()` are the machine's,
   * and differ between equal runs.
   */
  readonly hash: string;
} & (
  | {
      readonly ok: true;
      /** What the program returned; `undefined` when it returned nothing. */
      readonly value: Json | undefined;
    }
  | { readonly ok: false; readonly failure: SandboxFailure }
);

/** A place to run programs that nobody trusts. */
export interface Sandbox {
  /** Name of the adapter, for reports. */
  readonly name: string;
  readonly language: "javascript" | "python";
  /** Bounds of a run that sets none. */
  readonly limits: SandboxLimits;
  /**
   * Runs a program once, in a fresh context.
   *
   * JavaScript: the source is the body of an async function, so that `await` and `return` work at the top and the value
   * returned is the result. Python: the source is a module, and its variable `result`, when set, is the result.
   *
   * @param source - The program, or parts of it that are joined in order.
   * @returns How it ended. The promise rejects only with a `ConfigError` about the arguments of this call.
   */
  run(source: string | readonly SourcePart[], options?: SandboxOptions): Promise<SandboxOutcome>;
  /** Ends running and waiting programs as `CANCELLED` and frees workers and processes. Idle ones never keep Node alive. */
  close(): Promise<void>;
}
