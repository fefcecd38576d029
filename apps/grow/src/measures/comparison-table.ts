import type { ComparisonRow } from "./compare.ts";

/** 97.5 % points of Student's t for 1 to 9 degrees of freedom. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** Mean and half the width of its 95 % interval, over seeds. */
export function meanInterval(values: readonly number[]): { readonly mean: number; readonly margin: number } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, margin: Number.NaN };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { mean, margin: (STUDENT[count - 2] ?? 2.26) * Math.sqrt(variance / count) };
}

function percent(values: readonly number[]): string {
  const { mean, margin } = meanInterval(values);
  return Number.isNaN(margin) ? (100 * mean).toFixed(1) : `${(100 * mean).toFixed(1)} ± ${(100 * margin).toFixed(1)}`;
}

/** Results as a Markdown table, a line for each model and task. */
export function formatComparison(rows: readonly ComparisonRow[]): string {
  const groups = new Map<string, ComparisonRow[]>();
  for (const row of rows) {
    const key = `${row.model} ${row.task}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const lines = [...groups.values()].map((group) => {
    const { model, task, trainCount, steps } = group[0]!;
    const of = (weights: ComparisonRow["weights"], metric: "accuracy" | "f1"): string =>
      percent(group.filter((row) => row.weights === weights).map((row) => row[metric]));
    const seeds = new Set(group.map(({ seed }) => seed)).size;
    return `| ${model} | ${task}: ${trainCount} messages, ${steps} steps | ${seeds} | ${of("grown", "accuracy")} | ${of("random", "accuracy")} | ${of("grown", "f1")} | ${of("random", "f1")} |`;
  });
  return [
    "| model | training | seeds | accuracy | of its random twin | F1 | of its random twin |",
    "|---|---|---:|---:|---:|---:|---:|",
    ...lines,
  ].join("\n");
}
