import { createRun, type Run } from "./grid.ts";
import { createRecord, type RunRecord } from "./record.ts";
import { defineStudy, type RunCode, type Study, type StudyOptions } from "./study.ts";

/** A study whose runs are never started. */
export function paperStudy({
  run,
  ...options
}: Partial<Omit<StudyOptions, "run">> & { run?: Partial<RunCode> } = {}): Study {
  return defineStudy({
    name: "paper",
    factors: { method: ["a", "b"], seed: [1, 2, 3, 4, 5] },
    metrics: { accuracy: { unit: "%", digits: 1 } },
    ...options,
    run: { module: "file:///nowhere.js", version: "1", ...run },
  });
}

/** The record of a run with this accuracy, or of one that failed. */
export function recordOf(study: Study, run: Run, accuracy: number | undefined): RunRecord {
  const outcome =
    accuracy === undefined
      ? ({ status: "failed", message: "Error: no convergence" } as const)
      : ({ status: "done", result: { accuracy } } as const);
  return createRecord(study, run, outcome, { durationMs: 10, endedAt: "2026-01-01T00:00:00.000Z", machine: "here" });
}

/** Records of all cells of the grid for which a result is given. */
export function recordsOf(
  study: Study,
  accuracy: (cell: Run["cell"]) => number | undefined | "missing",
): Map<string, RunRecord> {
  const runs = study.cells.map((cell) => createRun(study, cell));
  return new Map(
    runs.flatMap((run) => {
      const value = accuracy(run.cell);
      return value === "missing" ? [] : [[run.key, recordOf(study, run, value)] as const];
    }),
  );
}
