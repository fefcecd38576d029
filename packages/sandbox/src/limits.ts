import { ConfigError } from "@cambium/base";
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

/** Smallest and largest value of each limit. */
const RANGES: Readonly<Record<keyof SandboxLimits, readonly [least: number, most: number]>> = {
  sourceBytes: [1, 16 * MIB],
  wallMs: [1, 2 ** 31 - 1], // the longest timer
  memoryBytes: [28 * MIB, 1024 * MIB], // QuickJS starts with 16 MiB, and 12 are for the engine
  stackBytes: [16 * KIB, 256 * KIB], // past this the stack of the worker's thread ends first
  stdoutBytes: [1, 64 * MIB],
  resultBytes: [2, 64 * MIB],
  bridgeCalls: [0, 1_000_000],
};

/** `base` with the limits of `given`, which are checked. */
export function resolveLimits(caller: string, base: SandboxLimits, given: Partial<SandboxLimits> = {}): SandboxLimits {
  for (const [name, value] of Object.entries(given)) {
    const range = Object.hasOwn(RANGES, name) ? RANGES[name as keyof SandboxLimits] : undefined;
    if (range === undefined) {
      const known = Object.keys(RANGES).join(", ");
      throw new ConfigError({ message: `${caller}: limits are ${known}; got "${name}"`, name });
    }
    const [least, most] = range;
    if (value !== undefined && (!Number.isInteger(value) || value < least || value > most)) {
      const message = `${caller}: limit "${name}" must be an integer from ${least} to ${most}, got ${value}`;
      throw new ConfigError({ message, name, value });
    }
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...base, ...Object.fromEntries(set) };
}
