import { evaluationReport, loadResults } from "@cambium/evaluation";
import { type Block, code, fold, type Report, type Section } from "@cambium/report";
import { describeTest, type LibraryTool } from "@cambium/tool-learning";
import type { Answering } from "./model.ts";

const RULES_NOTE =
  "No model took part: rules that know these kinds of problems answered in its place, from a server on this machine, and broke some of their first tries on purpose. Everything around the model is real: prompts, calls, sandbox, repairs, library. The figures show that it works together; they say nothing about any model.";

/** What is known of a tool, in a line. */
function toolTitle({ name, parameters, version, status, uses }: LibraryTool): string {
  return `${name}(${parameters.join(", ")}) ${version}: ${status}, answered ${uses.passed} of ${uses.total} questions`;
}

function toolBlocks({ name, source, tests, statusReason, origin }: LibraryTool): readonly Block[] {
  const calls = tests.map((test) => describeTest(name, test));
  return [
    `Made for: ${origin.question}`,
    `Status: ${statusReason}.`,
    code(source),
    ...(calls.length === 0 ? [] : ["Tests, recorded when it was used", code(calls.join("\n"))]),
  ];
}

function toolSection(tools: readonly LibraryTool[]): Section {
  const text =
    "Every tool that answered a question is kept. It becomes verified when it passes its tests twice and has answered two other questions; verified tools are offered to the next question.";
  return { title: "The tools", blocks: [text, ...tools.map((tool) => fold(toolTitle(tool), toolBlocks(tool)))] };
}

/** The report of a run. */
export async function createPage(
  results: string,
  tools: readonly LibraryTool[],
  { who, isRules }: Answering,
): Promise<Report> {
  const run = await loadResults(results);
  return evaluationReport([run], {
    title: `${run.summary.total} problems, solved with tools made for them`,
    note: isRules ? RULES_NOTE : `Answered by ${who}.`,
    sections: [toolSection(tools)],
  });
}
