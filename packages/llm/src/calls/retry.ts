import { CambiumError } from "@cambium/base";
import pRetry from "p-retry";
import type { CallError } from "../errors.ts";
import type { Clock } from "./clock.ts";

const FIRST_WAIT_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** How much later than asked a request may come, so that not all come at once. */
const SPREAD = 0.1;

/** Failures after which the same request may well succeed. */
const PASSING: ReadonlySet<string> = new Set(["RATE_LIMITED", "UNAVAILABLE", "MODEL_FORMAT"]);

/** Settings of `retryCall`. */
export interface RetryOptions {
  readonly retries: number;
  readonly longestWaitMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Called before each wait. */
  readonly onRetry: (error: CallError, waitMs: number) => void;
}

/**
 * Time before the next attempt: what the provider asks for and a little more, or exponential backoff with full jitter.
 *
 * @param attempt - Attempts so far, from 1.
 * @see Brooker 2015, Exponential Backoff And Jitter, AWS Architecture Blog: "full jitter".
 */
export function waitBefore(askedMs: number | undefined, attempt: number, random: () => number): number {
  if (askedMs !== undefined) return askedMs * (1 + SPREAD * random());
  return random() * Math.min(LONGEST_BACKOFF_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
}

/** Repeats an attempt that failed for a passing reason; any other failure, and the last one, is thrown. */
export async function retryCall<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { retries, longestWaitMs, clock, random, signal, onRetry } = options;
  const isPassing = (error: Error): boolean => {
    if (!(error instanceof CambiumError) || !PASSING.has(error.code)) return false;
    return Number(error.details["waitMs"] ?? 0) <= longestWaitMs;
  };
  return pRetry(attempt, {
    retries,
    minTimeout: 0, // the waiting is done below, by the clock that was given
    shouldRetry: ({ error }) => isPassing(error),
    async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
      if (retriesLeft === 0 || !isPassing(error)) return;
      const asked = (error as CambiumError).details["waitMs"] as number | undefined;
      const waitMs = waitBefore(asked, attemptNumber, random);
      onRetry(error as CallError, waitMs);
      await clock.wait(waitMs, signal);
    },
  });
}
