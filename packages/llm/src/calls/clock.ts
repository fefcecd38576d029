import { CancelledError } from "../errors.ts";

/** Time, as an argument: tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970: what records are stamped with. May jump; nothing is decided by it. */
  now(): number;
  /** Milliseconds since some moment; never jumps. */
  elapsed(): number;
  /** Calls back once after so many milliseconds, unless the function it returns is called before. */
  after(ms: number, callback: () => void): () => void;
  /**
   * Resolves after so many milliseconds.
   *
   * @throws {CancelledError} When `signal` is aborted before.
   */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A clock's `wait`, made of its `after`. */
export function waitBy(after: Clock["after"]): Clock["wait"] {
  return (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(new CancelledError({ message: "wait: the signal was aborted", cause: signal.reason }));
        return;
      }
      const forget = after(ms, () => {
        signal?.removeEventListener("abort", cancel);
        resolve();
      });
      const cancel = (): void => {
        forget();
        reject(new CancelledError({ message: "wait: the signal was aborted", cause: signal?.reason }));
      };
      signal?.addEventListener("abort", cancel, { once: true });
    });
}

/** Longest time a timer takes. Milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

const after: Clock["after"] = (ms, callback) => {
  const timer = setTimeout(callback, Math.min(Math.max(0, ms), LONGEST_TIMER));
  return () => clearTimeout(timer);
};

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after,
  wait: waitBy(after),
};
