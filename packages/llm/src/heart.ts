import type { Clock } from "./clock.ts";
import type { Store } from "./store/store.ts";

/** Beats in a lease's time: one may come late without the process counting as dead. */
const BEATS_PER_LEASE = 5;

/** Shows other processes that this one lives, for as long as it holds leases. */
export interface Heart {
  hold(): void;
  drop(): void;
}

/** The heart of one process. */
export function createHeart(store: Store, leaseMs: number, clock: Clock): Heart {
  let held = 0;
  let rest: AbortController | undefined;

  async function beat(until: AbortController): Promise<void> {
    for (;;) {
      await clock.wait(leaseMs / BEATS_PER_LEASE, until.signal);
      await store.beat();
    }
  }

  return {
    hold() {
      held += 1;
      if (held > 1) return;
      rest = new AbortController();
      // A beat that cannot be written (a full disk) costs at most a request made twice; the writes that matter report it.
      beat(rest).catch(() => {});
    },
    drop() {
      held -= 1;
      if (held === 0) rest?.abort();
    },
  };
}
