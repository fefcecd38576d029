import { addCost, type Cost, costOf, type Interval, wilson } from "@cambium/evaluation";
import { chooseTool, type TransferRecord, transferRate } from "./record.ts";

/** The figures of a transfer of tools. */
export interface TransferSummary {
  readonly sets: number;
  /** Questions solved by their own tools: without transfer. */
  readonly own: Interval & { readonly right: number; readonly total: number };
  /** All pairs of a tool and a question that it was not made for: what transfer gives on average. */
  readonly pairMean: Interval & { readonly right: number; readonly total: number };
  /** Mean over the sets of the best tool by the right answers. No system can choose so; an upper bound. */
  readonly oracle: number;
  /** Mean over the sets of the tool that its own checks choose, which know no right answers. */
  readonly validated: number;
  /** Sets in which the chosen tool is better, as good, and worse on the other questions than their own tools. */
  readonly comparedWithOwn: { readonly better: number; readonly equal: number; readonly worse: number };
  readonly cost: Cost;
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sums up sets. A set in which no tool works counts as what it is: nothing right. */
export function summariseTransfer(records: readonly TransferRecord[]): TransferSummary {
  const tools = records.flatMap((record) => record.tools);
  const uses = tools.flatMap((tool) => tool.uses);
  const count = (grades: readonly { readonly right: boolean }[]) => {
    const right = grades.filter((grade) => grade.right).length;
    return { right, total: grades.length, ...wilson(right, grades.length) };
  };
  const chosen = records.map((record) => record.tools[chooseTool(record.tools)]!);
  const differences = records.map((record, i) => {
    const others = record.tools.filter(({ madeFor }) => madeFor !== chosen[i]!.madeFor);
    return transferRate(chosen[i]!) - mean(others.map(({ own }) => Number(own.right)));
  });
  return {
    sets: records.length,
    own: count(tools.map(({ own }) => own)),
    pairMean: count(uses.map(({ grade }) => grade)),
    oracle: mean(records.map((record) => Math.max(...record.tools.map(transferRate)))),
    validated: mean(chosen.map(transferRate)),
    comparedWithOwn: {
      better: differences.filter((difference) => difference > 0).length,
      equal: differences.filter((difference) => difference === 0).length,
      worse: differences.filter((difference) => difference < 0).length,
    },
    cost: records.reduce((sum, { cost }) => addCost(sum, cost), costOf([])),
  };
}
