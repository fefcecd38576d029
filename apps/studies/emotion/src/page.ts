/** The results as a page in Markdown and as one file of HTML: both are a function of what the folders hold. */
import { loadStudy, type MeasuredClaim, reportStudy, type StudyState } from "@cambium/experiments";
import { type Block, type Figure, report, type Section, table } from "@cambium/report";
import { ablationFigures, promptFigures, similarityFigures } from "./figures.ts";
import type { Part } from "./parts.ts";
import type { Extent } from "./plan.ts";
import type { AblationResult, PromptResult, SimilarityResult } from "./runs.ts";

/** A page, the figures that it shows by file name, and the report. */
export interface Page {
  readonly markdown: string;
  readonly figures: ReadonlyMap<string, string>;
  readonly html: string;
}

const row = (cells: readonly (string | number)[]): string =>
  `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;

const tableOf = (heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(heads), row(heads.map(() => "---")), ...rows.map(row)].join("\n");

/** What the page shows; the report has all figures. */
const SHOWN = [
  /^Distances of emotions to the model/,
  /^Similarity by layer/,
  /^Tau of significant/,
  /^Significant neurons as counted/,
  /^Accuracy by emotion/,
  /^Drop by attribute/,
  /^Development accuracy/,
];

/** Three significant digits at least. */
const number = (value: number | undefined): string =>
  value === undefined
    ? "–"
    : Math.abs(value) >= 100
      ? value.toFixed(0)
      : Math.abs(value) >= 10
        ? value.toFixed(1)
        : value.toFixed(3);

function measuredText({ measured, units, missing, runs }: MeasuredClaim): string {
  if (measured === undefined) return "not run yet";
  const interval =
    measured.low === undefined ? "" : ` [${number(measured.low)}, ${number(measured.high)}], n = ${units}`;
  const open = missing.length === 0 ? "" : `; ${missing.length} of ${runs} runs missing`;
  return `${number(measured.mean)}${interval}${open}`;
}

const verdictText = ({ verdict, measured }: MeasuredClaim): string =>
  verdict === "open" && measured === undefined ? "not run yet" : verdict;

/** A finished run with what it returned. */
export interface Finished<Result> {
  readonly cell: Readonly<Record<string, unknown>>;
  readonly result: Result;
}

function finished<Result>({ board, records }: StudyState): Finished<Result>[] {
  return board.grid.flatMap(({ run }) => {
    const record = run === undefined ? undefined : records.get(run.key);
    return record?.status === "done" ? [{ cell: run!.cell, result: record.result as Result }] : [];
  });
}

/** Means over the seeds of every metric, one row for each kind of run. */
function meansTable(part: Part, state: StudyState): string {
  const runs = finished<Readonly<Record<string, number>>>(state);
  const groups = new Map<string, typeof runs>();
  for (const run of runs) {
    const name = `${run.cell["representation"]}${run.cell["weights"] === "random" ? ", random weights" : ""}`;
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  const names = [...groups.keys()];
  const rows = Object.entries(part.study.metrics).map(([metric, { unit, digits = 3 }]) => [
    unit === undefined ? metric : `${metric} (${unit})`,
    ...names.map((name) => {
      const values = groups.get(name)!.map(({ result }) => result[metric]!);
      return (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(digits);
    }),
  ]);
  return tableOf(["mean over seeds", ...names], rows);
}

function figuresOf(part: Part, state: StudyState): readonly Figure[] {
  if (part.kind === "similarity") return similarityFigures(finished<SimilarityResult>(state));
  if (part.kind === "ablation") return ablationFigures(finished<AblationResult>(state));
  return promptFigures(finished<PromptResult>(state));
}

interface PartText {
  readonly markdown: string;
  readonly section: Section;
  readonly figures: readonly (readonly [string, string])[];
  readonly lost: readonly string[];
  readonly last: string;
  /** Of all runs, in ms. */
  readonly durationMs: number;
}

async function partText(part: Part): Promise<PartText> {
  const state = await loadStudy(part.study, part.folder);
  const { claims } = reportStudy(part.study, state);
  const records = [...state.records.values()];
  const done = records.filter(({ status }) => status === "done").length;
  const drawn = done === 0 ? [] : figuresOf(part, state);
  const figures = drawn
    .filter(({ title }) => SHOWN.some((pattern) => pattern.test(title)))
    .map((figure, i) => [`${part.name}-${i + 1}.svg`, figure] as const);
  const heads = ["claim", "criterion", "measured", "verdict"];
  const rows = claims.map((claim) => [claim.claim.claim, claim.criterion, measuredText(claim), verdictText(claim)]);
  const durationMs = records.reduce((sum, record) => sum + record.durationMs, 0);
  const total = state.board.runs.length;
  const failed = records.length - done;
  const progress = `${done} of ${total} runs done${failed === 0 ? "" : `, ${failed} failed`}${done === 0 ? "" : `, ${(durationMs / 60_000).toFixed(1)} min in all`}.`;
  const blocks: Block[] = [
    `${part.about} ${progress}`,
    table({
      caption: "Claims, stated before any run; 95 % t intervals over seeds",
      columns: heads.map((name) => ({ name })),
      rows,
    }),
    ...drawn,
  ];
  const markdown = [
    `## ${part.title}`,
    part.about,
    progress,
    tableOf(heads, rows),
    ...(done === 0 ? [] : [meansTable(part, state)]),
    ...figures.map(([name, figure]) => `![${figure.title}](emotion/${name})`),
  ].join("\n\n");
  return {
    markdown,
    section: { title: part.title, blocks },
    figures: figures.map(([name, figure]) => [name, figure.svg()]),
    lost: claims.filter(({ verdict }) => verdict === "not held").map(({ claim }) => `${part.title}: ${claim.claim}`),
    last:
      records
        .map(({ endedAt }) => endedAt)
        .toSorted()
        .at(-1) ?? "",
    durationMs,
  };
}

const ABOUT =
  "Li et al. (2024, arXiv:2302.09582) find that a language model holds human attributes of emotions in single neurons, and that taking out an attribute's neurons hurts the inference of emotions as much as the attribute shapes how similar people find emotions. This page is what came of their method here, with the controls that their data call for: labels are permuted in place of counting pairs as independent, random sets are matched by layer, neurons are chosen on other texts than they are judged on.";

const DATA =
  "Texts are GoEmotions' (CC BY 4.0). Of the study's 14 attributes, 7 have data that may be passed on: valence (VADER, MIT), and for the six faces whether GoEmotions counts an emotion to Ekman's. Arousal and the six appraisals have none, and neither has judged similarity: in its place stands how differently people give the labels together (`people`), which agrees with the study's judgements by 0.66. Intervals are over seeds, which draw texts, templates, prompts and random sets: they say how far the sample matters, not how far other models or other people would agree.";

/** The page and the report. The same results give the same bytes. */
export async function writePage(parts: readonly Part[], extent: Extent): Promise<Page> {
  const texts: PartText[] = [];
  for (const part of parts) texts.push(await partText(part));
  const last = texts
    .map((text) => text.last)
    .toSorted()
    .at(-1)!;
  const lost = texts.flatMap((text) => text.lost);
  const state = last === "" ? "**Nothing has been run yet.**" : `The last result is of ${last.slice(0, 10)}.`;
  const encoder = parts.map((part, i) => (part.name.endsWith("-encoder") ? texts[i]!.durationMs : 0));
  const minutes = encoder.reduce((sum, ms) => sum + ms, 0) / 60_000;
  const markdown = [
    "# Emotions in neurons",
    "<!-- Written by `pnpm study:emotion report`; do not edit. -->",
    `${ABOUT} ${state}`,
    "```sh\npnpm study:emotion plan      # runs and hours, and every claim with its criterion\npnpm study:emotion run       # resumes where it was stopped or killed\npnpm study:emotion report    # writes this page, and report.html with all figures\n```",
    DATA,
    ...(minutes === 0
      ? []
      : [`All runs on ${extent.encoder} took ${minutes.toFixed(1)} min, on two cores that other work shared.`]),
    ...texts.map((text) => text.markdown),
    "## What did not hold",
    lost.length === 0
      ? "No claim has been decided against so far."
      : [
          "A claim holds when its whole interval meets the criterion; these do not:",
          ...lost.map((claim) => `- ${claim}`),
        ].join("\n"),
  ].join("\n\n");
  const html = report({
    title: "Emotions in neurons",
    sections: [{ title: "What this is", blocks: [ABOUT, DATA] }, ...texts.map(({ section }) => section)],
  }).html();
  return { markdown: `${markdown}\n`, figures: new Map(texts.flatMap(({ figures }) => figures)), html };
}
