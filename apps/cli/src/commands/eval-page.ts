/** The page about evaluations, which `tools eval` and `report` write. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { evaluationReport, loadResults, type ReportedEvaluation, trajectoryReport } from "@cambium/evaluation";
import type { Section } from "@cambium/report";

/** Trajectories on a page. */
const PAGE = 200;

/** Results of an evaluation, and what they are called on the page. */
export interface NamedResults {
  readonly name: string;
  readonly folder: string;
}

/** Writes `report.html` into a folder, and further pages where there are more trajectories than one holds. */
export async function writeEvaluations(
  results: readonly NamedResults[],
  out: string,
  { title, sections = [] }: { readonly title: string; readonly sections?: readonly Section[] },
): Promise<string> {
  const runs: ReportedEvaluation[] = await Promise.all(
    results.map(async ({ name, folder }) => ({ ...(await loadResults(folder)), name })),
  );
  const isPlumbing = runs.some(({ manifest }) =>
    /"(scripted|scripted\/[^"]*)"/.test(JSON.stringify(manifest.settings)),
  );
  const page = await evaluationReport(runs, {
    title,
    sections,
    trajectories: PAGE,
    ...(isPlumbing
      ? {
          note: "No model answered, but rules or experts in its place: these figures are about the plumbing and say nothing about any model.",
        }
      : {}),
  });
  const path = join(out, "report.html");
  await writeFile(path, page.html());
  for (const run of runs) {
    for (let from = PAGE; from < run.summary.total; from += PAGE) {
      const rest = await trajectoryReport(run, { from, count: PAGE });
      await writeFile(join(out, `trajectories-${run.name?.replaceAll("/", "-")}-${from / PAGE + 1}.html`), rest.html());
    }
  }
  return path;
}
