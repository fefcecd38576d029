/**
 * The page about evaluations. `evaluationReport` at the end puts the sections in order; each function above makes one
 * section, or a part of it, from summaries and records. Figures and HTML are made by `@cambium/report`.
 */

import { parseConfig } from "@cambium/base";
import type { Block, Report, Section } from "@cambium/report";
import * as z from "zod";
import type { KeptEvaluation } from "../results/load-results.ts";
import type { EvaluationRecord } from "../results/record.ts";
import type { EvaluationSummary, GroupSummary } from "../summary.ts";
import type { Interval } from "../wilson.ts";
import { loadReportPackage, type ReportPackage } from "./report-package.ts";
import { trajectoryBlocks } from "./trajectory-blocks.ts";

/** A run with the name that it has in a report. */
export interface ReportedEvaluation extends KeptEvaluation {
  /** @default the method's */
  readonly name?: string;
}

/** Settings of `evaluationReport`. */
export interface EvaluationReportOptions {
  /** @default "Evaluation" */
  readonly title?: string;
  /** Stands under the title, before what the figures say. For example where the problems come from. */
  readonly note?: string;
  /** Further sections, before the trajectories. @default none */
  readonly sections?: readonly Section[];
  /** Trajectories on the page, the first of each run; `trajectoryReport` shows others. @default 200 */
  readonly trajectories?: number;
}

const optionsSchema = z.strictObject({
  title: z.string().optional(),
  note: z.string().optional(),
  sections: z.array(z.looseObject({ title: z.string() })).optional(),
  trajectories: z.int().min(0).optional(),
});

const rangeSchema = z.strictObject({ from: z.int().min(0), count: z.int().min(0) });

const percent = (share: number): number => share * 100;
/** An interval in percent that stays on one line. */
const intervalText = ({ low, high }: Interval): string =>
  `${percent(low).toFixed(1)}\u2060–\u2060${percent(high).toFixed(1)}`;
const percentText = (share: number): string => `${percent(share).toFixed(1)} %`;

const nameOf = ({ name, manifest }: ReportedEvaluation): string => name ?? manifest.method;

/** The graders of all runs, in the order of the first one. */
const gradersOf = (runs: readonly ReportedEvaluation[]): readonly string[] => [
  ...new Set(runs.flatMap(({ manifest }) => manifest.graders)),
];

function summaryText(runs: readonly ReportedEvaluation[]): string {
  const [grader] = gradersOf(runs);
  return runs
    .map((run) => {
      const { summary } = run;
      const { count, low, high } = summary.accuracy[grader!] ?? { count: 0, low: 0, high: 1 };
      const interval = `95 % interval ${percentText(low)} to ${percentText(high)}`;
      return `${nameOf(run)}: ${count} of ${summary.total} right (${summary.total === 0 ? "no rows yet" : interval}).`;
    })
    .join(" ");
}

function overview(runs: readonly ReportedEvaluation[], { table, plotPoints }: ReportPackage): Section {
  const graders = gradersOf(runs);
  const [first] = graders;
  const results = table({
    caption: "Shares of all rows, with 95 % intervals after Wilson",
    columns: [
      { name: "method" },
      { name: "rows" },
      { name: first!, unit: "%", digits: 1 },
      { name: "interval" },
      ...graders.slice(1).map((grader) => ({ name: grader, unit: "%", digits: 1 })),
      { name: "wrong", unit: "%", digits: 1 },
      { name: "no answer", unit: "%", digits: 1 },
      { name: "first try", unit: "%", digits: 1 },
    ],
    rows: runs.map((run) => {
      const { summary } = run;
      return [
        nameOf(run),
        summary.total,
        ...graders.flatMap((grader, i) => {
          const share = summary.accuracy[grader];
          const shown = share === undefined ? undefined : percent(share.rate);
          return i === 0 ? [shown, share === undefined ? undefined : intervalText(share)] : [shown];
        }),
        percent(summary.wrong.rate),
        percent(summary.executionErrors.rate),
        percent(summary.firstTry.rate),
      ];
    }),
  });
  const shown = runs.filter(({ summary }) => summary.total > 0);
  if (shown.length < 2) return { title: "Results", blocks: [results] };
  const chart = plotPoints({
    title: `Accuracy (${first})`,
    description: "Share of right answers with 95 % intervals.",
    value: { label: "right answers", unit: "%", domain: [0, 100] },
    rows: shown.map((run) => accuracyRow(nameOf(run), run.summary, first!)),
  });
  return { title: "Results", blocks: [results, chart] };
}

const accuracyRow = (name: string, group: GroupSummary, grader: string) => {
  const share = group.accuracy[grader]!;
  return { name, value: percent(share.rate), low: percent(share.low), high: percent(share.high) };
};

/** Accuracy by one property: a figure and the numbers behind it. */
function groupBlocks(
  title: string,
  groups: readonly GroupSummary[],
  grader: string,
  { table, plotPoints }: ReportPackage,
): readonly Block[] {
  if (groups.length < 2) return [];
  return [
    plotPoints({
      title,
      description: `Right answers (${grader}) with 95 % intervals after Wilson.`,
      value: { label: "right answers", unit: "%", domain: [0, 100] },
      rows: groups.map((group) => accuracyRow(group.name, group, grader)),
    }),
    table({
      caption: title,
      columns: [
        { name: title.replace(/^Accuracy by /, "") },
        { name: "rows" },
        { name: "right", unit: "%", digits: 1 },
        { name: "interval" },
        { name: "no answer", unit: "%", digits: 1 },
        { name: "first try", unit: "%", digits: 1 },
      ],
      rows: groups.map((group) => {
        const share = group.accuracy[grader]!;
        return [
          group.name,
          group.total,
          percent(share.rate),
          intervalText(share),
          percent(group.executionErrors.rate),
          percent(group.firstTry.rate),
        ];
      }),
    }),
  ];
}

/** How first tries ended, against how the rows ended. */
function outcomeTable(summary: EvaluationSummary, { table }: ReportPackage): Block {
  const order = (outcome: string): string => `${["right", "wrong"].indexOf(outcome) < 0 ? 1 : 0}${outcome}`;
  const sorted = (names: readonly string[]): string[] =>
    [...new Set(names)].sort((a, b) => order(a).localeCompare(order(b)));
  const firsts = sorted(summary.outcomes.map(({ first }) => first));
  const finals = sorted(summary.outcomes.map(({ final }) => final));
  return table({
    caption: "How rows ended (columns) by what their first try came to (rows)",
    columns: [{ name: "first try" }, ...finals.map((name) => ({ name })), { name: "all" }],
    rows: firsts.map((first) => {
      const counts = finals.map(
        (final) => summary.outcomes.find((pair) => pair.first === first && pair.final === final)?.count,
      );
      return [first, ...counts, counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)];
    }),
  });
}

function costTable(runs: readonly ReportedEvaluation[], { table }: ReportPackage): Block {
  return table({
    caption:
      "What it took, all rows together: calls of the model, replies from the store among them, runs in the sandbox",
    columns: [
      { name: "method" },
      { name: "calls" },
      { name: "stored" },
      { name: "tokens in" },
      { name: "tokens out" },
      { name: "cost", unit: "US$", digits: 4 },
      { name: "runs" },
      { name: "calls a row", digits: 2 },
      { name: "s a row", digits: 2 },
    ],
    rows: runs.map((run) => {
      const { cost, total } = run.summary;
      const perRow = (value: number): number | undefined => (total === 0 ? undefined : value / total);
      return [
        nameOf(run),
        cost.modelCalls,
        cost.cachedCalls,
        cost.inputTokens,
        cost.outputTokens,
        cost.usd,
        cost.sandboxRuns,
        perRow(cost.modelCalls),
        perRow(cost.durationMs / 1000),
      ];
    }),
  });
}

/** What the solver said of how it solved the rows, most frequent first. */
function labelTexts({ labels }: EvaluationSummary): readonly string[] {
  return Object.entries(labels).map(([label, counts]) => {
    const sorted = Object.entries(counts).sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
    return `Rows by ${label}: ${sorted.map(([value, count]) => `${value} ${count}`).join(", ")}.`;
  });
}

function anyNumberText({ anyNumber }: EvaluationSummary): readonly string[] {
  return Object.entries(anyNumber).map(
    ([grader, count]) => `The grader "${grader}" judged ${count} answers by any number that was printed.`,
  );
}

/** A row in a line: how it ended, and what was asked. */
function recordTitle({ id, outcome, answer, gold, trajectory }: EvaluationRecord): string {
  const mark = outcome === "right" ? "✓" : "✗";
  const said = outcome === "right" ? answer : `${answer ?? outcome} instead of ${gold}`;
  const { question } = trajectory.task;
  return `${mark} ${id}: ${said ?? "–"} · ${question.length > 90 ? `${question.slice(0, 89)}…` : question}`;
}

/** Rows of a run with their trajectories, from row `from` on. */
async function trajectoryFolds(
  run: KeptEvaluation,
  from: number,
  count: number,
  report: ReportPackage,
): Promise<readonly Block[]> {
  const blocks: Block[] = [];
  let index = 0;
  for await (const record of run.records()) {
    if (index++ < from) continue;
    if (blocks.length >= count) break;
    const { cost, gold, answer, outcome, firstOutcome } = record;
    const after = firstOutcome === outcome ? "" : `, after a first try that came to ${firstOutcome}`;
    const line = `Right answer ${gold}; answered ${answer ?? "nothing"}: ${outcome}${after}. ${cost.modelCalls} calls, ${cost.sandboxRuns} runs.`;
    blocks.push(report.fold(recordTitle(record), [line, ...trajectoryBlocks(record.trajectory, report)]));
  }
  return blocks;
}

async function trajectorySection(run: ReportedEvaluation, limit: number, report: ReportPackage): Promise<Section> {
  const blocks = await trajectoryFolds(run, 0, limit, report);
  const { total } = run.summary;
  const left = total > blocks.length ? [`The first ${blocks.length} of ${total} rows.`] : [];
  return { title: `Trajectories: ${nameOf(run)}`, blocks: [...left, ...blocks] };
}

/**
 * A page with the trajectories of some rows, for runs that are too long for one page.
 *
 * @param range - First row, from 0, and number of rows.
 * @throws {ConfigError} When an option cannot be meant.
 * @throws {StateError} When the package `@cambium/report` is not installed.
 */
export async function trajectoryReport(
  run: ReportedEvaluation,
  range: { readonly from: number; readonly count: number },
): Promise<Report> {
  parseConfig("trajectoryReport", rangeSchema, range);
  const report = await loadReportPackage("trajectoryReport");
  const blocks = await trajectoryFolds(run, range.from, range.count, report);
  const rows = `Rows ${range.from + 1} to ${range.from + blocks.length} of ${run.summary.total}`;
  return report.report({ title: `Trajectories: ${nameOf(run)}`, summary: rows, sections: [{ title: rows, blocks }] });
}

/**
 * A page about one run or several: accuracy by subject, level and hints with intervals, failures before and after repairs,
 * cost, and every trajectory to be opened.
 *
 * @param runs - What `loadResults` read, one for each method or setting.
 * @throws {ConfigError} When an option cannot be meant.
 * @throws {StateError} When the package `@cambium/report` is not installed.
 * @example
 * const page = await evaluationReport([await loadResults("runs/math")], { title: "MATH, 500 problems" });
 * await writeFile("report.html", page.html());
 */
export async function evaluationReport(
  runs: readonly ReportedEvaluation[],
  options: EvaluationReportOptions = {},
): Promise<Report> {
  parseConfig("evaluationReport", optionsSchema, options);
  const report = await loadReportPackage("evaluationReport");
  const { title = "Evaluation", note, sections = [], trajectories = 200 } = options;
  const [grader] = gradersOf(runs);
  const perRun = runs.flatMap((run): readonly Section[] => {
    const { summary } = run;
    if (summary.total === 0) return [];
    const suffix = runs.length > 1 ? `: ${nameOf(run)}` : "";
    const groups = Object.entries(summary.groups).flatMap(([name, parts]) =>
      groupBlocks(`Accuracy by ${name}`, parts, grader!, report),
    );
    return [
      ...(groups.length === 0 ? [] : [{ title: `Where it is right${suffix}`, blocks: groups }]),
      {
        title: `Failures and repairs${suffix}`,
        blocks: [outcomeTable(summary, report), ...labelTexts(summary), ...anyNumberText(summary)],
      },
    ];
  });
  return report.report({
    title,
    summary: [note, summaryText(runs)].filter((text) => text !== undefined).join("\n\n"),
    sections: [
      overview(runs, report),
      ...perRun,
      { title: "Cost", blocks: [costTable(runs, report)] },
      ...sections,
      ...(await Promise.all(runs.map((run) => trajectorySection(run, trajectories, report)))),
      { title: "Settings", blocks: runs.map((run) => report.settings(nameOf(run), run.manifest.settings as object)) },
    ],
  });
}
