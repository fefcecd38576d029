import { CancelledError } from "./errors.ts";

/** Time, as an argument: tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970: what records are stamped with. May jump; nothing is decided by it. */
  now(): number;
  /** Milliseconds since some moment; never jumps. */
  elapsed(): number;
  /**
   * Resolves after so many milliseconds.
   *
   * @throws {CancelledError} When `signal` is aborted before.
   */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Longest time a timer takes. Milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      const cancel = (): void => {
        clearTimeout(timer);
        reject(new CancelledError({ message: "wait: the signal was aborted", cause: signal?.reason }));
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", cancel);
          resolve();
        },
        Math.min(Math.max(0, ms), LONGEST_TIMER),
      );
      if (signal?.aborted === true) cancel();
      else signal?.addEventListener("abort", cancel, { once: true });
    }),
};
