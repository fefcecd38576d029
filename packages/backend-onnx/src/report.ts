import type { Compile } from "./session-cache.ts";

/** What the backend has done so far. */
export interface BackendReport {
  /** Version of ONNX Runtime. */
  readonly runtimeVersion: string;
  /** Threads inside an operator. */
  readonly threads: number;
  /** Names of the kernels that run natively. */
  readonly native: readonly string[];
  /** Calls of kernels that ran on the plain JavaScript backend, by name. */
  readonly fallback: Readonly<Record<string, number>>;
  /** Graph runs. */
  readonly runs: number;
  /** Runs that found their program compiled. */
  readonly cacheHits: number;
  /** Programs compiled, and the last of them with their reasons. */
  readonly compileCount: number;
  readonly compiles: readonly Compile[];
  /** Sessions alive, their estimated bytes, and how many were evicted. */
  readonly sessions: number;
  readonly sessionBytes: number;
  readonly evictions: number;
  /** Bytes that came out of graphs. */
  readonly bytesCopied: number;
  /** Tensors that exist or are pending, and the pending ones among them. */
  readonly liveValues: number;
  readonly pendingValues: number;
}
