/** Waits for its turn: `true` when it has one, `false` when the signal was aborted first. */
interface Waiting {
  readonly grant: () => void;
}

/**
 * A bounded queue before a bounded number of runs.
 *
 * A host function may run a program itself while the program that called it waits. Such a run is one level deeper, and
 * each level has its turns for itself: otherwise the waiting programs could hold all of them, for ever.
 */
export class Turns {
  readonly #concurrency: number;
  readonly #queueLength: number;
  readonly #running: number[] = [];
  readonly #queues: Waiting[][] = [];

  constructor(concurrency: number, queueLength: number) {
    this.#concurrency = concurrency;
    this.#queueLength = queueLength;
  }

  /** Takes a turn on `level`, after those who came before. Give it back by `leave`, unless it is `"full"` or `"cancelled"`. */
  async enter(level: number, signal: AbortSignal): Promise<"granted" | "full" | "cancelled"> {
    if (signal.aborted) return "cancelled";
    const running = this.#running[level] ?? 0;
    if (running < this.#concurrency) {
      this.#running[level] = running + 1;
      return "granted";
    }
    this.#queues[level] ??= [];
    const queue = this.#queues[level];
    if (queue.length >= this.#queueLength) return "full";
    return new Promise((resolve) => {
      const stop = (): void => {
        queue.splice(queue.indexOf(waiting), 1);
        resolve("cancelled");
      };
      const waiting: Waiting = {
        grant: () => {
          signal.removeEventListener("abort", stop);
          resolve("granted");
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      queue.push(waiting);
    });
  }

  /** Gives a turn back: to the next in the queue, if there is one. */
  leave(level: number): void {
    const next = this.#queues[level]?.shift();
    if (next === undefined) this.#running[level] = this.#running[level]! - 1;
    else next.grant();
  }
}
