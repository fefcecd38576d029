import type { FinishedRun, StudyState } from "@cambium/experiments";
import { finishedRuns, markdownTable } from "@cambium/study-kit";
import { thresholds } from "./statistics.ts";

/** Geometric means over the seeds of both thresholds of each sweep that is complete. */
export function thresholdTable(state: StudyState): string {
  const sweeps = new Map<string, { readonly names: string[]; readonly seeds: Map<string, FinishedRun[]> }>();
  const planned = new Map<string, number>();
  const keyOf = (cell: FinishedRun["cell"]): string[] =>
    ["model", "weights", "place", "task"].map((factor) => String(cell[factor]));
  const runs = finishedRuns(state);
  const isSwept = (cell: FinishedRun["cell"]): boolean => cell["place"] !== "full";
  for (const { cell } of state.board.grid) {
    const key = [...keyOf(cell), cell["seed"]].join();
    planned.set(key, (planned.get(key) ?? 0) + 1);
  }
  for (const run of runs.filter(({ cell }) => isSwept(cell))) {
    const names = keyOf(run.cell);
    const sweep = sweeps.get(names.join()) ?? { names, seeds: new Map() };
    sweeps.set(names.join(), sweep);
    const seed = String(run.cell["seed"]);
    sweep.seeds.set(seed, [...(sweep.seeds.get(seed) ?? []), run]);
  }
  const geometric = (values: readonly number[]): string => {
    const mean = Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
    return Math.round(mean).toLocaleString("en-US");
  };
  const rows = [...sweeps.values()].flatMap(({ names, seeds }) => {
    const found = [...seeds].flatMap(([seed, swept]) => {
      const [model, weights, , task] = names;
      const full = runs.filter(
        ({ cell }) =>
          cell["place"] === "full" &&
          [cell["model"], cell["weights"], cell["task"], String(cell["seed"])].join() ===
            [model, weights, task, seed].join(),
      );
      const isWhole = swept.length === planned.get([...names, seed].join()) && full.length === 1;
      return isWhole ? [thresholds([...swept, ...full])] : [];
    });
    if (found.length === 0) return [];
    return [[...names, geometric(found.map(({ low }) => low)), geometric(found.map(({ high }) => high)), found.length]];
  });
  if (rows.length === 0) return "Thresholds: not run yet.";
  return markdownTable(["model", "weights", "place", "task", "low threshold", "high threshold", "seeds"], rows);
}
