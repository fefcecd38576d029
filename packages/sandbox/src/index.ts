/**
 * Places where programs that nobody trusts run and can only answer. `quickjs` runs JavaScript everywhere, `python` confines
 * an interpreter by the kernel of Linux. Each is a `Sandbox`: it never rejects because of its guest, bounds time, memory and
 * output, and lets values cross as JSON text only. The laws that both keep are `@cambium/sandbox/testing`.
 *
 * @module
 */
export type { SandboxAdapterOptions } from "./adapter.ts";
export { mathsKitGuide } from "./kit.ts";
export { pythonModules } from "./python/modules.ts";
export { type PythonOptions, python } from "./python/python.ts";
export { quickjs } from "./quickjs/quickjs.ts";
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
} from "./sandbox.ts";
