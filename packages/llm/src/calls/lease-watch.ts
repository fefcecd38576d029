import type { Holder } from "../store/store.ts";
import type { Clock } from "./clock.ts";

const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 250;

/**
 * Watches another process's lease. Its holder is dead when its heartbeat stood still for the lease's time by this process's
 * own steady clock; so neither clock may jump anything, and clocks of two machines need not agree.
 */
export interface LeaseWatch {
  /** Waits a little; gives the holder if it is dead by now. */
  wait(holder: Holder, signal: AbortSignal): Promise<Holder | undefined>;
}

/** A watch over the lease of one key. */
export function watchLease(leaseMs: number, clock: Clock): LeaseWatch {
  let seen: Holder | undefined;
  let since = 0;
  let pollMs = FIRST_POLL_MS;
  return {
    async wait(holder, signal) {
      if (seen === undefined || seen.owner !== holder.owner || seen.heartbeat !== holder.heartbeat) {
        seen = holder;
        since = clock.elapsed();
      } else if (clock.elapsed() - since >= leaseMs) {
        return holder;
      }
      await clock.wait(Math.min(pollMs, leaseMs), signal);
      pollMs = Math.min(2 * pollMs, LONGEST_POLL_MS);
      return undefined;
    },
  };
}
