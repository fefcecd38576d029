import { Buffer } from "node:buffer";
import { ConfigError, type Json, parseConfig, sha256 } from "@cambium/base";
import * as z from "zod";
import { limitsField, resolveLimits } from "./limits.ts";
import { joinParts, type Program } from "./program.ts";
import type { HostFunction, SandboxLimits, SandboxOptions, SourcePart } from "./sandbox.ts";
import { strictJson } from "./strict-json.ts";

/** A call of `Sandbox.run`, checked and with every default in place. */
export interface SandboxRequest {
  readonly program: Program;
  /** Length of the source, in bytes. */
  readonly sourceBytes: number;
  readonly input: Json;
  readonly functions: ReadonlyMap<string, HostFunction>;
  readonly limits: SandboxLimits;
  readonly seed: number;
  readonly clockMs: number;
  readonly kit: boolean;
  readonly signal: AbortSignal | undefined;
  readonly hash: string;
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names that mean something in a guest already. */
const TAKEN = new Set(
  "input print console result rational integers polynomial matrix statistics eval globalThis undefined NaN Infinity".split(
    " ",
  ),
);

/** Midnight of 1 January 2026, UTC. */
const CLOCK_START_MS = 1_767_225_600_000;

function checkFunctions(functions: Readonly<Record<string, HostFunction>>): ReadonlyMap<string, HostFunction> {
  const entries = Object.entries(functions);
  for (const [name, called] of entries) {
    const schemaOf: unknown = called?.input?.["~standard"]?.validate;
    if (typeof called?.run !== "function" || typeof schemaOf !== "function") {
      const message = `run: a host function must have "input", a Standard Schema, and "run", a function; "${name}" has not`;
      throw new ConfigError({ message, name });
    }
    if (!IDENTIFIER.test(name) || TAKEN.has(name) || name in globalThis) {
      const message = `run: a host function's name must be an identifier that is free in the guest, got "${name}"`;
      throw new ConfigError({ message, name });
    }
  }
  return new Map(entries);
}

const sourceField = z.union(
  [z.string(), z.array(z.strictObject({ name: z.string(), source: z.string() }))],
  "the program must be a text, or a list of parts { name, source }",
);

const schema = z.strictObject({
  input: z.unknown().optional(),
  functions: z.custom<object>((value) => typeof value === "object" && value !== null, "must be an object").optional(),
  limits: limitsField,
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .optional(),
  clockMs: z
    .int()
    .min(0)
    .max(2 ** 50)
    .optional(),
  kit: z.boolean().optional(),
  signal: z.custom<AbortSignal>((value) => value instanceof AbortSignal, "must be an AbortSignal").optional(),
});

/** Checks the arguments of a run. `adapter` is its name, `base` its limits. */
export function checkRequest(
  adapter: string,
  base: SandboxLimits,
  source: string | readonly SourcePart[],
  options: SandboxOptions,
): SandboxRequest {
  parseConfig("run", sourceField, source);
  parseConfig("run", schema, options);
  const program = joinParts(source);
  const limits = resolveLimits(base, options.limits);
  const functions = checkFunctions(options.functions ?? {});
  const { input = null, seed = 0, clockMs = CLOCK_START_MS, kit = false } = options;
  const names = [...functions.keys()].sort();
  const written = strictJson(input);
  if ("fault" in written) throw new ConfigError({ message: `run: "input" must be JSON, got ${written.fault}` });
  const identity = [adapter, program.parts, program.source, input, seed, clockMs, kit, Object.entries(limits), names];
  return {
    program,
    sourceBytes: Buffer.byteLength(program.source),
    input,
    functions,
    limits,
    seed,
    clockMs,
    kit,
    signal: options.signal,
    hash: sha256(JSON.stringify(identity)),
  };
}
