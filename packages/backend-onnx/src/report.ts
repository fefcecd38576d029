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
  /** Functions compiled for any sizes; those that share a graph count once. */
  readonly dynamicCompileCount: number;
  /** Graphs of such functions that were not freed. */
  readonly dynamicSessions: number;
  /** Sessions alive, their estimated bytes, the threads of their pools, and how many sessions were evicted. */
  readonly sessions: number;
  readonly sessionBytes: number;
  readonly sessionThreads: number;
  readonly evictions: number;
  /** Bytes that came out of graphs. */
  readonly bytesCopied: number;
  /**
   * Bytes of host memory behind the elements of all tensors, where these exist: weights, batches, results. Tensors that
   * share memory count once; pending tensors, constants that are never stored and strings count nothing.
   */
  readonly liveBytes: number;
  /**
   * Most bytes in use at one time: `liveBytes`, with the inputs, intermediate values and results of the graph that ran, as
   * their shapes and the order of its operations tell. What the runtime needs beyond that (its code, packed weights, the
   * rest of its arenas) and JavaScript's own heap are not in it.
   */
  readonly peakBytes: number;
  /** Tensors that exist or are pending, and the pending ones among them. */
  readonly liveValues: number;
  readonly pendingValues: number;
}
