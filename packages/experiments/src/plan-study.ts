import { rm, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { canonicalJson, StateError } from "@cambium/base";
import { criterionText } from "./claims.ts";
import { costOf, kindOf, type MeasuredStep } from "./estimate.ts";
import { type Cell, cellsOf, cellText } from "./grid.ts";
import { roundsOf } from "./halving.ts";
import { comparePlans, loadPlans, type PlanChange } from "./plans.ts";
import { type PlanStudyOptions, parsePlanOptions } from "./run-options.ts";
import { defaultFolder } from "./run-study.ts";
import { loadStudy } from "./state.ts";
import { parseCost, saveSteps } from "./steps-file.ts";
import type { Study } from "./study.ts";
import { createWorkerPool, type WorkerPool } from "./worker-pool.ts";

/** Runs that take equally long. */
export interface PlannedKind {
  /** Levels of the factors on which the cost depends. */
  readonly kind: Cell;
  readonly runs: number;
  /** What one step takes, as it was measured. In ms; absent when the study names no `step`. */
  readonly stepMs?: number;
  /** What all of its runs take in one worker process. In ms. */
  readonly totalMs?: number;
}

/** One step of a kind was measured. */
export interface MeasuredEvent extends MeasuredStep {
  readonly type: "measured";
}

/** The plan: what will run, for how long, and what is claimed. */
export interface PlanEndEvent {
  readonly type: "end";
  /** All runs, those of the tuning included. */
  readonly runs: number;
  readonly tuningRuns: number;
  /** Runs that have a result already. */
  readonly done: number;
  readonly kinds: readonly PlannedKind[];
  /** What all runs take in one worker process, in ms; absent when the study names no `step`. */
  readonly totalMs?: number;
  readonly claims: readonly { readonly claim: string; readonly criterion: string }[];
  /** How the plan differs from the one that the folder was begun with. */
  readonly changes: readonly PlanChange[];
}

/** What `planStudy` yields. */
export type PlanEvent = MeasuredEvent | PlanEndEvent;

interface Planned {
  readonly cell: Cell;
  readonly count: number;
  readonly budget?: number;
}

/** Every run of a study, whether its tuned level is known or not. */
function plannedRuns({ cells, tuning }: Study): Planned[] {
  const grid = cells.map((cell) => ({ cell, count: 1 }));
  if (tuning === undefined) return grid;
  const tuned = tuning.groups.flatMap(({ group, values }) =>
    roundsOf(values.length, tuning).flatMap(({ count, budget }) =>
      cellsOf(tuning.at).map((at) => ({ cell: { ...group, ...at }, count, budget })),
    ),
  );
  return [...tuned, ...grid];
}

/** A cell of each kind, with a level for the tuned factor. */
function samples(study: Study): Map<string, Cell> {
  const found = new Map<string, Cell>();
  for (const { cell } of plannedRuns(study)) {
    const name = canonicalJson(kindOf(study, cell));
    const tuned = study.tuning === undefined ? {} : { [study.tuning.factor]: study.tuning.groups[0]!.values[0]! };
    if (!found.has(name)) found.set(name, { ...cell, ...tuned });
  }
  return found;
}

async function* measureSteps(
  study: Study,
  folder: string,
  pool: WorkerPool,
  timeoutMs: number | undefined,
): AsyncGenerator<MeasuredEvent> {
  for (const cell of samples(study).values()) {
    const kind = kindOf(study, cell);
    const scratch = join(folder, "scratch", `step-${crypto.randomUUID()}`); // no checkpoint of another kind, or of a call before
    const end = await pool.run({
      module: study.run.module,
      name: study.run.step!.name,
      cell,
      scratch,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    await rm(scratch, { recursive: true, force: true });
    await rmdir(join(folder, "scratch")).catch(() => undefined); // runs' checkpoints are in it, or it never was
    if (end.type === "stopped") return;
    const cost = end.type === "done" ? parseCost(JSON.parse(end.result)) : end.message;
    if (typeof cost === "string") {
      const about = cellText(kind) || "all runs";
      throw new StateError({ message: `planStudy: the step of ${about} could not be measured: ${cost}`, kind });
    }
    yield { type: "measured", kind, ...cost };
  }
}

/**
 * What a study will do, before it does anything: how many runs, for how long, for which claims.
 *
 * Measures one step of each kind of run, one after another, by the function that the study names as `step`; the
 * estimates stay in the folder, for the remaining time that `runStudy` reports. Worker processes that compute side by
 * side share the machine, so `totalMs` divided by their number is a lower bound of the time.
 *
 * @throws {StateError} When a step cannot be measured; says of which kind, and why.
 */
export async function* planStudy(study: Study, options: PlanStudyOptions = {}): AsyncGenerator<PlanEvent> {
  const settings = parsePlanOptions(options);
  const folder = resolve(settings.folder ?? defaultFolder(study));
  const steps: MeasuredStep[] = [];
  if (study.run.step !== undefined) {
    const pool = createWorkerPool(1, settings.execArgv);
    const stop = (): void => void pool.stop(0);
    settings.signal?.addEventListener("abort", stop, { once: true });
    if (settings.signal?.aborted) stop();
    try {
      for await (const event of measureSteps(study, folder, pool, settings.timeoutMs)) {
        const { type: _, ...step } = event;
        steps.push(step);
        yield event;
      }
    } finally {
      settings.signal?.removeEventListener("abort", stop);
      await pool.stop(0);
    }
    if (settings.signal?.aborted) return;
    await saveSteps(folder, study, steps);
  }
  const kinds = new Map<string, { kind: Cell; runs: number; stepMs?: number; totalMs?: number }>();
  for (const { cell, count, budget } of plannedRuns(study)) {
    const kind = kindOf(study, cell);
    const name = canonicalJson(kind);
    const row = kinds.get(name) ?? { kind, runs: 0 };
    kinds.set(name, row);
    row.runs += count;
    const step = steps.find((each) => canonicalJson(each.kind) === name);
    if (step === undefined) continue;
    row.stepMs = step.stepMs;
    row.totalMs = (row.totalMs ?? 0) + count * costOf(step, budget);
  }
  const rows = [...kinds.values()];
  const runs = rows.reduce((sum, row) => sum + row.runs, 0);
  const { records } = await loadStudy(study, folder);
  const plans = await loadPlans(folder);
  yield {
    type: "end",
    runs,
    tuningRuns: runs - study.cells.length,
    done: [...records.values()].filter(({ status }) => status === "done").length,
    kinds: rows,
    ...(steps.length === 0 ? {} : { totalMs: rows.reduce((sum, { totalMs = 0 }) => sum + totalMs, 0) }),
    claims: study.claims.map((claim) => ({ claim: claim.claim, criterion: criterionText(claim) })),
    changes: plans.length === 0 ? [] : comparePlans(plans.at(-1)!.plan, study.plan),
  };
}
