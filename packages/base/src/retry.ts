import { CancelledError, ConfigError, FileError } from "./errors.ts";

/** How requests that failed for a passing reason are repeated. */
export interface RetryOptions {
  /**
   * How often a request is repeated after a cut connection, an answer 408 or 429, or a server's error (500 to 504). Bytes
   * that arrive start the count again. @default 4
   */
  readonly retries?: number;
  /**
   * Wait before the first repetition, in ms; each further one is twice as long, up to 30 s. A server's `Retry-After` comes
   * first, up to two minutes; one that asks for more is an error at once. @default 500
   */
  readonly retryDelayMs?: number;
  /** Ends requests and waits: what is under way throws a `CancelledError`. What has arrived of a download stays. */
  readonly signal?: AbortSignal;
}

const LONGEST_DELAY_MS = 30_000;
/** Longest wait that a server may ask for. */
const LONGEST_ASKED_MS = 120_000;

/** Checks the numbers of `RetryOptions`. */
export function checkRetries(caller: string, { retries = 0, retryDelayMs = 0 }: RetryOptions): void {
  if (!Number.isSafeInteger(retries) || retries < 0) {
    throw new ConfigError({ message: `${caller}: retries must be a whole number from 0, got ${retries}`, retries });
  }
  if (!(retryDelayMs >= 0 && retryDelayMs <= LONGEST_DELAY_MS)) {
    const message = `${caller}: retryDelayMs must lie from 0 to ${LONGEST_DELAY_MS}, got ${retryDelayMs}`;
    throw new ConfigError({ message, retryDelayMs });
  }
}

/** The error of a call whose signal was aborted. */
export function cancelled(signal: AbortSignal): CancelledError {
  return new CancelledError({ message: "remote: the signal was aborted", cause: signal.reason });
}

async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    if (signal?.aborted === true) return reject(cancelled(signal));
    const stop = (): void => {
      clearTimeout(timer);
      reject(cancelled(signal!));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Waits before repetition number `failures`, from 1.
 *
 * @param askedMs - What the server asks for.
 * @returns Whether to try again: `false` after too many failures, or when the server asks for too long a wait.
 * @throws {CancelledError}
 */
export async function waitToRetry(failures: number, options: RetryOptions, askedMs?: number): Promise<boolean> {
  const { retries = 4, retryDelayMs = 500, signal } = options;
  if (failures > retries || (askedMs ?? 0) > LONGEST_ASKED_MS) return false;
  await wait(Math.max(askedMs ?? 0, Math.min(retryDelayMs * 2 ** (failures - 1), LONGEST_DELAY_MS)), signal);
  return true;
}

/**
 * The wait that a server asks for: by `Retry-After`, in seconds or as a date, or by `RateLimit`, whose `t` is the time until
 * a quota is full again, where `r` says that it is used up. `undefined` without either. Milliseconds.
 */
export function retryAfterMs(headers: Headers): number | undefined {
  const asked = headers.get("retry-after") ?? /;\s*r=0\s*;\s*t=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  if (asked === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** Whether an error says that a server failed or could not be reached, so that a copy kept from before may serve. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof FileError && error.details["reason"] === "unavailable";
}
