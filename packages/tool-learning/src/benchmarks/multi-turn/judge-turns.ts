/**
 * Judges what a model did over several turns: after each, the world must be as the right calls leave it, and what they told must
 * be among what the model's calls told so far.
 *
 * @see Patil et al. 2025, The Berkeley Function Calling Leaderboard (BFCL), ICML, §4 (state-based and response-based evaluation).
 */
import { canonicalJson, type Json } from "@cambium/base";
import type { Grader } from "@cambium/evaluation";
import { differenceOf } from "../../imported/difference.ts";
import type { MultiTurnExpected } from "./row.ts";
import { callWorld, type WorldState } from "./world.ts";

/** What came of a turn. */
export interface MadeTurn {
  /** The world afterwards. */
  readonly state: WorldState;
  /** What calls told in this turn. */
  readonly results: readonly Json[];
}

/** What is wrong with a turn. */
export interface TurnFault {
  readonly code: "missing_turn" | "wrong_state" | "missing_result";
  /** From 0. */
  readonly turn: number;
  readonly message: string;
}

/** Counts of values. */
function countAll(values: readonly Json[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) {
    const key = canonicalJson(value);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** What the right calls of a row do, turn by turn. */
export function goldTurns({ state, gold }: MultiTurnExpected): readonly MadeTurn[] {
  const world = structuredClone(state) as WorldState;
  return gold.map((calls) => {
    const results = calls.map(({ name, input }) => callWorld(world, name, input) as Json);
    return { state: structuredClone(world) as WorldState, results: structuredClone(results) as readonly Json[] };
  });
}

/** What is wrong first; nothing when all turns are right. */
export function judgeTurns(expected: MultiTurnExpected, made: readonly MadeTurn[]): TurnFault | undefined {
  const told: Json[] = [];
  for (const [turn, gold] of goldTurns(expected).entries()) {
    const own = made[turn];
    if (own === undefined) return { code: "missing_turn", turn, message: `turn ${turn} was not reached` };
    const [difference] = differenceOf(gold.state, own.state, 1);
    if (difference !== undefined) return { code: "wrong_state", turn, message: `after turn ${turn}: ${difference}` };
    told.push(...own.results);
    const counts = countAll(told);
    for (const [key, count] of countAll(gold.results)) {
      if ((counts.get(key) ?? 0) < count)
        return { code: "missing_result", turn, message: `turn ${turn}: no call told ${key}` };
    }
  }
  return undefined;
}

/** Judges the answers of `multiTurn`. */
export const multiTurnGrader: Grader = {
  name: "multi-turn",
  grade({ answer }, gold) {
    if (answer === undefined) return { right: false, found: "nowhere" };
    try {
      const fault = judgeTurns(JSON.parse(gold) as MultiTurnExpected, JSON.parse(answer) as readonly MadeTurn[]);
      return { right: fault === undefined, found: "marker" };
    } catch {
      return { right: false, found: "marker" };
    }
  },
};
