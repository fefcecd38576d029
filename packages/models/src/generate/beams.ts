/**
 * Search by beams, as transformers' `_beam_search` does it: at every step the best continuations of all running texts are looked at;
 * those that end are kept by their penalised score, the best of the others run on. Sequences of the engine are forked and reordered,
 * nothing is read twice.
 */
import { CancelledError } from "@cambium/base";
import type { Constraint } from "./constraint.ts";
import { nextTurn } from "./next-turn.ts";
import type { Started } from "./run.ts";
import { bestOf, logSumExp, penalise, topIds } from "./scores.ts";
import type { Decoding } from "./settings.ts";

/** A text on its way or whole. */
interface Beam {
  /** What was generated, an id that ended it included. */
  readonly ids: readonly number[];
  /** Sum of log-probabilities, after penalties; of whole ones over the penalty of its length. */
  readonly score: number;
  readonly constraint: Constraint | undefined;
}

/** A beam that may run on or be whole. */
interface Candidate extends Beam {
  /** Of the beam that it continues. */
  readonly from: number;
  readonly isWhole: boolean;
}

/** What a search gives. */
export interface Found {
  readonly ids: readonly number[];
  /** The id that ended it, where one did. */
  readonly end: number | undefined;
  /** Whether nothing may follow it. */
  readonly isFull: boolean;
  readonly score: number;
}

/** What a search runs with. */
export interface Search {
  readonly caller: string;
  readonly decoding: Decoding;
  /** Ids that stand before: what penalties see. */
  readonly ids: readonly number[];
  /** Most tokens. */
  readonly most: number;
  readonly constraint: Constraint | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What transformers writes for a beam that is none yet. */
const NONE = -1e9;

/** The best continuations of the running beams, best first; equal ones by their place. */
function continuations(
  scores: Float32Array,
  running: readonly Beam[],
  count: number,
  search: Search,
  step: number,
): Candidate[] {
  const { caller, decoding, ids, most } = search;
  const vocab = scores.length / running.length;
  const found: Candidate[] = [];
  for (const [from, beam] of running.entries()) {
    const own = scores.subarray(from * vocab, (from + 1) * vocab);
    const total = logSumExp(own, bestOf(caller, own, step).score);
    for (let i = 0; i < own.length; i++) own[i]! -= total;
    penalise(own, [...ids, ...beam.ids], ids.length, decoding);
    beam.constraint?.rule(own, decoding.stopIds);
    for (const id of topIds(own, count)) {
      const isEnd = decoding.stopIds.has(id);
      const constraint = isEnd ? undefined : beam.constraint?.next(id);
      const isWhole = isEnd || constraint?.isFull === true || step + 1 >= most;
      found.push({ from, ids: [...beam.ids, id], score: Math.fround(own[id]! + beam.score), constraint, isWhole });
    }
  }
  return found.sort((a, b) => b.score - a.score).slice(0, count); // the sort is stable
}

/**
 * The best text that a search finds.
 *
 * @param started - The prompt as it was read: one sequence. It is disposed of.
 * @throws {CancelledError} When the signal is aborted.
 * @throws {StateError} When scores are not finite.
 */
export async function searchBeams(started: Started, search: Search): Promise<Found> {
  const { decoding, most, signal } = search;
  const { beams, lengthPenalty, earlyStopping, stopIds } = decoding;
  const kept = Math.max(2, 1 + stopIds.size) * beams;
  const penalised = (score: number, length: number): number => score / length ** lengthPenalty;
  const { sequences } = started;
  let { scores } = started;
  let running: readonly Beam[] = [{ ids: [], score: 0, constraint: search.constraint }];
  let whole: readonly Beam[] = [];
  try {
    for (let step = 0; ; step++) {
      if (signal?.aborted === true)
        throw new CancelledError({ message: `${search.caller}: aborted`, cause: signal.reason });
      const next = continuations(scores, running, kept, search, step);
      // Only what is among the best so many can end; those behind are there so that enough run on.
      const ended = next.slice(0, beams).filter(({ isWhole }) => isWhole);
      if (!(earlyStopping === true && whole.length === beams)) {
        whole = [...whole, ...ended.map((beam) => ({ ...beam, score: penalised(beam.score, step + 1) }))]
          .sort((a, b) => b.score - a.score)
          .slice(0, beams);
      }
      const onward = next.filter(({ isWhole }) => !isWhole).slice(0, beams);
      const length = earlyStopping === "never" && lengthPenalty > 0 ? most : step + 1;
      const worst = whole.length < beams ? NONE : whole.at(-1)!.score;
      const isBetterPossible = onward.length > 0 && penalised(onward[0]!.score, length) > worst;
      if (!isBetterPossible || (earlyStopping === true && whole.length === beams)) return foundOf(whole[0]!, stopIds);
      sequences.select(onward.map(({ from }) => from));
      running = onward;
      await nextTurn();
      scores = await sequences.read(onward.map(({ ids }) => ids.at(-1)!));
    }
  } finally {
    sequences.dispose();
  }
}

function foundOf({ ids, score, constraint }: Beam, stopIds: ReadonlySet<number>): Found {
  const last = ids.at(-1)!;
  const isEnded = stopIds.has(last);
  return {
    ids: isEnded ? ids.slice(0, -1) : ids,
    end: isEnded ? last : undefined,
    isFull: constraint?.isFull === true,
    score,
  };
}
