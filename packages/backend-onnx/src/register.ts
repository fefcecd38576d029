import { ConfigError, checkOptions, StateError } from "@cambium/base";
import { customKernels } from "@cambium/kernels";
import {
  type DataType,
  getBackend,
  getKernelsForBackend,
  type KernelConfig,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerBackend,
  registerKernel,
} from "@tensorflow/tfjs-core";
import { OnnxBackend, type OnnxOptions } from "./backend.ts";
import type { OnnxInput } from "./export/inputs.ts";
import type { NamedFunction } from "./export/record.ts";
import { type TracedOnnx, type TraceOnnxOptions, traceOn } from "./export/trace-onnx.ts";
import { runFallback } from "./fallback.ts";
import { numberOf, type Value } from "./graph.ts";
import { refuseAsync, refusePromise } from "./impure.ts";
import { handleKernels } from "./kernels/handles.ts";
import { nativeKernels } from "./kernels/index.ts";
import type { Input, Trace } from "./kernels/table.ts";
import { loadNativeRuntime } from "./native.ts";
import type { CompileOptions } from "./replay.ts";
import type { BackendReport } from "./report.ts";
import { traceAs } from "./tracer.ts";

/** Name in tfjs-core's registry. */
const BACKEND_NAME = "onnx";

/** Above both of tfjs's CPU backends, so that `tf.ready()` prefers it. */
const PRIORITY = 3;

let options: OnnxOptions = {};
let current: OnnxBackend | undefined;

/** Options that are numbers of something. */
const counts = ["threads", "maxSessions", "maxBytes", "maxThreads"] as const;

/**
 * Sets options for the backend. Call it before the backend is first used.
 *
 * @throws {ConfigError} For an unknown option, whose nearest is named, and for numbers that are no counts.
 * @throws {Error} When the backend already runs.
 */
export function configureOnnx(next: OnnxOptions): void {
  checkOptions("configureOnnx", next, ["spinning", "fastMath", ...counts]);
  for (const name of counts) {
    const value = next[name];
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    throw new ConfigError({ message: `configureOnnx: "${name}" must be a whole number from 1 on, got ${value}`, name });
  }
  if (current !== undefined)
    throw new Error('configureOnnx: the backend already runs; call this before setBackend("onnx")');
  options = { ...options, ...next };
}

/**
 * What the backend has done so far: native kernels, fallbacks, compiles and their reasons, live values.
 *
 * @throws {Error} When the backend has not been used yet.
 */
export function backendReport(): BackendReport {
  if (current === undefined) throw new Error('backendReport: the backend does not run; call setBackend("onnx") first');
  return current.report(kernelNames());
}

/**
 * Checks that the native runtime runs here. tfjs-core only prints what goes wrong in a backend's start.
 *
 * @throws {RuntimeUnavailableError} When it does not; says what to do.
 */
export function checkRuntime(): void {
  loadNativeRuntime();
}

/**
 * A function that is traced on its first calls and replayed afterwards, as `jax.jit` does it: no operation of it runs in
 * JavaScript any more. On other backends, and while a gradient is being recorded, the function itself runs.
 *
 * Arguments and result are tensors, or arrays, plain objects and maps of them; plain values among them belong to the
 * signature, and each signature is traced once more. Tensors of the result are the caller's. Whatever varies from call to call
 * must be an argument: three traces are compared, and a function that reads anything else that varies is refused. Variables
 * that it reads are compared at every call, and refused once they have been assigned other values; other captured tensors
 * cannot be replaced but by a new closure, which later calls do not see. A function that assigns a variable is refused, and
 * an asynchronous one.
 *
 * @throws {ImpureFunctionError} From its calls: what varies is named. At once for an `async` function.
 * @example
 * const step = compile((x: Tensor, rate: Tensor) => sub(x, mul(rate, x)));
 */
export function compile<Arguments extends unknown[], Result>(
  run: (...parameters: Arguments) => Result,
  options: CompileOptions = {},
): (...parameters: Arguments) => Result {
  checkOptions("compile", options, ["impure"]);
  refuseAsync(run);
  let compiled: { backend: OnnxBackend; run: (...parameters: Arguments) => Result } | undefined;
  return (...parameters) => {
    if (getBackend() !== BACKEND_NAME || current === undefined) return refusePromise(run(...parameters));
    if (compiled?.backend !== current) compiled = { backend: current, run: current.compile(run, options) };
    return compiled.run(...parameters);
  };
}

/**
 * A function of tensors as an ONNX model for any sizes.
 *
 * The function is recorded at a dozen sizes, and what differs between the recordings is expressed by the inputs' sizes: shapes,
 * numbers, and tensors that are made in JavaScript from sizes only, such as positions and causal masks. The graph has operators
 * of the ONNX standard only (opset 21). It is then run on ONNX Runtime beside the function at sizes that were not recorded, the
 * smallest among them; what is longer than `longest` of a dimension is not checked.
 *
 * @param run - From tensors by the inputs' names to tensors by the outputs' names. What it captures becomes constants.
 * @throws {StateError} When the backend does not run; when the function decides by sizes or elements, or makes tensors from sizes in
 *   a way that is not known; when an operator is no standard one; when model and function differ. Names the operation.
 * @throws {ConfigError} For an unknown option or dimension.
 * @example
 * const { model } = traceOnnx(({ x }) => ({ y: softmax(x!) }), { x: { shape: ["batch", 5], type: "float32" } }, { dynamic: { batch: {} } });
 */
export function traceOnnx(
  run: NamedFunction,
  inputs: Readonly<Record<string, OnnxInput>>,
  options: TraceOnnxOptions,
): TracedOnnx {
  if (getBackend() !== BACKEND_NAME || current === undefined) {
    throw new StateError({
      message: `traceOnnx: the backend "onnx" records graphs, and "${getBackend()}" runs; call setBackend("onnx") first`,
    });
  }
  return traceOn(current, run, inputs, options);
}

const kernelNames = (): string[] => [...new Set([...Object.keys(handleKernels), ...Object.keys(nativeKernels)])];

const dtypeOf = (value: Value): DataType => value.type as DataType;

function traceInputs(backend: OnnxBackend, inputs: NamedTensorInfoMap): Record<string, Input> | undefined {
  const traced: Record<string, Input> = {};
  for (const [name, info] of Object.entries(inputs)) {
    if (info === undefined || info === null) continue;
    const value = backend.valueBehind(info);
    if (value === undefined) return undefined;
    traced[name] = { shape: info.shape, dtype: info.dtype, value };
  }
  return traced;
}

function toKernel(
  name: string,
  trace: Trace | undefined,
  plain: KernelConfig["kernelFunc"] | undefined,
): KernelConfig["kernelFunc"] {
  const number = numberOf(name);
  return ({ inputs, attrs, backend }) => {
    const here = backend as OnnxBackend;
    here.beforeKernel(number);
    const handle = handleKernels[name]?.(here, inputs, (attrs ?? {}) as NamedAttrMap);
    if (handle !== undefined) return handle;
    const traced = trace === undefined ? undefined : traceInputs(here, inputs);
    const made = traced === undefined ? undefined : traceAs(name, () => trace!(traced, (attrs ?? {}) as NamedAttrMap));
    if (made !== undefined)
      return Array.isArray(made)
        ? made.map((value) => here.handle(value, dtypeOf(value)))
        : here.handle(made as Value, dtypeOf(made as Value));
    if (plain === undefined)
      throw new Error(
        `backend-onnx: ${name} of ${Object.values(inputs).map((info) => `${info?.dtype} [${info?.shape}]`)} is not covered`,
      );
    return traceAs(name, () => runFallback(name, plain, here, inputs, attrs as NamedAttrMap));
  };
}

/** Registers the backend and its kernels: native ones, and tfjs-backend-cpu's for the rest. */
export function registerOnnx(): void {
  registerBackend(
    BACKEND_NAME,
    () => {
      current = new OnnxBackend(options);
      return current;
    },
    PRIORITY,
  );
  // What `core` registered there as composites of tfjs operations is no kernel of the plain backend.
  const custom = new Set(customKernels.map(({ name }) => name));
  const plain = new Map(
    getKernelsForBackend("cpu")
      .filter(({ kernelName }) => !custom.has(kernelName))
      .map((config) => [config.kernelName, config]),
  );
  for (const name of new Set([...kernelNames(), ...plain.keys()])) {
    registerKernel({
      kernelName: name,
      backendName: BACKEND_NAME,
      kernelFunc: toKernel(name, nativeKernels[name], plain.get(name)?.kernelFunc),
    });
  }
}
