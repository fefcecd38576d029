import { ConfigError } from "@cambium/base";

/** What a simulated world is made from: equal setups give equal worlds. */
export interface Setup {
  /** An integer from 0 to 2^32 − 1. @default 1 */
  readonly seed?: number;
  /** The moment that the tools take for now: an instant of ISO 8601 in UTC. The machine's clock is never read. @default "2026-03-02T09:00:00Z", a Monday */
  readonly clock?: string;
}

/** A setup without gaps. */
export interface FullSetup {
  readonly seed: number;
  readonly clock: string;
}

const DEFAULT_CLOCK = "2026-03-02T09:00:00Z";

/**
 * A setup with its defaults filled in.
 *
 * @throws {ConfigError} When the seed is no integer from 0 to 2^32 − 1, or the clock no instant in UTC.
 */
export function fullSetup(caller: string, { seed = 1, clock = DEFAULT_CLOCK }: Setup): FullSetup {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new ConfigError({ message: `${caller}: seed must be an integer from 0 to 4294967295, got ${seed}`, seed });
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/.test(clock) || Number.isNaN(Date.parse(clock)))
    throw new ConfigError({
      message: `${caller}: clock must be an instant in UTC such as "${DEFAULT_CLOCK}", got "${clock}"`,
      clock,
    });
  return { seed, clock };
}
