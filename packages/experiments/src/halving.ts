/**
 * Successive halving: every level of a group gets few steps, the better ones get more, and the best one is left.
 *
 * @see Jamieson and Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter Optimization,
 *      arXiv:1502.07943, algorithm 1.
 */
import { type Cell, cellsOf, createRun, type Level, type Run } from "./grid.ts";
import { metricOf, type RunRecord } from "./record.ts";
import type { Study, TuningPlan } from "./study.ts";

/** One round of a group: what was tried with how many steps, and what came out. */
export interface Round {
  readonly budget: number;
  /** Levels in the order in which they were given, with their runs and the mean of the metric over these. */
  readonly trials: readonly Trial[];
}

/** A level in a round. */
export interface Trial {
  readonly level: Level;
  readonly runs: readonly Run[];
  /** Mean of the metric; absent while a run is missing, and when one failed. */
  readonly score?: number;
  /** Whether one of its runs failed: it is then behind all that did not. */
  readonly failed: boolean;
}

/** How far a group has come. */
export interface TunedGroup {
  readonly group: Cell;
  readonly rounds: readonly Round[];
  /** Runs of later rounds, whose levels are not known yet. */
  readonly waiting: number;
  /** The level that won; absent until the last round is complete. */
  readonly chosen?: Level;
  /** Whether all levels of a round failed, so that there is none to go on with. */
  readonly stuck: boolean;
}

/** Number of levels and steps of each round: `values / eta^k` levels at `from · eta^k` steps, up to `to`. */
export function roundsOf(
  count: number,
  { from, to, eta }: Pick<TuningPlan, "from" | "to" | "eta">,
): { count: number; budget: number }[] {
  const rounds: { count: number; budget: number }[] = [];
  for (let k = 0; ; k++) {
    const budget = Math.min(to, Math.round(from * eta ** k));
    rounds.push({ count: Math.max(1, Math.floor(count / eta ** k)), budget });
    if (budget >= to || rounds.at(-1)!.count === 1) return rounds;
  }
}

/** Steps that a group's tuning takes; the same for every group. */
export function stepsOf(tuning: TuningPlan): number {
  const repeats = cellsOf(tuning.at).length;
  const rounds = roundsOf(tuning.groups[0]!.values.length, tuning);
  return repeats * rounds.reduce((sum, { count, budget }) => sum + count * budget, 0);
}

function trial(tuning: TuningPlan, runs: readonly Run[], level: Level, records: ReadonlyMap<string, RunRecord>): Trial {
  const outcomes = runs.map(({ key }) => records.get(key));
  const values = outcomes.flatMap((record) => metricOf(record, tuning.metric) ?? []);
  const failed = outcomes.filter((record) => record !== undefined).length > values.length;
  if (failed || values.length < runs.length) return { level, runs, failed };
  return { level, runs, failed, score: values.reduce((sum, value) => sum + value, 0) / values.length };
}

/** Levels from best to worst; equal ones keep their order, failed ones are last. */
function ranked(trials: readonly Trial[], goal: TuningPlan["goal"]): readonly Trial[] {
  const sign = goal === "max" ? -1 : 1;
  return trials.filter(({ score }) => score !== undefined).sort((a, b) => sign * (a.score! - b.score!));
}

/** The state of a group's tuning, given the results that there are. A pure function of these. */
export function tuneGroup(
  study: Study,
  tuning: TuningPlan,
  index: number,
  records: ReadonlyMap<string, RunRecord>,
): TunedGroup {
  const { group, values } = tuning.groups[index]!;
  const repeats = cellsOf(tuning.at);
  const plan = roundsOf(values.length, tuning);
  const rounds: Round[] = [];
  let levels: readonly Level[] = values;
  for (const [k, { count, budget }] of plan.entries()) {
    if (k > 0) {
      const best = ranked(rounds.at(-1)!.trials, tuning.goal).slice(0, count);
      levels = values.filter((value) => best.some(({ level }) => level === value));
    }
    const trials = levels.map((level) => {
      const runs = repeats.map((repeat) => createRun(study, { ...group, ...repeat, [tuning.factor]: level }, budget));
      return trial(tuning, runs, level, records);
    });
    rounds.push({ budget, trials });
    const isOpen = trials.some(({ failed, score }) => !failed && score === undefined);
    const waiting = plan.slice(k + 1).reduce((sum, round) => sum + round.count * repeats.length, 0);
    if (isOpen) return { group, rounds, waiting, stuck: false };
    if (trials.every(({ failed }) => failed)) return { group, rounds, waiting, stuck: true };
  }
  return { group, rounds, waiting: 0, stuck: false, chosen: ranked(rounds.at(-1)!.trials, tuning.goal)[0]!.level };
}
