import type { Block } from "@cambium/report";
import type { Step, Trajectory } from "../trajectory.ts";
import type { ReportPackage } from "./report-package.ts";

const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** What a step was and came to, in a line. */
function stepTitle(step: Step): string {
  const name = `${step.index + 1}. ${step.stage}${step.attempt === 0 ? "" : `, try ${step.attempt + 1}`}`;
  const time = seconds(step.durationMs);
  if (step.failure !== undefined) return `${name}: ${step.failure.code} (${time})`;
  if (step.kind === "run") return `${name}: ran (${time})`;
  if (step.kind === "query") return `${name}: answered (${time})`;
  if (step.kind === "tool") return `${name}: ${step.call.name} (${time})`;
  const tokens = step.usage === undefined ? "" : `, ${step.usage.inputTokens} + ${step.usage.outputTokens} tokens`;
  return `${name}: replied (${step.cached ? "stored reply" : time}${tokens})`;
}

function stepBlocks(step: Step, { code }: ReportPackage): readonly Block[] {
  const shown = (title: string, text: string): readonly Block[] =>
    text.trim() === "" ? [] : [title, code(text.trimEnd())];
  const failed = step.failure === undefined ? [] : shown("Failure", step.failure.stack ?? step.failure.message);
  switch (step.kind) {
    case "model":
      return [
        ...shown("Asked, after the instructions", step.prompt),
        ...shown("Thought", step.reasoning ?? ""),
        ...shown("Reply", step.reply),
        ...(step.toolCalls ?? []).flatMap((call) => shown(`Calls ${call.name}`, call.arguments)),
        ...failed,
      ];
    case "tool":
      return [...shown(`Call of ${step.call.name}`, step.call.arguments), ...shown("Told", step.text), ...failed];
    case "run":
      return [
        ...step.program.flatMap(({ name, source }) => shown(`Part: ${name}`, source)),
        ...shown("Printed", step.stdout),
        ...failed,
      ];
    case "query":
      return [...shown("Query", step.query), ...shown("Reply", step.reply), ...failed];
  }
}

/** A trajectory as blocks of a report: the task, then each step behind its own line. `report` is `@cambium/report`. */
export function trajectoryBlocks({ task, steps }: Trajectory, report: ReportPackage): readonly Block[] {
  const { code, fold } = report;
  return [
    task.question,
    ...(task.context === undefined ? [] : [code(task.context)]),
    ...steps.map((step) => fold(stepTitle(step), stepBlocks(step, report))),
  ];
}
