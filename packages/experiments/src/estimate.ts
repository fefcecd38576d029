import { canonicalJson } from "@cambium/base";
import { type Cell, projection, type Run } from "./grid.ts";
import type { RunRecord } from "./record.ts";
import type { StepCost, Study } from "./study.ts";

/** What one step of a kind of run cost, as measured by the plan. */
export interface MeasuredStep extends Required<StepCost> {
  /** Levels of the factors on which the cost depends. */
  readonly kind: Cell;
}

/** The kind of a run: runs of one kind take equally long. */
export function kindOf({ run, replicate }: Study, cell: Cell): Cell {
  const factors = Object.keys(cell).filter((factor) => factor !== replicate);
  return projection(cell, run.step?.per ?? factors);
}

/** How long a run takes by the measured step: a budget counts steps. In ms. */
export function costOf({ stepMs, steps, setupMs }: Required<StepCost>, budget?: number): number {
  return setupMs + stepMs * (budget ?? steps);
}

interface Mean {
  sum: number;
  count: number;
}

/** How long runs take, learned from those that have finished. */
export interface Estimator {
  learn(run: Run, record: RunRecord): void;
  /** Expected time of a run in ms: of its kind, by the measured step, or of any run; absent when nothing is known. */
  expect(run: Run): number | undefined;
  /** Expected time of a run whose cell is not known yet. */
  average(): number | undefined;
}

export function createEstimator(study: Study, steps: readonly MeasuredStep[]): Estimator {
  const measured = new Map(steps.map((step) => [canonicalJson(step.kind), step]));
  const seen = new Map<string, Mean>();
  const all: Mean = { sum: 0, count: 0 };
  const meanOf = (mean: Mean | undefined): number | undefined =>
    mean === undefined || mean.count === 0 ? undefined : mean.sum / mean.count;
  const nameOf = (run: Run): string => canonicalJson([kindOf(study, run.cell), run.budget ?? null]);
  return {
    learn(run, { status, durationMs }) {
      if (status === "failed") return;
      const name = nameOf(run);
      const mean = seen.get(name) ?? { sum: 0, count: 0 };
      seen.set(name, mean);
      for (const each of [mean, all]) {
        each.sum += durationMs;
        each.count += 1;
      }
    },
    expect(run) {
      const step = measured.get(canonicalJson(kindOf(study, run.cell)));
      return meanOf(seen.get(nameOf(run))) ?? (step === undefined ? meanOf(all) : costOf(step, run.budget));
    },
    average: () => meanOf(all),
  };
}
