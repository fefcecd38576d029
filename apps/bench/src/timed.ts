/** Steps that wait for their result, timed by the clock and by the processors. */

/** Three are traced by this repository's backend, the fourth is replayed. */
export const WARM_UP = 4;

/** What a row says of its steps. */
export interface Times {
  readonly medianMs: number;
  readonly minMs: number;
  /** Median of the processor time of all threads: beside other programs more robust than the clock's. */
  readonly processorMs: number;
  /** Of the process, so far. */
  readonly peakMiB: number;
}

/** Processor time so far, of all threads, in ms. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

/** Sums up the durations of steps, by the clock and by the processors, in ms. */
export function summarise(durations: readonly number[], processor: readonly number[]): Times {
  const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);
  const median = (numbers: readonly number[]): number => sorted(numbers)[numbers.length >> 1]!;
  return {
    medianMs: Number(median(durations).toFixed(1)),
    minMs: Number(Math.min(...durations).toFixed(1)),
    processorMs: Number(median(processor).toFixed(1)),
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

/** Runs steps after a warm-up of some. */
export async function timeSteps(steps: number, run: () => Promise<unknown>, warmUp = WARM_UP): Promise<Times> {
  const durations: number[] = [];
  const processor: number[] = [];
  for (let step = 0; step < warmUp + steps; step++) {
    const [start, before] = [performance.now(), processorMs()];
    await run();
    if (step < warmUp) continue;
    durations.push(performance.now() - start);
    processor.push(processorMs() - before);
  }
  return summarise(durations, processor);
}
