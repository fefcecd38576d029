/** Runs shared by the worker processes of all calls on one folder, by claims in that folder. */
import { execute, removeScratch, type Workshop } from "./execute.ts";
import type { Run } from "./grid.ts";
import { createLeases } from "./leases.ts";
import type { Ledger } from "./ledger.ts";
import type { RunSettings } from "./run-options.ts";

/** Longest pause between two looks at what other processes do, in ms. */
const PAUSE = 1000;

/** Does what is open until nothing is, or until the signal is aborted. */
export async function runLocally(
  workshop: Workshop,
  ledger: Ledger,
  { workers, leaseMs }: RunSettings,
  stop: AbortController,
): Promise<void> {
  const leases = createLeases(workshop.folder, leaseMs);
  const mine = new Set<string>();
  let taking: Promise<unknown> = Promise.resolve();

  /** A run that was free and is now claimed. */
  async function take(): Promise<Run | undefined> {
    for (const run of ledger.open()) {
      if (stop.signal.aborted) return undefined;
      if (mine.has(run.key) || !(await leases.take(run.key))) continue;
      mine.add(run.key);
      // Whoever held it may have finished between the look at the results and the claim.
      const known = await ledger.find(run.key);
      if (known === undefined) return run;
      await ledger.settle(known);
      await giveBack(run);
    }
    return undefined;
  }

  async function giveBack({ key }: Run): Promise<void> {
    mine.delete(key);
    await leases.release(key);
  }

  async function work(): Promise<void> {
    while (!stop.signal.aborted && !ledger.isComplete()) {
      const next = taking.then(take); // one look at a time, so that no slot waits for what another one has just claimed
      taking = next.catch(() => undefined);
      const run = await next;
      if (run === undefined) {
        if (stop.signal.aborted) return;
        await ledger.changed(Math.min(PAUSE, leaseMs / 8));
        await ledger.refresh();
        continue;
      }
      try {
        const record = await execute(workshop, run);
        if (record === undefined) continue;
        await ledger.settle(record);
        await removeScratch(workshop.folder, run.key);
      } finally {
        await giveBack(run);
      }
    }
  }

  try {
    const slots = Array.from({ length: workers }, () =>
      work().catch((error) => {
        stop.abort();
        throw error;
      }),
    );
    const ends = await Promise.allSettled(slots);
    const broken = ends.find((end) => end.status === "rejected");
    if (broken !== undefined) throw broken.reason;
  } finally {
    await leases.close(ledger.isDone);
  }
}
