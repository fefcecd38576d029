/** The grid of the table, as a study: `cambium study run apps/task-table/src/study.ts` does what is missing. */
import { type ClaimOptions, defineStudy, type RunContext, type Study } from "@cambium/experiments";
import { taskOf } from "@cambium/study-kit/runs";
import { realTasks } from "@cambium/tasks/real";
import { majorityScore, wordsScore } from "./baselines.ts";
import { COMPARED_ROWS, MARGIN_POINTS, METHODS, ROWS, SEEDS, TASKS } from "./plan.ts";
import type { TableCell } from "./rows.ts";

const isWriting = (task: string): boolean => realTasks.find(({ name }) => name === task)?.type === "writing";

/** Scores are in percent. */
export async function run(cell: TableCell, context: RunContext): Promise<{ score: number }> {
  const loaded = await taskOf(cell.task);
  if (cell.method === "majority") return { score: 100 * majorityScore(loaded) };
  if (cell.method === "words") return { score: 100 * wordsScore(loaded, cell) };
  const { tunedScore } = await import("./tuned.ts");
  return { score: 100 * (await tunedScore(loaded, cell, context)) };
}

/** What does not vary with the seed is run once; encoders write nothing. */
function isRun({ method, task, rows, seed }: TableCell): boolean {
  if (method === "majority") return rows === "full" && seed === 1;
  if (isWriting(task)) return method === "words" && rows === "full" && seed === 1;
  return method !== "words" || rows !== "full" || seed === 1;
}

const claims: readonly ClaimOptions[] = TASKS.filter((task) => !isWriting(task)).map((task) => ({
  claim: `Tuned MiniLM beats words on ${task} by ${MARGIN_POINTS} points or more, with ${COMPARED_ROWS} rows of each class`,
  metric: "score",
  where: { task, method: "minilm-tuned", rows: COMPARED_ROWS },
  minus: { method: "words" },
  atLeast: MARGIN_POINTS,
}));

const study: Study = defineStudy({
  name: "task-table",
  run: { module: import.meta.url, version: "1", inputs: { minilm: "all-MiniLM-L6-v2", sapling: "bert-4x256-v1" } },
  factors: { method: METHODS, task: TASKS, rows: ROWS, seed: SEEDS },
  where: (cell) => isRun(cell as unknown as TableCell),
  metrics: { score: { unit: "%", digits: 1 } },
  claims,
});
export default study;
