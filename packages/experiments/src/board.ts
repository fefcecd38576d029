import { canonicalJson } from "@cambium/base";
import { type Cell, createRun, projection, type Run } from "./grid.ts";
import { type TunedGroup, tuneGroup } from "./halving.ts";
import type { RunRecord } from "./record.ts";
import type { Study } from "./study.ts";

/** A cell of the grid with its run. */
export interface GridRun {
  readonly cell: Cell;
  /** Absent while the level of the tuned factor is not known. */
  readonly run?: Run;
  /** Whether that level will never be known, because all levels of a round failed. */
  readonly stuck: boolean;
}

/** All runs of a study, as far as the results so far tell them. */
export interface Board {
  /** Runs that can be done or are done: of the tuning, then of the grid, each once. */
  readonly runs: readonly Run[];
  /** Number of runs that wait for a result of the tuning. */
  readonly waiting: number;
  /** Number of runs that will never start, because all levels that they could have failed. */
  readonly stuck: number;
  readonly tuned: readonly TunedGroup[];
  readonly grid: readonly GridRun[];
}

function distinct(runs: readonly Run[]): Run[] {
  return [...new Map(runs.map((run) => [run.key, run])).values()];
}

/** What there is to run, given the results that there are. A pure function of these. */
export function boardOf(study: Study, records: ReadonlyMap<string, RunRecord>): Board {
  const { tuning } = study;
  if (tuning === undefined) {
    const grid = study.cells.map((cell) => ({ cell, run: createRun(study, cell), stuck: false }));
    return { runs: grid.map(({ run }) => run), waiting: 0, stuck: 0, tuned: [], grid };
  }
  const tuned = tuning.groups.map((_, index) => tuneGroup(study, tuning, index, records));
  const byGroup = new Map(tuned.map((group) => [canonicalJson(group.group), group]));
  const grid = study.cells.map((cell): GridRun => {
    const { chosen, stuck } = byGroup.get(canonicalJson(projection(cell, tuning.per)))!;
    if (chosen === undefined) return { cell, stuck };
    return { cell, stuck, run: createRun(study, { ...cell, [tuning.factor]: chosen }) };
  });
  const tuningRuns = tuned.flatMap(({ rounds }) => rounds.flatMap(({ trials }) => trials.flatMap(({ runs }) => runs)));
  const gridRuns = grid.flatMap(({ run }) => run ?? []);
  const later = (stuck: boolean): number =>
    tuned.filter((group) => group.stuck === stuck).reduce((sum, { waiting }) => sum + waiting, 0) +
    grid.filter((each) => each.run === undefined && each.stuck === stuck).length;
  return { runs: distinct([...tuningRuns, ...gridRuns]), waiting: later(false), stuck: later(true), tuned, grid };
}
