import type { Store } from "../store/store.ts";
import type { Clock } from "./clock.ts";

/** Heartbeats in a lease's time: one may come late without the process counting as dead. */
const HEARTBEATS_PER_LEASE = 5;

/** Shows other processes that this one lives, for as long as it holds leases. */
export interface Heartbeat {
  hold(): void;
  drop(): void;
}

/** The heartbeat of one process. */
export function createHeartbeat(store: Store, leaseMs: number, clock: Clock): Heartbeat {
  let held = 0;
  let rest = (): void => {};

  function scheduleNext(): void {
    rest = clock.after(leaseMs / HEARTBEATS_PER_LEASE, () => {
      // A heartbeat that cannot be written (a full disk) costs at most a request made twice; the writes that matter report it.
      store.heartbeat().catch(() => {});
      scheduleNext();
    });
  }

  return {
    hold() {
      held += 1;
      if (held === 1) scheduleNext();
    },
    drop() {
      held -= 1;
      if (held === 0) rest();
    },
  };
}
