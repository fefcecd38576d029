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
  let rest = (): void => {};

  function beatLater(): void {
    rest = clock.after(leaseMs / BEATS_PER_LEASE, () => {
      // A beat that cannot be written (a full disk) costs at most a request made twice; the writes that matter report it.
      store.beat().catch(() => {});
      beatLater();
    });
  }

  return {
    hold() {
      held += 1;
      if (held === 1) beatLater();
    },
    drop() {
      held -= 1;
      if (held === 0) rest();
    },
  };
}
