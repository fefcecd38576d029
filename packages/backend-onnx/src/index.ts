/**
 * A TensorFlow.js backend for Node that traces lazily and runs whole graphs on ONNX Runtime. Importing it registers the
 * backend `onnx`; nothing runs before `setBackend("onnx")`.
 *
 * @module
 */
import { registerOnnx } from "./register.ts";

export type { OnnxOptions } from "./backend.ts";
export type { Checked } from "./export/check.ts";
export type { OnnxInput } from "./export/inputs.ts";
export type { Sizes } from "./export/polynomial.ts";
export type { NamedFunction } from "./export/record.ts";
export type { DynamicDimension } from "./export/sizes.ts";
export type { TracedOnnx, TraceOnnxOptions } from "./export/trace-onnx.ts";
export { AllocationError, GraphError } from "./failure.ts";
export { ImpureFunctionError } from "./impure.ts";
export { RuntimeUnavailableError } from "./native.ts";
export { backendReport, checkRuntime, compile, configureOnnx, traceOnnx } from "./register.ts";
export type { CompileOptions } from "./replay.ts";
export type { BackendReport } from "./report.ts";
export type { Compile } from "./session-cache.ts";

registerOnnx();
