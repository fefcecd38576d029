import type { AnyTool } from "../tools/tool.ts";
import type { AgentPlan } from "./options.ts";

/** Parts of a message that are not empty, with a blank line between. */
export const joined = (parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== "").join("\n\n");

/** Worked calls of the tools that are offered. */
function examplesOf(tools: Iterable<AnyTool>): string {
  const lines = [...tools].flatMap(({ name, examples }) =>
    examples.map(({ instruction, input, output }) => {
      const said = instruction === undefined ? "" : `"${instruction}": `;
      const gave = output === undefined ? "" : ` gives ${JSON.stringify(output)}`;
      return `- ${said}${name}(${JSON.stringify(input)})${gave}`;
    }),
  );
  return lines.length === 0 ? "" : `Examples of calls:\n${lines.join("\n")}`;
}

/**
 * The system message of a run.
 *
 * @param tools - Those that are offered at the start.
 * @param guide - What the planner says.
 */
export function systemText({ words, system, examples }: AgentPlan, tools: Iterable<AnyTool>, guide?: string): string {
  return joined([words.role, words.conflicts, system, guide, examples ? examplesOf(tools) : ""]);
}
