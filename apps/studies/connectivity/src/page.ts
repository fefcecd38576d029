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

function measuredText({ measured, units, missing, runs }: MeasuredClaim): string {
  if (measured === undefined) return "not run yet";
  const digits = (value: number | undefined): string => (value === undefined ? "–" : value.toFixed(3));
  const interval =
    measured.low === undefined ? "" : ` [${digits(measured.low)}, ${digits(measured.high)}], n = ${units}`;
  const open = missing.length === 0 ? "" : `; ${missing.length} of ${runs} runs missing`;
  return `${digits(measured.mean)}${interval}${open}`;
}

/** A page and the figures that it shows, by file name. */
export interface Page {
  readonly markdown: string;
  readonly figures: ReadonlyMap<string, string>;
}

/** The page. The same results give the same bytes. */
export async function writePage(parts: readonly Part[], extent: Extent, folder: string): Promise<Page> {
  const figures = new Map<string, string>();
  const texts: string[] = [];
  const lost: string[] = [];
  let isBegun = false;
  for (const part of parts) {
    const state = await loadStudy(part.study, part.folder);
    const { claims, figures: drawn } = reportStudy(part.study, state);
    isBegun ||= state.records.size > 0;
    const names = [...drawn].map(([name, figure]) => {
      figures.set(`${part.name}-${name}.svg`, figure.svg());
      return `${part.name}-${name}`;
    });
    lost.push(
      ...claims.filter(({ verdict }) => verdict === "not held").map(({ claim }) => `${part.name}: ${claim.claim}`),
    );
    const total = state.board.runs.length + state.board.waiting + state.board.stuck;
    const rows = claims.map((claim) => [
      claim.claim.claim,
      claim.criterion,
      measuredText(claim),
      claim.measured === undefined ? "not run yet" : claim.verdict,
    ]);
    texts.push(
      [
        `## ${part.title}`,
        part.about,
        `${state.records.size} of ${total} runs have a result.`,
        tableOf(["claim", "criterion", "measured", "verdict"], rows),
        ...names.map((name) => `![${name.replaceAll("-", " ")}](connectivity/${name}.svg)`),
      ].join("\n\n"),
    );
  }
  const plan = await readPlan(folder);
  const planned =
    plan === undefined
      ? "The time that it takes has not been measured: `pnpm study:connectivity plan`."
      : [
          `Planned on ${plan.date} by one measured step of each kind (${plan.machine}):`,
          tableOf(
            ["part", "runs", "hours of one core"],
            plan.parts.map(({ name, runs, hours }) => [name, runs, hours.toFixed(2)]),
          ),
        ].join("\n\n");
  const markdown = [
    "# Mode connectivity of tuned models",
    "<!-- Written by `pnpm study:connectivity report`; do not edit. -->",
    `Qin et al. (2022, arXiv:2210.14102) find that full fine-tunings of one pretrained model are connected by lines of low loss, that small deltas are less so, and that more pretraining brings tunings closer. This page is what came of testing it on ${extent.model}${isBegun ? "" : ": **nothing has been run yet**"}.`,
    "```sh\npnpm study:connectivity plan               # runs and hours, by one measured step of each kind\npnpm study:connectivity run --workers 2    # resumes where it was stopped or killed\npnpm study:connectivity report             # writes this page\n```",
    "Barriers are the largest loss above the chord between both ends (Entezari et al. 2022), in nats, on rows that neither end learned from. Intervals are 95 % t intervals over seeds and tasks; a claim holds when all of its interval meets the criterion. Learning rates were not tuned.",
    planned,
    ...texts,
    "## What did not reproduce",
    lost.length === 0
      ? "No claim has been decided against so far."
      : ["These claims did not hold at this scale:", ...lost.map((claim) => `- ${claim}`)].join("\n"),
  ].join("\n\n");
  return { markdown: `${markdown}\n`, figures };
}
