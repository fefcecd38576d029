/** The results as a page in Markdown and as one file of HTML: both are a function of what the folders hold. */
import {
  type FinishedRun,
  loadStudy,
  type MeasuredClaim,
  planChanges,
  reportStudy,
  type StudyState,
} from "@cambium/experiments";
import { type Block, type Figure, report, type Section, table } from "@cambium/report";
import { markdownTable } from "./markdown.ts";
import { planText, readPlan } from "./plan-file.ts";
import type { NamedExtent, Part, StudyProgram } from "./program.ts";

/** A finished run with what it returned. */
export interface Finished<Result> {
  readonly cell: FinishedRun["cell"];
  readonly result: Result;
}

/** A part with the results that there are. */
export interface PartState<OfPart extends Part = Part> {
  readonly part: OfPart;
  readonly state: StudyState;
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  /** Time that all runs with a result took, in ms. */
  readonly durationMs: number;
}

/** What a study says on its page, beside claims and figures. */
export interface PageText<Extent extends NamedExtent, OfPart extends Part = Part> {
  readonly title: string;
  /** The first paragraph: what is asked, and who claims it. How far the study is follows. */
  lead(extent: Extent): string;
  /** Paragraphs before the parts: what is done, and how. */
  about(extent: Extent, parts: readonly PartState<OfPart>[]): readonly string[];
  /** Markdown of a part after its claims. Not asked for while nothing is done. */
  partText?(part: PartState<OfPart>, extent: Extent): readonly string[];
  /** Figures of a part, those first that the page shows. @default all that its study declares, all shown */
  partFigures?(part: PartState<OfPart>): { readonly shown: readonly Figure[]; readonly others: readonly Figure[] };
  /** The last paragraphs. */
  readonly closing?: readonly string[];
}

/** A page, its figures by file name, and the report. */
export interface Page {
  readonly markdown: string;
  readonly figures: ReadonlyMap<string, string>;
  readonly html: string;
}

/** Runs of the grid that are done, with what they returned. */
export function finishedRuns<Result = FinishedRun["result"]>({ board, records }: StudyState): Finished<Result>[] {
  return board.grid.flatMap(({ run }) => {
    const record = run === undefined ? undefined : records.get(run.key);
    return record?.status === "done" ? [{ cell: run!.cell, result: record.result as Result }] : [];
  });
}

/** A number by the digits of its metric; of a statistic, which has none, by three significant ones at least. */
function numberText(value: number | undefined, digits: number | undefined): string {
  if (value === undefined) return "–";
  if (digits !== undefined) return value.toFixed(digits);
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3);
}

function measuredText({ claim, measured, units, missing, runs }: MeasuredClaim, { study }: Part): string {
  if (measured === undefined) return "not run yet";
  const digits = claim.statistic === undefined ? study.metrics[claim.metric]?.digits : undefined;
  const text = (value: number | undefined): string => numberText(value, digits);
  const interval = measured.low === undefined ? "" : ` [${text(measured.low)}, ${text(measured.high)}], n = ${units}`;
  return `${text(measured.mean)}${interval}${missing.length === 0 ? "" : `; ${missing.length} of ${runs} runs missing`}`;
}

async function stateOf(part: Part): Promise<PartState> {
  const state = await loadStudy(part.study, part.folder);
  const records = [...state.records.values()];
  const done = records.filter(({ status }) => status === "done").length;
  return {
    part,
    state,
    done,
    failed: records.length - done,
    total: state.board.runs.length + state.board.waiting + state.board.stuck,
    durationMs: records.reduce((sum, record) => sum + record.durationMs, 0),
  };
}

interface PartPage {
  readonly markdown: string;
  readonly section: Section;
  readonly figures: readonly (readonly [string, string])[];
  readonly lost: readonly string[];
}

const HEADS = ["claim", "criterion", "measured", "verdict"];

function partPage<Extent extends NamedExtent>(
  { name, page }: StudyProgram<Extent>,
  extent: Extent,
  found: PartState,
): PartPage {
  const { part, state, done, failed, total, durationMs } = found;
  const { claims, figures: declared } = reportStudy(part.study, state);
  const { shown, others } =
    done === 0
      ? { shown: [], others: [] }
      : (page.partFigures?.(found) ?? { shown: [...declared.values()], others: [] });
  const figures = shown.map((figure, i) => [`${part.name}-${i + 1}.svg`, figure] as const);
  const rows = claims.map((claim) => [
    claim.claim.claim,
    claim.criterion,
    measuredText(claim, part),
    claim.measured === undefined ? "not run yet" : claim.verdict,
  ]);
  const progress = `${done} of ${total} runs done${failed === 0 ? "" : `, ${failed} failed`}${done === 0 ? "" : `, ${(durationMs / 60_000).toFixed(1)} min in all`}.`;
  const changes = planChanges(part.study, state);
  const blocks: Block[] = [
    `${part.about} ${progress}`,
    ...changes,
    ...(rows.length === 0
      ? [] // a part that makes what others measure
      : [table({ caption: "Claims, stated before any run", columns: HEADS.map((head) => ({ name: head })), rows })]),
    ...shown,
    ...others,
  ];
  const markdown = [
    `## ${part.title}`,
    part.about,
    progress,
    ...changes,
    ...(rows.length === 0 ? [] : [markdownTable(HEADS, rows)]),
    ...(done === 0 ? [] : (page.partText?.(found, extent) ?? [])),
    ...figures.map(([file, figure]) => `![${figure.title}](${name}/${file})`),
  ].join("\n\n");
  return {
    markdown,
    section: { title: part.title, blocks },
    figures: figures.map(([file, figure]) => [file, figure.svg()]),
    lost: claims.filter(({ verdict }) => verdict === "not held").map(({ claim }) => `${part.title}: ${claim.claim}`),
  };
}

/** The page and the report. The same results give the same bytes. */
export async function writePage<Extent extends NamedExtent>(
  program: StudyProgram<Extent>,
  parts: readonly Part[],
  extent: Extent,
  folder: string,
): Promise<Page> {
  const { name, page } = program;
  const states: PartState[] = [];
  for (const part of parts) states.push(await stateOf(part));
  const pages = states.map((state) => partPage(program, extent, state));
  const last = states
    .flatMap(({ state }) => [...state.records.values()].map(({ endedAt }) => endedAt))
    .toSorted()
    .at(-1);
  const lead = `${page.lead(extent)} ${last === undefined ? "**Nothing has been run yet.**" : `The last result is of ${last.slice(0, 10)}.`}`;
  const about = page.about(extent, states);
  const lost = pages.flatMap((each) => each.lost);
  const markdown = [
    `# ${page.title}`,
    `<!-- Written by \`pnpm study:${name} report\`; do not edit. -->`,
    lead,
    `\`\`\`sh\npnpm study:${name} plan                # runs and hours, and every claim with its criterion\npnpm study:${name} run --minutes 30    # resumes where it was stopped or killed\npnpm study:${name} report              # writes this page, and report.html with all figures\n\`\`\``,
    ...about,
    planText(name, await readPlan(folder), parts),
    ...pages.map((each) => each.markdown),
    "## What did not hold",
    lost.length === 0
      ? "No claim has been decided against so far."
      : [
          "A claim holds when its whole interval meets the criterion; these do not:",
          "",
          ...lost.map((claim) => `- ${claim}`),
        ].join("\n"),
    ...(page.closing ?? []),
  ].join("\n\n");
  const html = report({
    title: page.title,
    sections: [{ title: "What this is", blocks: [lead, ...about] }, ...pages.map(({ section }) => section)],
  }).html();
  return { markdown: `${markdown}\n`, figures: new Map(pages.flatMap(({ figures }) => figures)), html };
}
