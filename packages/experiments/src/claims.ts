import { canonicalJson } from "@cambium/base";
import type { Claim, FinishedRun } from "./claim-options.ts";
import { type Cell, cellText, type Filter, matches, projection } from "./grid.ts";
import { type Interval, measureInterval } from "./interval.ts";
import { metricOf } from "./record.ts";
import type { StudyState } from "./state.ts";
import type { Study } from "./study.ts";

/** What was measured of a claim. */
export interface MeasuredClaim {
  readonly claim: Claim;
  /** The criterion in words, as the plan states it. */
  readonly criterion: string;
  /** From the units that are complete; absent when none is. */
  readonly measured?: Interval;
  /** Number of units that are complete. */
  readonly units: number;
  /** Runs that the claim needs and that have no result. */
  readonly missing: readonly Cell[];
  /** Runs that the claim needs. */
  readonly runs: number;
  /** `open` while a run is missing: a claim is decided by all of its runs. */
  readonly verdict: "held" | "not held" | "open";
}

const filterText = (filter: Filter): string =>
  Object.entries(filter)
    .map(([factor, wanted]) => `${factor} ${[wanted].flat().join(" or ")}`)
    .join(", ");

/** The criterion of a claim as a sentence. */
export function criterionText({
  metric,
  where,
  minus,
  statistic,
  over,
  atLeast,
  atMost,
  interval,
  level,
}: Claim): string {
  const bounds = [
    ...(atLeast === undefined ? [] : [`at least ${atLeast}`]),
    ...(atMost === undefined ? [] : [`at most ${atMost}`]),
  ].join(" and ");
  const of = filterText(where);
  const what = statistic === undefined ? `mean ${metric}` : `statistic ${statistic.version} of ${metric}`;
  const less = minus === undefined ? "" : ` less that of ${filterText(minus) || "all"}`;
  const how = `${Number((100 * level).toFixed(2))} % ${interval === "t" ? "t" : "bootstrap"} interval over ${over.join(", ")}`;
  return `${what}${of === "" ? "" : ` of ${of}`}${less}: ${bounds} (${how})`;
}

/** The mean of the runs' metric. */
function meanOf(runs: readonly FinishedRun[], metric: string): number {
  return runs.reduce((sum, { result }) => sum + (result[metric] as number), 0) / runs.length;
}

/** Decides a claim from the runs that have results. */
function measure(
  claim: Claim,
  finished: readonly { readonly cell: Cell; readonly run: FinishedRun | undefined }[],
): MeasuredClaim {
  const { metric, where, minus, statistic, over } = claim;
  const units = new Map<string, { own: FinishedRun[]; others: FinishedRun[]; isComplete: boolean }>();
  const missing: Cell[] = [];
  let runs = 0;
  for (const { cell, run } of finished) {
    const [isOwn, isOther] = [matches(cell, where), minus !== undefined && matches(cell, minus)];
    if (!isOwn && !isOther) continue;
    runs += 1;
    const name = canonicalJson(projection(cell, over));
    const unit = units.get(name) ?? { own: [], others: [], isComplete: true };
    units.set(name, unit);
    if (run === undefined) {
      missing.push(cell);
      unit.isComplete = false;
      continue;
    }
    if (isOwn) unit.own.push(run);
    if (isOther) unit.others.push(run);
  }
  const values = [...units.values()]
    .filter(({ isComplete }) => isComplete)
    .map(({ own, others }) => {
      if (statistic !== undefined) return statistic.compute(own);
      return meanOf(own, metric) - (minus === undefined ? 0 : meanOf(others, metric));
    });
  const about = { claim, criterion: criterionText(claim), units: values.length, missing, runs };
  if (values.length === 0) return { ...about, verdict: "open" };
  const measured = measureInterval(values, claim.interval, claim.level);
  if (missing.length > 0) return { ...about, measured, verdict: "open" };
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = claim;
  const isHeld = measured.low! >= atLeast && measured.high! <= atMost; // NaN is never within
  return { ...about, measured, verdict: isHeld ? "held" : "not held" };
}

/**
 * Each claim of a study against what was measured. A claim some of whose runs are missing or failed stays open, and names
 * them.
 */
export function measureClaims(
  study: Study,
  { board, records }: Pick<StudyState, "board" | "records">,
): MeasuredClaim[] {
  const finished = board.grid.map(({ cell, run }) => {
    const record = run === undefined ? undefined : records.get(run.key);
    return { cell, record, run };
  });
  return study.claims.map((claim) =>
    measure(
      claim,
      finished.map(({ cell, record, run }) => {
        if (record?.status !== "done" || metricOf(record, claim.metric) === undefined) return { cell, run: undefined };
        return { cell, run: { cell: run!.cell, result: record.result } };
      }),
    ),
  );
}

/** Some of the runs that a claim misses, in words. */
export function missingText({ missing, runs }: MeasuredClaim): string {
  if (missing.length === 0) return "";
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
  return `${missing.length} of ${runs} runs missing: ${missing.slice(0, 3).map(cellText).join("; ")}${more}`;
}
