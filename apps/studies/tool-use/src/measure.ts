/** What came of a cell, in numbers. */
import type { EvaluationRecord, ToolStep } from "@cambium/evaluation";
import { type Extent, isUnseen } from "./plan.ts";
import type { Test } from "./tests.ts";

/** What a run returns. Shares are in percent. */
export interface Measured {
  /** Tests that were solved: of all, of kits that the seed trains on, and of the others. */
  readonly success: number;
  readonly seen: number;
  readonly unseen: number;
  /** Tests whose first call is of a tool that the expert uses too. */
  readonly choice: number;
  readonly choiceUnseen: number;
  /** Calls with a name that there is not, or arguments that do not fit. */
  readonly misfit: number;
  readonly tests: number;
  /** Solved and tried by kit. */
  readonly kits: Readonly<Record<string, readonly [solved: number, tried: number]>>;
  /** How tests ended. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Per test. */
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Rows that were learnt, those that were too long, and the mean loss over the last tenth of the steps in nats. */
  readonly rows?: number;
  readonly tooLong?: number;
  readonly loss?: number;
  readonly [key: string]: unknown;
}

const MISFITS: ReadonlySet<string> = new Set(["UNKNOWN_TOOL", "INVALID_ARGS"]);

/** Calls of tools; the run's own commands are none. */
const callsOf = ({ trajectory }: EvaluationRecord): readonly ToolStep[] =>
  trajectory.steps.filter((step): step is ToolStep => step.kind === "tool" && step.stage !== "command");

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole);

/** Counts of values. */
function counted(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** Sums the records of a cell up. */
export function measure(
  { kits }: Extent,
  seed: number,
  tests: ReadonlyMap<string, Test>,
  records: readonly EvaluationRecord[],
): Measured {
  const isSolved = ({ outcome }: EvaluationRecord): boolean => outcome === "right";
  const kitOf = ({ id }: EvaluationRecord): string => tests.get(id)!.task.set;
  const isNew = (record: EvaluationRecord): boolean => isUnseen(kits, kitOf(record), seed);
  const isChosen = (record: EvaluationRecord): boolean => {
    const [first] = callsOf(record);
    return first !== undefined && tests.get(record.id)!.tools.has(first.call.name);
  };
  const share = (some: readonly EvaluationRecord[], passes: (record: EvaluationRecord) => boolean): number =>
    percent(some.filter(passes).length, some.length);
  const unseen = records.filter(isNew);
  const made = records.flatMap(callsOf);
  const mean = (of: (record: EvaluationRecord) => number): number =>
    records.reduce((sum, record) => sum + of(record), 0) / Math.max(1, records.length);
  return {
    success: share(records, isSolved),
    seen: share(
      records.filter((record) => !isNew(record)),
      isSolved,
    ),
    unseen: share(unseen, isSolved),
    choice: share(records, isChosen),
    choiceUnseen: share(unseen, isChosen),
    misfit: percent(made.filter(({ failure }) => MISFITS.has(failure?.code ?? "")).length, made.length),
    tests: records.length,
    kits: Object.fromEntries(
      kits.map((kit) => {
        const own = records.filter((record) => kitOf(record) === kit);
        return [kit, [own.filter(isSolved).length, own.length] as const];
      }),
    ),
    outcomes: counted(records.map(({ outcome }) => outcome)),
    calls: mean((record) => callsOf(record).length),
    inputTokens: mean(({ cost }) => cost.inputTokens),
    outputTokens: mean(({ cost }) => cost.outputTokens),
  };
}
