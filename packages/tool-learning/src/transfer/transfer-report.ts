import { parseConfig } from "@cambium/base";
import { loadReportPackage, trajectoryBlocks } from "@cambium/evaluation";
import type { Block, Report } from "@cambium/report";
import * as z from "zod";
import { chooseTool, type TransferRecord, transferRate, validationScore } from "./record.ts";
import { summariseTransfer, type TransferSummary } from "./summary.ts";

const schema = z.strictObject({ title: z.string().optional(), note: z.string().optional() });

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** The figures of a transfer in a few lines of text. */
export function transferText(summary: TransferSummary): string {
  const { own, pairMean, oracle, validated, comparedWithOwn: compared, sets } = summary;
  const interval = ({ low, high }: { readonly low: number; readonly high: number }): string =>
    `95 % interval ${percent(low)} to ${percent(high)}`;
  return [
    `own tools         ${percent(own.rate)}  (${own.right} of ${own.total}, ${interval(own)})`,
    `mean over pairs   ${percent(pairMean.rate)}  (${pairMean.right} of ${pairMean.total}, ${interval(pairMean)})`,
    `oracle choice     ${percent(oracle)}  (best tool of each set by the right answers: an upper bound)`,
    `validated choice  ${percent(validated)}  (tool of each set by checks that know no right answers)`,
    `chosen tool against own tools: better in ${compared.better}, equal in ${compared.equal}, worse in ${compared.worse} of ${sets} sets`,
  ].join("\n");
}

/**
 * A page about a transfer: the figures, each set with its tools, and every trajectory to be opened.
 *
 * @throws {ConfigError} When an option cannot be meant.
 * @throws {StateError} When the package `@cambium/report` is not installed.
 */
export async function transferReport(
  records: readonly TransferRecord[],
  options: { readonly title?: string; readonly note?: string } = {},
): Promise<Report> {
  parseConfig("transferReport", schema, options);
  const report = await loadReportPackage("transferReport");
  const summary = summariseTransfer(records);
  const { title = "Transfer of tools", note } = options;
  const sets = report.table({
    caption: "Tools of each set: checks passed (0 to 4), and share of right answers to the other questions",
    columns: [
      { name: "set" },
      { name: "tool" },
      { name: "made for" },
      { name: "own question" },
      { name: "checks", digits: 2 },
      { name: "other questions", unit: "%", digits: 1 },
      { name: "chosen" },
    ],
    rows: records.flatMap(({ id, tools }) =>
      tools.map((tool, i) => [
        i === 0 ? id : "",
        tool.name === "" ? "none" : tool.name,
        tool.madeFor,
        tool.own.right ? "right" : "wrong",
        validationScore(tool.validation),
        transferRate(tool) * 100,
        chooseTool(tools) === i ? "✓" : "",
      ]),
    ),
  });
  const folds = records.map(({ id, tools }) =>
    report.fold(
      id,
      tools.map((tool) =>
        report.fold(`${tool.madeFor}: ${tool.name}`, [
          report.code(tool.source),
          ...trajectoryBlocks(tool.trajectory, report),
          ...tool.uses.map((use): Block => {
            const trajectory = {
              ...tool.trajectory,
              task: {
                question: `Used for ${use.scenario}: ${use.answer ?? use.failure?.code ?? "no answer"}, right is ${use.gold}.`,
              },
              steps: use.steps,
            };
            return report.fold(
              `${use.grade.right ? "✓" : "✗"} used for ${use.scenario}`,
              trajectoryBlocks(trajectory, report),
            );
          }),
        ]),
      ),
    ),
  );
  return report.report({
    title,
    summary: [
      note,
      `A tool that was made for one question answers ${percent(summary.pairMean.rate)} of the others; the tool chosen by its own checks ${percent(summary.validated)}, the best one ${percent(summary.oracle)}.`,
    ]
      .filter((text) => text !== undefined)
      .join("\n\n"),
    sections: [
      { title: "Results", blocks: [report.code(transferText(summary)), sets] },
      { title: "Trajectories", blocks: folds },
    ],
  });
}
