/**
 * Pass and win rates as ToolBench has them, without its coin flips: what is not decided counts half, and is counted.
 *
 * @see Qin et al. 2023, ToolLLM, arXiv:2307.16789, §3.1 and appendix A.5 (ToolEval), and Guo et al. 2024, StableToolBench,
 *      arXiv:2403.07714, §3.3 (solvable pass rate).
 */
import { ConfigError, checkOptions } from "@cambium/base";
import { type Interval, type Trajectory, wilson } from "@cambium/evaluation";
import type { Judge, PassVote } from "./judge.ts";

/** What an answer is worth by one vote: 1 passes, 0 fails, ½ is not decided. */
export function creditOf({ answer, task = "solvable" }: PassVote): 0 | 0.5 | 1 {
  if (answer === "solved") return 1;
  if (answer === "unsolved") return task === "solvable" ? 0 : task === "unsolvable" ? 1 : 0.5;
  return task === "unsolvable" ? 1 : 0.5;
}

/** Settings of `measurePassRate` and `measureWinRate`. */
export interface JudgedOptions {
  /** Votes on each answer. @default 4 for pass rates, 1 for each order for win rates */
  readonly votes?: number;
  /** Judgements under way at once. @default 4 */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
}

/** A judged run. */
export interface JudgedRun {
  readonly question: string;
  readonly trajectory: Trajectory;
}

/** How many runs pass. */
export interface PassRate {
  readonly judge: string;
  readonly total: number;
  /** Sum of the credits: runs that pass, and half of those that are not decided. */
  readonly passed: number;
  /** With its 95 % interval, the undecided counted half. */
  readonly rate: Interval;
  /** Runs that the votes do not decide. */
  readonly undecided: number;
  /** Runs without an answer. Those that gave up are voted on, and pass where the task is held to be unsolvable; others fail without a vote. */
  readonly withoutAnswer: number;
  readonly runs: readonly {
    readonly question: string;
    readonly credit: 0 | 0.5 | 1;
    readonly votes: readonly PassVote[];
  }[];
}

/** Works on items side by side, in their order. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

function check(caller: string, { votes = 1, concurrency = 1 }: JudgedOptions, options: JudgedOptions): void {
  checkOptions(caller, options, ["votes", "concurrency", "signal"]);
  for (const [key, value] of Object.entries({ votes, concurrency })) {
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError({ message: `${caller}: ${key} must be a whole number from 1 on, got ${value}`, key });
  }
}

/** What most votes say; a draw is not decided. */
function majority(votes: readonly PassVote[]): 0 | 0.5 | 1 {
  const sum = votes.reduce((total, vote) => total + (creditOf(vote) - 0.5), 0);
  return sum > 0 ? 1 : sum < 0 ? 0 : 0.5;
}

/** Whether a run ended by giving up, as a search over ways does when none leads to an answer. */
const gaveUp = ({ answer, failure }: Trajectory): boolean => answer === undefined && failure?.code === "GAVE_UP";

/**
 * The share of runs that pass by a judge's votes. A run without an answer fails without a vote: that a program or a provider
 * failed is no excuse. One that gave up is voted on, since that is right where a task cannot be solved, and has solved nothing.
 *
 * @throws {ConfigError} When the options cannot be meant. @throws {CallError} When a judge that is a model cannot be asked.
 */
export async function measurePassRate(
  runs: readonly JudgedRun[],
  judge: Judge,
  options: JudgedOptions = {},
): Promise<PassRate> {
  check("measurePassRate", options, options);
  const { votes = 4, concurrency = 4, signal } = options;
  const judged = await inTurns(runs, concurrency, async ({ question, trajectory }) => {
    if (trajectory.answer === undefined && !gaveUp(trajectory)) return { question, credit: 0 as const, votes: [] };
    const given = await inTurns(
      Array.from({ length: votes }, (_, vote) => vote),
      1,
      async (vote): Promise<PassVote> => {
        const given = await judge.pass({ question, trajectory }, vote, signal);
        return gaveUp(trajectory) ? { ...given, answer: "unsolved" } : given;
      },
    );
    return { question, credit: majority(given), votes: given };
  });
  const passed = judged.reduce((sum, { credit }) => sum + credit, 0);
  return {
    judge: judge.name,
    total: runs.length,
    passed,
    rate: wilson(passed, runs.length),
    undecided: judged.filter(({ credit }) => credit === 0.5).length,
    withoutAnswer: runs.filter(({ trajectory }) => trajectory.answer === undefined).length,
    runs: judged,
  };
}

/** Two runs on one task. */
export interface RunPair {
  readonly question: string;
  readonly own: Trajectory;
  readonly other: Trajectory;
}

/** How often a method beats another. */
export interface WinRate {
  readonly judge: string;
  readonly total: number;
  readonly wins: number;
  readonly losses: number;
  /** Pairs on which the two orders do not agree, or that are equal. */
  readonly ties: number;
  /** Wins and half of the ties, with the 95 % interval. */
  readonly rate: Interval;
}

/**
 * How often runs beat others on the same tasks. A run with an answer beats one without. Otherwise each pair is judged in both
 * orders; a win counts only where both agree.
 *
 * @throws {ConfigError} When the options cannot be meant. @throws {CallError} When a judge that is a model cannot be asked.
 */
export async function measureWinRate(
  pairs: readonly RunPair[],
  judge: Judge,
  options: JudgedOptions = {},
): Promise<WinRate> {
  check("measureWinRate", options, options);
  const { votes = 1, concurrency = 4, signal } = options;
  const scores = await inTurns(pairs, concurrency, async ({ question, own, other }) => {
    const [has, hasOther] = [own.answer !== undefined, other.answer !== undefined];
    if (has !== hasOther) return has ? 1 : -1;
    if (!has) return 0;
    let sum = 0;
    for (let vote = 0; vote < votes; vote++) {
      const one = await judge.prefer(question, own, other, vote, signal);
      const two = await judge.prefer(question, other, own, vote, signal);
      if (one === "first" && two === "second") sum += 1;
      if (one === "second" && two === "first") sum -= 1;
    }
    return Math.sign(sum);
  });
  const wins = scores.filter((score) => score > 0).length;
  const losses = scores.filter((score) => score < 0).length;
  const ties = scores.length - wins - losses;
  return { judge: judge.name, total: pairs.length, wins, losses, ties, rate: wilson(wins + ties / 2, pairs.length) };
}
