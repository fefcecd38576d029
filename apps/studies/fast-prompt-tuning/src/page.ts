/** The results as a page in Markdown: a function of what the folders hold. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadStudy, type MeasuredClaim, reportStudy } from "@cambium/experiments";
import type { Part } from "./parts.ts";
import type { Extent } from "./plan.ts";

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
    ...figures.map(([name]) => `![${name.replace(/\.svg$/, "").replaceAll("-", " ")}](fast-prompt-tuning/${name})`),
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
  if (plan === undefined) return "The time that it takes has not been measured: `pnpm study:fast-prompt-tuning plan`.";
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
  const markdown = [
    "# Fast prompt tuning",
    `<!-- Written by \`pnpm study:fast-prompt-tuning report\`; do not edit. -->`,
    `Huang et al. (Findings of EMNLP 2022, arXiv:2211.06840) train a prompt on a part of the model first, fewer layers and fewer feed-forward neurons, and grow the model in stages: over 30 % of the training compute saved at comparable scores on T5-large. This page is what came of testing it here: ${last === "" ? "**nothing has been run yet**: no table below holds a result, and no saving of a whole study is claimed" : `the last result is of ${last.slice(0, 10)}`}.`,
    "```sh\npnpm study:fast-prompt-tuning plan               # runs and hours, by one measured step of each kind\npnpm study:fast-prompt-tuning run --workers 2    # resumes where it was stopped or killed\npnpm study:fast-prompt-tuning report             # writes this page\n```",
    `Five methods on the same rows, seed by seed: ordinary prompt tuning; growth of depth, of width and of both, by the paper's shares (20, 20, 20 and 40 % of ${extent.steps} steps); and ordinary prompt tuning stopped at the cost of growth of both. Operations are counted by hand, forward and backward, with the passes that score neurons; the wall clock counts scoring and the making of parts and graphs. Intervals are 95 % t intervals over seeds; a claim holds when all of its interval meets the criterion.`,
    planText(await readPlan(folder), parts),
    ...texts.map(({ text }) => text),
    "## What did not reproduce",
    reproduced,
    "Not measured here: T5, tasks that generate text, ablations of the number, the order and the shares of stages, peak memory, and the similarity of prompts of different parts, for which the package has the instruments.",
  ].join("\n\n");
  return { markdown: `${markdown}\n`, figures: new Map(texts.flatMap(({ figures }) => figures)) };
}
