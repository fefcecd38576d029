/** The results as a page in Markdown: a function of what the folders hold. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type FinishedRun, loadStudy, type MeasuredClaim, reportStudy, type StudyState } from "@cambium/experiments";
import type { Part } from "./parts.ts";
import type { Extent } from "./plan.ts";
import { thresholds } from "./statistics.ts";

/** What `plan` measured, as it keeps it. */
export interface PlanFile {
  readonly date: string;
  readonly machine: string;
  readonly parts: readonly { readonly name: string; readonly runs: number; readonly hours: number }[];
}

/** A page and the figures that it shows, by file name. */
export interface Page {
  readonly markdown: string;
  readonly figures: ReadonlyMap<string, string>;
}

export const planFileOf = (folder: string): string => join(folder, "plan.json");

/** The plan that `plan` kept, where it did. */
export async function readPlan(folder: string): Promise<PlanFile | undefined> {
  try {
    return JSON.parse(await readFile(planFileOf(folder), "utf8")) as PlanFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const row = (cells: readonly (string | number)[]): string =>
  `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;

const tableOf = (heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(heads), row(heads.map(() => "---")), ...rows.map(row)].join("\n");

/** Mean and 95 % interval; metrics of statistics are no percentages, so no unit is shown. */
function measuredText({ measured, units, missing, runs }: MeasuredClaim): string {
  if (measured === undefined) return "not run yet";
  const digits = (value: number | undefined): string => (value === undefined ? "–" : value.toFixed(2));
  const interval =
    measured.low === undefined ? "" : ` [${digits(measured.low)}, ${digits(measured.high)}], n = ${units}`;
  const open = missing.length === 0 ? "" : `; ${missing.length} of ${runs} runs missing`;
  return `${digits(measured.mean)}${interval}${open}`;
}

const verdictText = ({ verdict, measured }: MeasuredClaim): string =>
  verdict === "open" && measured === undefined ? "not run yet" : verdict;

function finishedRuns({ board, records }: StudyState): FinishedRun[] {
  return board.grid.flatMap(({ run }) => {
    const record = run === undefined ? undefined : records.get(run.key);
    return record?.status === "done" ? [{ cell: run!.cell, result: record.result }] : [];
  });
}

/** Geometric means over the seeds of both thresholds of each sweep that is complete. */
function thresholdTable(state: StudyState): string {
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
  return tableOf(["model", "weights", "place", "task", "low threshold", "high threshold", "seeds"], rows);
}

async function partText(
  part: Part,
): Promise<{ text: string; figures: [string, string][]; lost: string[]; last: string }> {
  const state = await loadStudy(part.study, part.folder);
  const report = reportStudy(part.study, state);
  const records = [...state.records.values()];
  const done = records.filter(({ status }) => status === "done").length;
  const failed = records.length - done;
  const total = state.board.runs.length + state.board.waiting + state.board.stuck;
  const figures = [...report.figures].map(([name, figure]): [string, string] => [
    `${part.name}-${name}.svg`,
    figure.svg(),
  ]);
  const claims = report.claims.map((claim) => [
    claim.claim.claim,
    claim.criterion,
    measuredText(claim),
    verdictText(claim),
  ]);
  const lines = [
    `## ${part.title}`,
    part.about,
    `${done} of ${total} runs done${failed === 0 ? "" : `, ${failed} failed (rates at which a run diverged count as the worst)`}.`,
    tableOf(["claim", "criterion", "measured", "verdict"], claims),
    ...(part.name.startsWith("quantity") ? [thresholdTable(state)] : []),
    ...figures.map(([name]) => `![${name.replace(/\.svg$/, "").replaceAll("-", " ")}](apet/${name})`),
  ];
  const lost = report.claims.filter(({ verdict }) => verdict === "not held").map(({ claim }) => claim.claim);
  const last =
    records
      .map(({ endedAt }) => endedAt)
      .toSorted()
      .at(-1) ?? "";
  return { text: lines.join("\n\n"), figures, lost, last };
}

function planText(plan: PlanFile | undefined, parts: readonly Part[]): string {
  if (plan === undefined) return "The time that it takes has not been measured: `pnpm study:apet plan`.";
  const rows = parts.map(({ name }) => {
    const planned = plan.parts.find((each) => each.name === name);
    return [name, planned?.runs ?? "–", planned === undefined ? "not measured" : planned.hours.toFixed(2)];
  });
  const isWhole = parts.every(({ name }) => plan.parts.some((each) => each.name === name));
  const total = plan.parts.reduce((sum, { hours }) => sum + hours, 0);
  return [
    `Planned on ${plan.date} by one measured step of each kind (${plan.machine}):`,
    tableOf(
      ["part", "runs, tuning included", "hours of one core"],
      [...rows, ["all", plan.parts.reduce((sum, { runs }) => sum + runs, 0), total.toFixed(2)]],
    ),
    `${isWhole ? "That is" : "The parts that were measured take"} ${(total / 2).toFixed(1)} h on two cores that do not slow each other.`,
  ].join("\n\n");
}

/** The page. The same results give the same bytes. */
export async function writePage(parts: readonly Part[], extent: Extent, folder: string): Promise<Page> {
  const texts = [];
  for (const part of parts) texts.push(await partText(part));
  const last = texts
    .map((text) => text.last)
    .toSorted()
    .at(-1)!;
  const lost = texts.flatMap((text) => text.lost);
  const reproduced =
    lost.length === 0
      ? "No claim has been decided against so far."
      : ["These claims did not hold at this scale:", ...lost.map((claim) => `- ${claim}`)].join("\n");
  const smallest = extent.ladder.length;
  const markdown = [
    "# Arbitrary parameter-efficient tuning",
    `<!-- Written by \`pnpm study:apet report\`; do not edit. -->`,
    `Su et al. (2023, EMNLP 2023, pp. 15062-15078) claim that it matters little which parameters are trained, and less the larger a model is; what matters is how many. This page is what came of testing it here: ${last === "" ? "**nothing has been run yet**" : `the last result is of ${last.slice(0, 10)}`}.`,
    "```sh\npnpm study:apet plan               # runs and hours, by one measured step of each kind\npnpm study:apet run --workers 2    # resumes where it was stopped or killed\npnpm study:apet report             # writes this page\n```",
    `The ladder has ${smallest} ${smallest === 1 ? "size" : "sizes"} (${extent.ladder.join(", ")}): all saplings of version 1 that are shipped. Another size joins it by being shipped; three are wanted before anything is said of a trend. Counts leave out tables that are looked up. Rates are chosen by successive halving, ${extent.rates.length} levels with one budget for every method, position and count, on development rows and a seed that is not reported. Intervals are 95 % t intervals; a claim holds when all of its interval meets the criterion.`,
    planText(await readPlan(folder), parts),
    ...texts.map(({ text }) => text),
    "## What did not reproduce",
    reproduced,
    "No table of the papers could be had, so shapes are compared and no numbers.",
  ].join("\n\n");
  return { markdown: `${markdown}\n`, figures: new Map(texts.flatMap(({ figures }) => figures)) };
}
