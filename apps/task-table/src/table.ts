import { measureInterval, type StudyState } from "@cambium/experiments";
import { realTasks } from "@cambium/tasks/real";
import { METHODS, ROWS, TASKS } from "./plan.ts";
import type { TableCell } from "./rows.ts";

/** A result of a run. */
export interface Score {
  readonly cell: TableCell;
  readonly score: number;
}

/** The scores of the runs that are done. */
export function scoresOf({ records }: StudyState): readonly Score[] {
  return [...records.values()].flatMap((record) =>
    record.status === "done"
      ? [{ cell: record.of["cell"] as unknown as TableCell, score: record.result["score"] as number }]
      : [],
  );
}

/** Mean ± half of the 95 % interval over the seeds; a dash where nothing was run. */
function entry(scores: readonly Score[], task: string, method: string, rows: string): string {
  const own = scores.filter(({ cell }) => cell.task === task && cell.method === method && cell.rows === rows);
  if (own.length === 0) return "–";
  const { mean, high } = measureInterval(own.map(({ score }) => score));
  return high === undefined ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${(high - mean).toFixed(1)}`;
}

/** The table in Markdown: a row for each task, of each method the columns 8, 32 and all rows. */
export function markdownTable(scores: readonly Score[]): string {
  const shown = METHODS.filter((method) => scores.some(({ cell }) => cell.method === method));
  const columns = shown.flatMap((method) =>
    (method === "majority" ? ["full"] : ROWS).map((rows) => ({
      method,
      rows,
      title: method === "majority" ? "majority" : `${method.replace("-", " ")}, ${rows === "full" ? "all" : rows}`,
    })),
  );
  const lines = TASKS.map((task) => {
    const { type } = realTasks.find(({ name }) => name === task)!;
    return [`\`${task}\``, type, ...columns.map(({ method, rows }) => entry(scores, task, method, rows))];
  });
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    row(["task", "type", ...columns.map(({ title }) => title)]),
    row(["---", "---", ...columns.map(() => "---:")]),
    ...lines.map(row),
    "",
  ].join("\n");
}
