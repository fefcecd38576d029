import PQueue from "p-queue";
import { CancelledError } from "../errors.ts";
import type { ProviderLimits } from "./budget.ts";
import type { Clock } from "./clock.ts";

const MINUTE_MS = 60_000;
const CONCURRENCY = 8;

/** The way to one provider: so many requests at once, so many a minute, none while it asks to wait. */
export interface Gate {
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Holds every request back for so long. Milliseconds. */
  pause(ms: number): void;
}

/** The gate of one provider. */
export function createGate({ concurrency = CONCURRENCY, requestsPerMinute }: ProviderLimits, clock: Clock): Gate {
  const rate =
    requestsPerMinute === undefined ? {} : { interval: MINUTE_MS, intervalCap: requestsPerMinute, strict: true };
  const queue = new PQueue({ concurrency, ...rate });
  let closedUntil = Number.NEGATIVE_INFINITY;
  return {
    async run(work, signal) {
      // The queue forgets a task whose signal is aborted, even one that runs; ours must end and close its entry in the ledger. So the
      // signal reaches the queue only while the task waits in it.
      const waiting = new AbortController();
      const leave = (): void => waiting.abort(signal.reason);
      if (signal.aborted) leave();
      signal.addEventListener("abort", leave, { once: true });
      try {
        return await queue.add(
          async () => {
            signal.removeEventListener("abort", leave);
            const wait = closedUntil - clock.elapsed();
            if (wait > 0) await clock.wait(wait, signal);
            return work();
          },
          { signal: waiting.signal },
        );
      } catch (error) {
        if (!waiting.signal.aborted) throw error;
        throw new CancelledError({ message: "call: the signal was aborted before the request was sent", cause: error });
      } finally {
        signal.removeEventListener("abort", leave);
      }
    },
    pause(ms) {
      closedUntil = Math.max(closedUntil, clock.elapsed() + ms);
    },
  };
}
