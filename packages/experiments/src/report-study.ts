/** The report of a study: claims first, then what was measured, then what is missing, then the plan. */
import type { JsonObject } from "@cambium/base";
import {
  type Block,
  type Figure,
  fold,
  report,
  type Section,
  settings,
  type Table,
  type Cell as TableCell,
  table,
} from "@cambium/report";
import { type MeasuredClaim, measureClaims, missingText } from "./claims.ts";
import { drawFigure } from "./figures.ts";
import { cellText } from "./grid.ts";
import { groupRuns } from "./groups.ts";
import { stepsOf } from "./halving.ts";
import { changeText, comparePlans } from "./plans.ts";
import type { StudyState } from "./state.ts";
import type { Metric, Study } from "./study.ts";

/** A report with its parts. */
export interface StudyReport {
  readonly claims: readonly MeasuredClaim[];
  /** The claims as a table: claim, criterion, measured with interval, verdict. */
  readonly claimTable: Table;
  /** Figures by the name of a file for their SVG, without its ending. */
  readonly figures: ReadonlyMap<string, Figure>;
  /** The whole as one HTML file. The same results give the same bytes. */
  html(): string;
}

function show(value: number | undefined, { digits }: Metric): string {
  if (value === undefined) return "–";
  if (digits !== undefined) return value.toFixed(digits);
  return String(Number(value.toPrecision(4)));
}

function claimRow(study: Study, measured: MeasuredClaim): TableCell[] {
  const { claim, criterion, measured: found, units, verdict } = measured;
  const metric = study.metrics[claim.metric]!;
  const unit = metric.unit === undefined ? "" : ` ${metric.unit}`;
  const interval =
    found?.low === undefined
      ? ""
      : ` [${show(found.low, metric)}, ${show(found.high, metric)}], ${claim.interval}, n = ${units}`;
  const value = found === undefined ? "nothing yet" : `${show(found.mean, metric)}${unit}${interval}`;
  const missing = missingText(measured);
  return [claim.claim, criterion, missing === "" ? value : `${value}; ${missing}`, verdict];
}

function resultTable(study: Study, state: StudyState): Table {
  const factors = Object.keys(study.factors).filter((factor) => factor !== study.replicate);
  const metrics = Object.entries(study.metrics);
  const rows = groupRuns(state, factors).map((group) => {
    const counts = metrics.map(([metric]) => group.values(metric).length);
    const values = metrics.flatMap(([name, metric]): TableCell[] => {
      const found = group.measure(name);
      const interval =
        found?.low === undefined ? undefined : `[${show(found.low, metric)}, ${show(found.high, metric)}]`;
      return [found?.mean, interval];
    });
    return [
      ...factors.map((factor) => String(group.cell[factor])),
      `${Math.min(...counts)} of ${group.runs}`,
      ...values,
    ];
  });
  const columns = metrics.flatMap(([name, metric]) => [{ name, ...metric }, { name: "95 % t interval" }]);
  const heads = [...factors.map((name) => ({ name })), { name: "runs" }, ...columns];
  return table({ caption: `Means over ${study.replicate}`, columns: heads, rows });
}

function tuningTable(study: Study, state: StudyState): Block[] {
  const { tuning } = study;
  if (tuning === undefined) return [];
  const best = tuning.goal === "max" ? "highest" : "lowest";
  const rows = state.board.tuned.map(({ group, rounds, chosen, stuck }, index) => [
    cellText(group),
    ...tuning.groups[0]!.values.map((_, i) => {
      const level = tuning.groups[index]!.values[i]!;
      const last = rounds.findLast(({ trials }) => trials.some((trial) => trial.level === level))!;
      const { score, failed } = last.trials.find((trial) => trial.level === level)!;
      return `${level}: ${failed ? "failed" : show(score, study.metrics[tuning.metric]!)} at ${last.budget}`;
    }),
    chosen === undefined ? (stuck ? "none: all failed" : undefined) : String(chosen),
  ]);
  const levels = tuning.groups[0]!.values.map((_, i) => ({ name: `level ${i + 1}` }));
  return [
    `Successive halving with eta ${tuning.eta} by the ${best} ${tuning.metric}, ${stepsOf(tuning)} steps for each of ${rows.length} groups. Each level is shown with the ${tuning.metric} and the steps of its last round.`,
    table({ caption: `Tuned ${tuning.factor}`, columns: [{ name: "group" }, ...levels, { name: "chosen" }], rows }),
  ];
}

/** Runs without a result, whatever the reason. */
function missingBlocks({ board, records, damaged, others }: StudyState): Block[] {
  const failed = board.runs.flatMap((run) => {
    const record = records.get(run.key);
    return record?.status === "failed" ? [[cellText(run.cell), record.message.split("\n")[0]!] as const] : [];
  });
  const open = board.runs.filter(({ key }) => !records.has(key));
  const blocks: Block[] = [];
  if (open.length > 0 || board.waiting > 0) {
    const list = open.map(({ cell, budget }) => [
      `${cellText(cell)}${budget === undefined ? "" : `, ${budget} steps`}`,
    ]);
    const waiting = board.waiting === 0 ? "" : ` ${board.waiting} more wait for the tuning.`;
    blocks.push(`${open.length} runs have not been done.${waiting}`);
    if (list.length > 0)
      blocks.push(fold("Runs not done", [table({ caption: "Not done", columns: [{ name: "run" }], rows: list })]));
  }
  if (board.stuck > 0) blocks.push(`${board.stuck} runs cannot start: every level that their tuning tried failed.`);
  if (failed.length > 0) {
    blocks.push(table({ caption: "Failed", columns: [{ name: "run" }, { name: "why" }], rows: failed }));
  }
  if (damaged.length > 0) {
    const rows = damaged.map(({ name, problem }) => [name, problem]);
    blocks.push(table({ caption: "Damaged result files", columns: [{ name: "file" }, { name: "problem" }], rows }));
  }
  if (others > 0) blocks.push(`The folder holds ${others} results of former plans, which are not counted.`);
  return blocks.length === 0 ? ["Nothing: every run has a result."] : blocks;
}

/** What was changed of a study's plan since its folder was begun, a sentence for each time; nothing where nothing was. */
export function planChanges(study: Study, { plans }: Pick<StudyState, "plans">): readonly string[] {
  const between = (before: JsonObject, after: JsonObject): string => {
    const changes = comparePlans(before, after);
    const told = changes.filter(({ path }) => path !== "cells.sha256"); // follows from the others
    return (told.length > 0 ? told : changes).map(changeText).join("; ");
  };
  const changes = plans.slice(1).map(({ plan, results }, i) => {
    return `The plan was changed when ${results} results were in: ${between(plans[i]!.plan, plan)}.`;
  });
  const last = plans.at(-1);
  const open = last === undefined ? "" : between(last.plan, study.plan);
  return open === "" ? changes : [...changes, `Not the plan that the runs were begun with: ${open}.`];
}

const planBlocks = (study: Study, state: StudyState): Block[] => [
  ...planChanges(study, state),
  settings("The plan, as it was stated before the runs", study.plan),
];

/** Names of files for figures: their titles' letters and digits, made different where they are not. */
function nameFigures(titles: readonly string[]): string[] {
  const taken = new Set<string>();
  return titles.map((title) => {
    const plain =
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}]+/gu, "-")
        .replace(/^-|-$/g, "") || "figure";
    let name = plain;
    for (let i = 2; taken.has(name); i++) name = `${plain}-${i}`;
    taken.add(name);
    return name;
  });
}

/**
 * The report of a study from the results there are: a table of claims with their criteria and verdicts, figures, means
 * with intervals, the tuning, what is missing or failed, and the plan with all that was changed of it.
 *
 * Claims with missing runs are open, and figures and tables say how many runs they lack.
 */
export function reportStudy(study: Study, state: StudyState): StudyReport {
  const claims = measureClaims(study, state);
  const claimTable = table({
    caption: "Each claim with its criterion and what was measured",
    columns: [{ name: "claim" }, { name: "criterion" }, { name: "measured" }, { name: "verdict" }],
    rows: claims.map((claim) => claimRow(study, claim)),
  });
  const drawn = study.figures.map((options) => drawFigure(study, state, options));
  const names = nameFigures(study.figures.map(({ title }) => title));
  const figures = new Map(
    drawn.flatMap((figure, i) => (typeof figure === "string" ? [] : [[names[i]!, figure] as const])),
  );
  const count = (verdict: MeasuredClaim["verdict"]): number =>
    claims.filter((claim) => claim.verdict === verdict).length;
  const summary =
    claims.length === 0
      ? "No claims were stated."
      : `Claims: ${count("held")} held, ${count("not held")} not held, ${count("open")} open.`;
  const tuned = tuningTable(study, state);
  const sections: Section[] = [
    { title: "Claims", blocks: [claimTable] },
    { title: "Figures", blocks: drawn },
    { title: "Results", blocks: [resultTable(study, state)] },
    { title: "Tuning", blocks: tuned },
    { title: "Missing", blocks: missingBlocks(state) },
    { title: "Plan", blocks: planBlocks(study, state) },
  ].filter(({ title, blocks }) => blocks.length > 0 && (title !== "Claims" || claims.length > 0));
  const page = report({ title: study.name, summary, sections });
  return { claims, claimTable, figures, html: () => page.html() };
}
