/** The report of a run as a page. */

import type { LabelScore } from "@cambium/models";
import {
  type Block,
  plotLines,
  type Report,
  report,
  type Section,
  settings,
  table as showTable,
} from "@cambium/report";
import { type Findings, reportOf } from "./findings.ts";

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Mistakes that are shown, and letters of each text. */
const MISTAKES = 20;
const LETTERS = 240;

const shortened = (text: string): string => (text.length <= LETTERS ? text : `${text.slice(0, LETTERS)} …`);

function curves({ lines, counts }: Findings): Block[] {
  const losses = lines.flatMap(({ step, loss }) => (loss === undefined ? [] : [{ x: step, y: loss }]));
  const scores = lines.flatMap(({ step, score }) => (score === undefined ? [] : [{ x: step, y: score }]));
  const size = Math.max(1, Math.ceil(losses.length / 60));
  const means = Array.from({ length: Math.ceil(losses.length / size) }, (_, i) => {
    const group = losses.slice(i * size, (i + 1) * size);
    return { x: group.at(-1)!.x, y: group.reduce((sum, { y }) => sum + y, 0) / group.length };
  });
  return [
    plotLines({
      title: "Training loss",
      description:
        size === 1 ? "Of each batch, before its update." : `Mean of ${size} batches, before each one's update.`,
      x: { label: "step" },
      y: { label: "loss" },
      series: [{ name: "training", points: means }],
    }),
    plotLines({
      title: `${counts === "macroF1" ? "Macro F1" : "Root mean squared error"} on the rows that choose the best moment`,
      x: { label: "step" },
      y: { label: counts === "macroF1" ? "macro F1" : "error" },
      series: [{ name: "development", points: scores }],
    }),
  ];
}

function results({ metrics, baselines, parts, table }: Findings): Block[] {
  if (table.kind === "numbers") {
    return [
      showTable({
        caption: `On ${parts.test.length} rows that were never seen`,
        columns: [{ name: "measure" }, { name: "value", digits: 4 }],
        rows: Object.entries(metrics).map(([name, value]) => [name, value]),
      }),
    ];
  }
  const rows = [...baselines, { name: "tuned model", accuracy: metrics["accuracy"]!, macroF1: metrics["macroF1"]! }];
  return [
    showTable({
      caption: `On ${parts.test.length} rows that were never seen`,
      columns: [{ name: "method" }, { name: "accuracy", unit: "%", digits: 1 }, { name: "macro F1", digits: 3 }],
      rows: rows.map(({ name, accuracy, macroF1 }) => [name, 100 * accuracy, macroF1]),
    }),
    `Expected calibration error ${percent(metrics["calibrationError"]!)} (15 bins), loss ${metrics["loss"]!.toFixed(3)} nats a row.`,
  ];
}

function classes(findings: Findings): Section[] {
  if (findings.table.kind !== "classes") return [];
  const { classes: each, confusion, labels } = reportOf(findings);
  return [
    {
      title: "Classes",
      blocks: [
        showTable({
          caption: "How well each class is found",
          columns: [
            { name: "class" },
            { name: "precision", digits: 3 },
            { name: "recall", digits: 3 },
            { name: "F1", digits: 3 },
            { name: "rows", digits: 0 },
          ],
          rows: each.map(({ label, precision, recall, f1, actual }) => [label, precision, recall, f1, actual]),
        }),
        showTable({
          caption: "Rows by what they are (down) and what was said (across)",
          columns: [{ name: "class" }, ...labels.map((name) => ({ name, digits: 0 }))],
          rows: labels.map((label, i) => [label, ...confusion[i]!]),
        }),
      ],
    },
  ];
}

/** Test rows that were judged wrongly, the surest first. */
function mistakesOf({
  parts,
  predictions,
}: Findings): { row: number; text: string; actual: string; said: string; score: number }[] {
  return parts.test
    .flatMap(({ row, text, label }, i) => {
      const best = (predictions[i] as readonly LabelScore[])[0]!;
      return best.label === label ? [] : [{ row, text, actual: String(label), said: best.label, score: best.score }];
    })
    .sort((a, b) => b.score - a.score);
}

function mistakes(findings: Findings): Section[] {
  if (findings.table.kind !== "classes") return [];
  const all = mistakesOf(findings);
  if (all.length === 0) return [{ title: "Mistakes", blocks: ["There were none."] }];
  return [
    {
      title: "Mistakes",
      blocks: [
        "The surest first. Where the model is right after all, mend the label.",
        showTable({
          caption: `${Math.min(MISTAKES, all.length)} of ${all.length}`,
          columns: [
            { name: "row", digits: 0 },
            { name: "text" },
            { name: "label" },
            { name: "said" },
            { name: "probability", digits: 2 },
          ],
          rows: all
            .slice(0, MISTAKES)
            .map(({ row, text, actual, said, score }) => [String(row), shortened(text), actual, said, score]),
        }),
      ],
    },
  ];
}

function leftOut({ table, parts, plan, cutShare }: Findings): Block[] {
  const blocks: Block[] = [
    `${percent(cutShare)} of the rows were cut to ${plan.maxLength} tokens. ${parts.duplicates} rows were left out because another row has their text, or almost${parts.disputed === 0 ? "" : `; ${parts.disputed} of them with another label`}.`,
  ];
  if (table.skipped.length > 0) {
    blocks.push(
      showTable({
        caption: "Rows that were left out",
        columns: [{ name: "row" }, { name: "why" }],
        rows: table.skipped.map(({ row, why }) => [String(row), why]),
      }),
    );
  }
  if (table.notes.length > 0) blocks.push(table.notes.join("\n\n"));
  return blocks;
}

/** The page. */
export function createPage(findings: Findings): Report {
  const { table, parts, plan, modelName, best, isEarly, weights, trained, backend, metrics, counts } = findings;
  const score =
    table.kind === "classes"
      ? `${percent(metrics["accuracy"]!)} of ${parts.test.length} rows that were never seen are judged rightly`
      : `the root of the mean squared error is ${metrics["rootMeanSquaredError"]!.toFixed(3)} on ${parts.test.length} rows that were never seen`;
  return report({
    title: `${table.name}, tuned`,
    summary: `${modelName}, tuned on ${parts.train.length} rows: ${score}.`,
    sections: [
      { title: "Results", blocks: results(findings) },
      ...classes(findings),
      ...mistakes(findings),
      {
        title: "Training",
        blocks: [
          `The best moment was after step ${best.step} of at most ${plan.steps} (${counts} ${best.value.toFixed(3)}).${isEarly ? " Training ended early, because it did not get better any more." : ""}`,
          ...curves(findings),
        ],
      },
      { title: "What was left out", blocks: leftOut(findings) },
      {
        title: "Settings",
        blocks: [
          settings("Run", {
            model: modelName,
            columns: table.columns,
            plan,
            ...(weights !== undefined && { classWeights: weights }),
            trained,
            backend,
          }),
        ],
      },
    ],
  });
}
