import type { CreationLevel } from "../code/tool-shape.ts";
import type { Cost } from "../trajectory.ts";
import type { EvaluationRecord, RowOutcome } from "./record.ts";
import { type Interval, wilson } from "./wilson.ts";

/** A count among others, with its share and 95 % interval. */
export interface Share extends Interval {
  readonly count: number;
}

/** Results of some of the rows. */
export interface GroupSummary {
  readonly name: string;
  readonly total: number;
  /** Right answers by grader. */
  readonly accuracy: Readonly<Record<string, Share>>;
  /** Rows that were answered wrongly, by the first grader. */
  readonly wrong: Share;
  /** Rows without an answer: programs that failed to the end, replies without an answer. */
  readonly executionErrors: Share;
  /** Rows done without any repair or second creation. */
  readonly firstTry: Share;
}

/** Results of a run. */
export interface EvaluationSummary extends GroupSummary {
  readonly subjects: readonly GroupSummary[];
  readonly levels: readonly GroupSummary[];
  readonly hints: readonly GroupSummary[];
  /** How often a first try of one outcome led to a row of another. */
  readonly outcomes: readonly { readonly first: RowOutcome; readonly final: RowOutcome; readonly count: number }[];
  /** Rows whose answer was found without a marker, by graders that look for it. */
  readonly anyNumber: Readonly<Record<string, number>>;
  /** Tools by level of creation. */
  readonly creationLevels: Readonly<Partial<Record<CreationLevel, number>>>;
  /** Sums over all rows. */
  readonly cost: Cost;
}

interface Counts {
  total: number;
  readonly right: Map<string, number>;
  wrong: number;
  errors: number;
  firstTry: number;
}

const newCounts = (): Counts => ({ total: 0, right: new Map(), wrong: 0, errors: 0, firstTry: 0 });

function count(counts: Counts, { grades, outcome, firstTry }: EvaluationRecord): void {
  counts.total += 1;
  for (const [name, { right }] of Object.entries(grades))
    counts.right.set(name, (counts.right.get(name) ?? 0) + (right ? 1 : 0));
  if (outcome === "wrong") counts.wrong += 1;
  else if (outcome !== "right") counts.errors += 1;
  if (firstTry) counts.firstTry += 1;
}

function summarise(name: string, { total, right, wrong, errors, firstTry }: Counts): GroupSummary {
  const share = (part: number): Share => ({ count: part, ...wilson(part, total) });
  return {
    name,
    total,
    accuracy: Object.fromEntries([...right].map(([grader, part]) => [grader, share(part)])),
    wrong: share(wrong),
    executionErrors: share(errors),
    firstTry: share(firstTry),
  };
}

/** The order of hints: from nothing to everything. */
const HINTS: readonly string[] = ["none", "utility", "all"];

/** Groups by name, with numbers in the order of numbers. */
function summariseGroups(groups: ReadonlyMap<string, Counts>): readonly GroupSummary[] {
  return [...groups]
    .sort(([a], [b]) => HINTS.indexOf(a) - HINTS.indexOf(b) || a.localeCompare(b, "en", { numeric: true }))
    .map(([name, counts]) => summarise(name, counts));
}

const NO_COST: Cost = {
  modelCalls: 0,
  cachedCalls: 0,
  sandboxRuns: 0,
  inputTokens: 0,
  outputTokens: 0,
  usd: 0,
  durationMs: 0,
};

/** Adds two costs; unknown money stays unknown. */
export function addCost(a: Cost, b: Cost): Cost {
  return {
    modelCalls: a.modelCalls + b.modelCalls,
    cachedCalls: a.cachedCalls + b.cachedCalls,
    sandboxRuns: a.sandboxRuns + b.sandboxRuns,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    usd: a.usd === undefined || b.usd === undefined ? undefined : a.usd + b.usd,
    durationMs: a.durationMs + b.durationMs,
  };
}

/** Sums up records one by one, keeping none of them. */
export interface Summariser {
  add(record: EvaluationRecord): void;
  readonly cost: Cost;
  summary(): EvaluationSummary;
}

/** An empty summary of a method. */
export function createSummariser(name: string): Summariser {
  const all = newCounts();
  const groups = {
    subjects: new Map<string, Counts>(),
    levels: new Map<string, Counts>(),
    hints: new Map<string, Counts>(),
  };
  const outcomes = new Map<string, { first: RowOutcome; final: RowOutcome; count: number }>();
  const anyNumber: Record<string, number> = {};
  const creationLevels: Partial<Record<CreationLevel, number>> = {};
  let cost = NO_COST;

  function countIn(map: Map<string, Counts>, key: string | undefined, record: EvaluationRecord): void {
    if (key === undefined) return;
    const counts = map.get(key) ?? newCounts();
    map.set(key, counts);
    count(counts, record);
  }

  return {
    get cost() {
      return cost;
    },
    add(record) {
      count(all, record);
      countIn(groups.subjects, record.subject, record);
      countIn(groups.levels, record.level, record);
      countIn(groups.hints, record.hints, record);
      const { firstOutcome: first, outcome: final } = record;
      const pair = outcomes.get(`${first} ${final}`) ?? { first, final, count: 0 };
      outcomes.set(`${first} ${final}`, { ...pair, count: pair.count + 1 });
      for (const [grader, { found }] of Object.entries(record.grades)) {
        if (found === "any-number") anyNumber[grader] = (anyNumber[grader] ?? 0) + 1;
      }
      if (record.creationLevel !== undefined) {
        creationLevels[record.creationLevel] = (creationLevels[record.creationLevel] ?? 0) + 1;
      }
      cost = addCost(cost, record.cost);
    },
    summary: () => ({
      ...summarise(name, all),
      subjects: summariseGroups(groups.subjects),
      levels: summariseGroups(groups.levels),
      hints: summariseGroups(groups.hints),
      outcomes: [...outcomes.values()].sort(
        (a, b) => b.count - a.count || `${a.first} ${a.final}`.localeCompare(`${b.first} ${b.final}`),
      ),
      anyNumber,
      creationLevels,
      cost,
    }),
  };
}
