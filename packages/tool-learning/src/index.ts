/**
 * Models that write tools, use them and repair them, in a sandbox that holds.
 *
 * @module
 */
export type { SandboxAdapterOptions } from "./sandbox/adapter.ts";
export { ConfigError } from "./sandbox/errors.ts";
export type { JsonValue } from "./sandbox/json.ts";
export { mathsKitGuide } from "./sandbox/kit.ts";
export { type PythonOptions, python } from "./sandbox/python.ts";
export { quickjs } from "./sandbox/quickjs.ts";
export { runPackage } from "./sandbox/run-package.ts";
export type {
  HostFunction,
  Sandbox,
  SandboxFailure,
  SandboxLimits,
  SandboxOptions,
  SandboxOutcome,
  SandboxUsage,
  Schema,
  SchemaResult,
  SourcePart,
  SourcePosition,
} from "./sandbox/sandbox.ts";
