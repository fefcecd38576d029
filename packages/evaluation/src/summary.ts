import type { EvaluationRecord, RowOutcome } from "./results/record.ts";
import type { Cost } from "./trajectory.ts";
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
  /** Rows whose first try was the last. */
  readonly firstTry: Share;
}

/** Results of a run. */
export interface EvaluationSummary extends GroupSummary {
  /** By the name of the group: `subject`, `level`, and those of `EvaluationOptions`. */
  readonly groups: Readonly<Record<string, readonly GroupSummary[]>>;
  /** How often a first try of one outcome led to a row of another. */
  readonly outcomes: readonly { readonly first: RowOutcome; readonly final: RowOutcome; readonly count: number }[];
  /** Rows whose answer was found without a marker, by graders that look for it. */
  readonly anyNumber: Readonly<Record<string, number>>;
  /** How often solvers gave each value of each label. */
  readonly labels: Readonly<Record<string, Readonly<Record<string, number>>>>;
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

/** The parts of a group: those of the known order first, then by name, with numbers in the order of numbers. */
function summariseGroup(parts: ReadonlyMap<string, Counts>, order: readonly string[] = []): readonly GroupSummary[] {
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...parts]
    .sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b, "en", { numeric: true }))
    .map(([name, counts]) => summarise(name, counts));
}

const NO_COST: Cost = {
  modelCalls: 0,
  cachedCalls: 0,
  sandboxRuns: 0,
  toolCalls: 0,
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
    toolCalls: a.toolCalls + (b.toolCalls ?? 0), // records of earlier versions do not count them
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

/** An empty summary of a method; `orders` are the known values of groups, in order. */
export function createSummariser(name: string, orders: Readonly<Record<string, readonly string[]>> = {}): Summariser {
  const all = newCounts();
  const groups = new Map<string, Map<string, Counts>>();
  for (const group of ["subject", "level", ...Object.keys(orders)]) groups.set(group, new Map());
  const outcomes = new Map<string, { first: RowOutcome; final: RowOutcome; count: number }>();
  const anyNumber: Record<string, number> = {};
  const labels: Record<string, Record<string, number>> = {};
  let cost = NO_COST;

  function countIn(group: string, part: string, record: EvaluationRecord): void {
    const parts = groups.get(group) ?? new Map<string, Counts>();
    groups.set(group, parts);
    const counts = parts.get(part) ?? newCounts();
    parts.set(part, counts);
    count(counts, record);
  }

  return {
    get cost() {
      return cost;
    },
    add(record) {
      count(all, record);
      for (const [group, part] of Object.entries(record.groups)) countIn(group, part, record);
      const { firstOutcome: first, outcome: final } = record;
      const pair = outcomes.get(`${first} ${final}`) ?? { first, final, count: 0 };
      outcomes.set(`${first} ${final}`, { ...pair, count: pair.count + 1 });
      for (const [grader, { found }] of Object.entries(record.grades)) {
        if (found === "any-number") anyNumber[grader] = (anyNumber[grader] ?? 0) + 1;
      }
      for (const [label, value] of Object.entries(record.labels ?? {})) {
        labels[label] ??= {};
        labels[label][value] = (labels[label][value] ?? 0) + 1;
      }
      cost = addCost(cost, record.cost);
    },
    summary: () => ({
      ...summarise(name, all),
      groups: Object.fromEntries([...groups].map(([group, parts]) => [group, summariseGroup(parts, orders[group])])),
      outcomes: [...outcomes.values()].sort(
        (a, b) => b.count - a.count || `${a.first} ${a.final}`.localeCompare(`${b.first} ${b.final}`),
      ),
      anyNumber,
      labels,
      cost,
    }),
  };
}
