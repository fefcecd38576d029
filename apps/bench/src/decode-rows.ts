/** What `decode.ts` measures in each process, and how its lines look. */

/** Tokens that stand before those that are measured. */
export const CONTEXTS = [64, 512, 1000] as const;

/** Ids that look like a text to nobody, the same for all. */
export const idsOf = (count: number, from = 13): number[] =>
  Array.from({ length: count }, (_, i) => ((i * 7919 + from) % 40000) + 100);

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

/** Prints a row: medians of times in ms, and the memory that the process holds now. */
export function printRow(backend: string, row: string, times: readonly number[], more: object = {}): void {
  const peakMiB = Math.round(process.memoryUsage().rss / 2 ** 20); // held now, so that a later row does not count
  const medianMs = Number(median(times).toFixed(2));
  const minMs = Number(Math.min(...times).toFixed(2));
  console.log(JSON.stringify({ bench: "decode", row, backend, medianMs, minMs, peakMiB, ...more }));
}

/** Times between things that come one after another. The first is what came before them took. */
export async function timesBetween(things: AsyncIterable<unknown>): Promise<number[]> {
  const times: number[] = [];
  let before = performance.now();
  for await (const _ of things) {
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return times;
}
