import { spreadOf } from "./processes.ts";

/** What a process measured of one row. */
export interface Measured {
  readonly row: string;
  readonly backend: string;
  readonly medianMs: number;
  /** Largest resident set of the process. */
  readonly peakMiB: number;
  /** Processor time of all threads, a step's mean. */
  readonly processorMs?: number;
  /** Share of the runtime's own rate of matrix products. */
  readonly gemmFraction?: number;
}

/** One side of a comparison: starts a fresh process, or does nothing in rounds that would take too long. */
export interface Side {
  readonly name: string;
  run(round: number): readonly Measured[];
}

/**
 * Runs the sides in turn, round after round, and prints for each row our own numbers and our time and memory over those of
 * each other side: medians of the rounds' ratios, with their spread. A machine drifts, so only neighbours are compared.
 *
 * @param withMemory - Whether a process did nothing besides one row, so that its memory is the row's.
 */
export function alternate(
  bench: string,
  ours: Side,
  others: readonly Side[],
  { rounds, withMemory }: { rounds: number; withMemory: boolean },
): void {
  const all: Measured[] = [];
  const ratios = new Map<
    string,
    { row: string; compare: string; time: number[]; memory: number[]; processor: number[] }
  >();
  const announce = (round: number, side: Side): void =>
    console.error(`bench:${bench}: round ${round + 1} of ${rounds}, ${side.name}`);

  for (let round = 0; round < rounds; round++) {
    announce(round, ours);
    const mine = ours.run(round);
    all.push(...mine);
    for (const other of others) {
      announce(round, other);
      for (const theirs of other.run(round)) {
        const own = mine.find(({ row }) => row === theirs.row);
        if (own === undefined) continue;
        const compare = `${ours.name} / ${other.name}`;
        const key = `${theirs.row} ${compare}`;
        const entry = ratios.get(key) ?? { row: theirs.row, compare, time: [], memory: [], processor: [] };
        ratios.set(key, entry);
        entry.time.push(own.medianMs / theirs.medianMs);
        entry.memory.push(own.peakMiB / theirs.peakMiB);
        if (own.processorMs !== undefined && theirs.processorMs !== undefined)
          entry.processor.push(own.processorMs / theirs.processorMs);
      }
    }
  }
  for (const row of new Set(all.map((measured) => measured.row))) {
    const of = all.filter((measured) => measured.row === row);
    const fractions = of.flatMap(({ gemmFraction }) => gemmFraction ?? []);
    console.log(
      JSON.stringify({
        bench,
        row,
        backend: of[0]!.backend,
        runs: of.length,
        ms: spreadOf(of.map(({ medianMs }) => medianMs)),
        ...(withMemory ? { peakMiB: spreadOf(of.map(({ peakMiB }) => peakMiB)) } : {}),
        ...(fractions.length === 0 ? {} : { gemmFraction: spreadOf(fractions) }),
      }),
    );
  }
  for (const { row, compare, time, memory, processor } of ratios.values())
    console.log(
      JSON.stringify({
        bench,
        row,
        compare,
        pairs: time.length,
        time: spreadOf(time),
        ...(withMemory ? { memory: spreadOf(memory) } : {}),
        ...(processor.length === 0 ? {} : { processor: spreadOf(processor) }),
      }),
    );
}
