/**
 * The only file that touches ONNX Runtime's Node binding. Its synchronous `loadModel` and `run` are not public: the public
 * API wraps these very functions in `setImmediate`. tfjs needs synchronous reads, so they are called directly, after a
 * check that they are what this file expects. The version range of `onnxruntime-node` is pinned accordingly.
 */
import { createRequire } from "node:module";
import type { ElementType, HostArray } from "./graph.ts";
import { explainLoading, INSTALL, platformHere } from "./platform.ts";

/** Tensor as the runtime takes and gives it. */
export interface NativeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: HostArray;
}

/** One compiled graph. */
export interface NativeSession {
  run(
    feeds: Readonly<Record<string, unknown>>,
    fetches: Readonly<Record<string, unknown>>,
  ): Record<string, NativeTensor>;
  /** Frees the graph, its arena and its threads. */
  dispose(): void;
}

/** The runtime, loaded. */
export interface NativeRuntime {
  readonly version: string;
  /** @param outside - Elements of the model's constants that are not in it, by the names of their files. */
  createSession(model: Uint8Array, options: SessionOptions, outside?: readonly OutsideData[]): NativeSession;
  createTensor(type: ElementType, data: HostArray, shape: readonly number[]): unknown;
}

/** Elements of a model's constant that are handed over beside it. */
export interface OutsideData {
  readonly path: string;
  readonly data: HostArray;
}

/** How a graph runs. */
export interface SessionOptions {
  /** Threads inside an operator. */
  readonly threads: number;
  /** Whether threads wait for work by spinning. */
  readonly spinning: boolean;
  /** Whether products of floats may round to bfloat16. Only processors of ARM64 heed it. */
  readonly fastMath: boolean;
  /** Whether the graph keeps the memory that it works in from run to run, instead of giving it back to the process. @default true */
  readonly arena?: boolean;
}

/** The native runtime is missing or not as expected. `code` is "STATE", as for all errors of this kind in Cambium. */
export class RuntimeUnavailableError extends Error {
  readonly code = "STATE";
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "RuntimeUnavailableError";
  }
}

interface Binding {
  readonly InferenceSession: new () => {
    loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
    run(feeds: object, fetches: object, options: object): Record<string, NativeTensor>;
    dispose(): void;
  };
}

/**
 * Loads ONNX Runtime's CPU engine.
 *
 * @throws {RuntimeUnavailableError} When it is not installed, has no binary for this platform or lacks the functions
 *   that are used; says what to do.
 */
export function loadNativeRuntime(): NativeRuntime {
  loaded ??= load();
  return loaded;
}

let loaded: NativeRuntime | undefined;

const flag = (on: boolean): string => (on ? "1" : "0");

function load(): NativeRuntime {
  const require = createRequire(import.meta.url);
  let binding: Binding;
  let Tensor: new (type: string, data: unknown, dims: readonly number[]) => unknown;
  let version: string;
  try {
    version = (require("onnxruntime-node/package.json") as { version: string }).version;
    const module = require("onnxruntime-node/dist/binding.js") as { binding: Binding; initOrt(): void };
    module.initOrt();
    binding = module.binding;
    const requireThere = createRequire(require.resolve("onnxruntime-node/dist/binding.js"));
    Tensor = (requireThere("onnxruntime-common") as { Tensor: typeof Tensor }).Tensor;
  } catch (cause) {
    throw new RuntimeUnavailableError(`backend-onnx: ${explainLoading(cause, platformHere())}`, cause);
  }
  const prototype = binding.InferenceSession?.prototype as
    | Partial<InstanceType<Binding["InferenceSession"]>>
    | undefined;
  if (
    typeof prototype?.loadModel !== "function" ||
    typeof prototype.run !== "function" ||
    typeof prototype.dispose !== "function"
  ) {
    throw new RuntimeUnavailableError(
      `backend-onnx: onnxruntime-node ${version} has no synchronous session; version 1.30 has; ${INSTALL}`,
    );
  }
  return {
    version,
    createTensor: (type, data, shape) => new Tensor(type, data, shape),
    createSession(model, { threads, spinning, fastMath, arena = true }, outside = []) {
      const session = new binding.InferenceSession();
      session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        enableMemPattern: false, // saves a quarter of the memory at equal speed
        enableCpuMemArena: arena,
        extra: {
          session: { intra_op: { allow_spinning: flag(spinning) } },
          mlas: { enable_gemm_fastmath_arm64_bfloat16: flag(fastMath) },
        },
        logSeverityLevel: 4, // failures are thrown, not printed
        ...(outside.length > 0 && {
          externalData: outside.map(({ path, data: { buffer, byteOffset, byteLength } }) => ({
            path,
            data: new Uint8Array(buffer, byteOffset, byteLength),
          })),
        }),
      });
      return {
        run: (feeds, fetches) => session.run(feeds, fetches, {}),
        dispose: () => session.dispose(),
      };
    },
  };
}
