import * as z from "zod";
import type { SandboxLimits } from "./sandbox.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Limits of a run that sets none. */
export const defaultLimits: SandboxLimits = {
  sourceBytes: 64 * KIB,
  wallMs: 2000,
  memoryBytes: 64 * MIB,
  stackBytes: 256 * KIB,
  stdoutBytes: 64 * KIB,
  resultBytes: 256 * KIB,
  bridgeCalls: 50,
};

const between = (least: number, most: number) => z.int().min(least).max(most).optional();

/** Each limit from its smallest to its largest value. */
const limits = z.strictObject({
  sourceBytes: between(1, 16 * MIB),
  wallMs: between(1, 2 ** 31 - 1), // the longest timer
  memoryBytes: between(28 * MIB, 1024 * MIB), // QuickJS starts with 16 MiB, and 12 are for the engine
  stackBytes: between(16 * KIB, 256 * KIB), // past this the stack of the worker's thread ends first
  stdoutBytes: between(1, 64 * MIB),
  resultBytes: between(2, 64 * MIB),
  bridgeCalls: between(0, 1_000_000),
  callMs: between(1, 2 ** 31 - 1),
});

/** Checks limits that a user gave. */
export const limitsField: z.ZodType<Partial<SandboxLimits> | undefined> = (
  limits as unknown as z.ZodType<Partial<SandboxLimits>>
).optional();

/** `base` with the limits of `given`, which were checked. */
export function resolveLimits(base: SandboxLimits, given: Partial<SandboxLimits> = {}): SandboxLimits {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...base, ...Object.fromEntries(set) };
}
